"""``mere comments list|add``: what people say of runs, versions and reports."""

from __future__ import annotations

from cyclopts import App
from rich.text import Text

from mere.cli.options import Options
from mere.cli.output import console, notes, print_json, when
from mere.client.capture import user_name
from mere.entities.actor import Actor, ActorKind
from mere.entities.comment import Comment, Subject
from mere.entities.dataset import parse_dataset
from mere.services.discussion.comments import PAGE_MAX, Answers, Thread
from mere.services.warehouse import Warehouse

__all__ = ["add", "app", "list_comments", "parse_subject"]

_KINDS = ("run:", "model:", "dataset:", "report:")

app = App(name="comments", help="Read and write comments on runs, versions and reports.")


def parse_subject(warehouse: Warehouse, word: str) -> Subject:
    """What is meant by ``model:NAME/VERSION``, ``dataset:NAME@VERSION``, ``report:ID``, or a run.

    Raises:
        NotFound: There is no such run or dataset.
        InvalidInput: The word is none of these.
    """
    if not word.startswith(_KINDS):
        return Subject("run", warehouse.runs.find(word).run_id)
    subject = Subject.of(word)
    if subject.kind == "run":
        return Subject("run", warehouse.runs.find(subject.id).run_id)
    if subject.kind == "dataset" and "@" in subject.id:
        found = warehouse.datasets.find(*parse_dataset(subject.id))
        return Subject("dataset", found.dataset_id)
    return subject


@app.command(name="list")
def list_comments(
    subject: str, /, *, limit: int = 20, unresolved: bool = False, options: Options | None = None
) -> None:
    """List what was said, the newest thread first.

    Args:
        subject: A run, model:NAME/VERSION, dataset:NAME@VERSION or report:ID.
        limit: At most so many threads.
        unresolved: Leave out threads that are resolved.
        options: Where they are and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    meant = parse_subject(warehouse, subject)
    page = warehouse.comments.threads(
        _me(), meant, limit=min(limit, PAGE_MAX), with_resolved=not unresolved
    )
    threads = [(one, _answers(warehouse, one)) for one in page.threads]
    if options.json:
        print_json([{"comment": one.head.comment, "answers": answers} for one, answers in threads])
        return
    if not threads:
        notes().print(f"nobody said anything of {subject} yet", style="dim", markup=False)
        return
    for one, answers in threads:
        _print(one.head.comment, "")
        for answer in answers:
            _print(answer, "    ")
    left = page.total - len(threads)
    if left > 0:
        notes().print(f"{left} more threads: --limit {PAGE_MAX} shows more", style="dim")


@app.command
def add(
    subject: str, text: str, /, *, answer: str | None = None, options: Options | None = None
) -> None:
    """Say something; @NAME tells somebody.

    Args:
        subject: A run, model:NAME/VERSION, dataset:NAME@VERSION or report:ID.
        text: What, as Markdown.
        answer: The id of a comment that it answers.
        options: Where to and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    meant = parse_subject(warehouse, subject)
    said = warehouse.comments.say(_me(), meant, text, thread=answer)
    if options.json:
        print_json(said)
        return
    console().print(said.comment_id)


def _me() -> Actor:
    """Whoever types this: one who holds the bucket may do all, under their own name."""
    return Actor(name=user_name() or Actor.local().name, kind=ActorKind.LOCAL)


def _answers(warehouse: Warehouse, thread: Thread) -> list[Comment]:
    """All answers of a thread, the oldest first."""
    if thread.answers_total == len(thread.answers):
        return [one.comment for one in thread.answers]
    found: list[Comment] = []
    while len(found) < thread.answers_total:
        page: Answers = warehouse.comments.answers(
            _me(), thread.head.comment.comment_id, offset=len(found)
        )
        found += [one.comment for one in page.answers]
        if not page.answers:
            break
    return found


def _print(comment: Comment, indent: str) -> None:
    head = Text(f"{indent}{comment.written_by}", style="bold")
    head.append(f"  {when(comment.said_at)[:16]}  {comment.comment_id}", style="dim")
    if comment.resolved_at is not None:
        head.append(f"  resolved by {comment.resolved_by}", style="green")
    console().print(head, soft_wrap=True)
    text = comment.text if comment.text is not None else f"(deleted by {comment.deleted_by})"
    for line in text.splitlines():
        # What others wrote must not steer the terminal.
        plain = "".join(one if one.isprintable() else " " for one in line)
        console().print(Text(f"{indent}  {plain}"), soft_wrap=True)

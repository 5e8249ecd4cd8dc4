"""Comments: what people say of a run, a version or a report, and whom they address.

A comment begins a thread or answers in one; there is one level of answers. Its text is Markdown.
``@name`` addresses a user or a group, ``@[several words]`` a group whose name has spaces; what is
in code addresses nobody.
"""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from mere.entities.actor import Scope
from mere.entities.limits import check_text
from mere.entities.model import check_version
from mere.errors import ErrorCode, InvalidInput

__all__ = [
    "MENTIONS_MAX",
    "TEXT_CHARS_MAX",
    "Comment",
    "RunReview",
    "Subject",
    "check_comment",
    "names_in",
]

TEXT_CHARS_MAX = 20_000
MENTIONS_MAX = 50
_ID_CHARS_MAX = 600
_KINDS = ("run", "model", "dataset", "report")
_CODE = re.compile(r"^(```|~~~).*?(?:^\1|\Z)|(`+)(?!`).+?(?<!`)\2(?!`)", re.DOTALL | re.MULTILINE)
_NAME = re.compile(
    r"(?<![\w@/.-])@(?:\[([^\]\n]{1,200})\]|([^\s:/\\<>\"'`,;\[\]\x00-\x1f\x7f]{1,200}))"
)
_TRAILING = ".!?)}*_~|…"


class Subject(msgspec.Struct, frozen=True):
    """What is talked about, named as lineage names its nodes.

    Args:
        kind: ``run``, ``model`` (a version of one), ``dataset`` (a version) or ``report``.
        id: The id of a run, a dataset version or a report; ``name/version`` of a model.
    """

    kind: str
    id: str

    @classmethod
    def of(cls, text: str) -> Subject:
        """Return the subject of a text such as ``run:0198…`` or ``model:digits/3``.

        Raises:
            InvalidInput: It is none.
        """
        kind, colon, what = text.partition(":")
        if kind not in _KINDS or not colon or not 0 < len(what) <= _ID_CHARS_MAX:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"subject {text[:80]!r} is unknown: use run:<id>, model:<name>/<version>, "
                "dataset:<id> or report:<id>",
                subject=text[:80],
            )
        return cls(kind, what)

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @property
    def version(self) -> tuple[str, int]:
        """The name and the number of a version of a model.

        Raises:
            InvalidInput: It names none.
        """
        name, _, number = self.id.rpartition("/")
        return name, check_version(number)

    @property
    def scope(self) -> Scope:
        """What somebody must be allowed to read, to see what is said of it."""
        if self.kind == "run":
            return Scope.run(self.id)
        if self.kind == "model":
            return Scope.model(self.version[0])
        # Who may read a report is looked up with it.
        return Scope.warehouse() if self.kind == "dataset" else Scope.anything()


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said.

    Args:
        comment_id: Sorts by time.
        subject: What it is about, such as ``run:0198…``.
        thread: The comment that it answers; None where it begins a thread.
        text: Markdown; None once it is deleted.
        written_by: Who said it; ``local`` where sign-in is off.
        mentions: The names in it that stand for somebody who may read it.
        said_at: When.
        edited_at: When its text was changed last.
        deleted_at: When it was deleted.
        deleted_by: Who did that.
        resolved_at: Since when its thread is settled.
        resolved_by: Who settled it.
    """

    comment_id: str
    subject: str
    thread: str | None = None
    text: str | None = None
    written_by: str
    mentions: list[str] = []
    said_at: datetime
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    deleted_by: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None


class RunReview(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said of a run as its reviewer, or whom they asked to be one.

    Args:
        review_id: Sorts by time.
        run_id: The run.
        state: ``requested``, ``approved``, ``rejected`` or ``comment``.
        comment: In words.
        reviewers: Whom a request asks.
        reviewed_by: The account that said it.
        reviewed_at: When.
    """

    review_id: str
    run_id: str
    state: str
    comment: str | None = None
    reviewers: list[str] = []
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None


def check_comment(text: object) -> str:
    """Return the text of a comment, if it may be one.

    Raises:
        InvalidInput: It is empty, too long or not storable.
    """
    checked = check_text(text, "comment", TEXT_CHARS_MAX, "put long texts into a file of the run")
    if not checked.strip():
        raise InvalidInput(ErrorCode.INVALID_VALUE, "the comment is empty: say something")
    return checked


def names_in(text: str) -> list[list[str]]:
    """Whom a text may mean: for each mention the names that it may stand for, longest first.

    A name may hold dots, and a sentence ends with one, so ``@ann.`` may mean ``ann.`` or ``ann``.
    """
    plain = _CODE.sub(" ", text)
    found: dict[str, list[str]] = {}
    for match in _NAME.finditer(plain):
        word = (match[1] or match[2]).strip()
        names = [word]
        while match[2] and word and word[-1] in _TRAILING:
            word = word[:-1]
            names.append(word)
        found.setdefault(names[0].casefold(), [name for name in names if name])
        if len(found) == MENTIONS_MAX:
            break
    return [names for names in found.values() if names]

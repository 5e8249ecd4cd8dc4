"""The difference of texts, as git writes it: to apply it to the first gives the second."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from mere.services.comparison.code_diff import LINES_MAX, diff_texts

LINES = st.lists(st.sampled_from(["a", "b", "def f():", "    x = 1", ""]), max_size=40)
HUNK = re.compile(r"@@ -(\d+),(\d+) \+(\d+),(\d+) @@")


def applied(before: list[str], hunks: list[str]) -> list[str]:
    """The lines that a difference makes of others."""
    found: list[str] = []
    at = 0
    for line in hunks:
        head = HUNK.match(line)
        if head:
            start, length = int(head[1]), int(head[2])
            begin = start - 1 if length else start
            found += before[at:begin]
            at = begin
            assert len(found) == int(head[3]) - (1 if int(head[4]) else 0)
        elif line[0] == "+":
            found.append(line[1:-1])
        else:
            assert before[at] == line[1:-1]
            at += 1
            if line[0] == " ":
                found.append(line[1:-1])
    return found + before[at:]


@given(LINES, LINES)
def test_applied_to_the_first_it_gives_the_second(before, after):
    hunks = list(diff_texts("\n".join(before), "\n".join(after)))
    old, new = "\n".join(before).splitlines(), "\n".join(after).splitlines()
    assert applied(old, hunks) == new
    assert bool(hunks) == (old != new)


def test_very_many_lines_are_shown_as_written_anew():
    before = "\n".join(f"a{n}" for n in range(LINES_MAX))
    after = "\n".join(f"b{n}" for n in range(LINES_MAX))
    hunks = list(diff_texts("same\n" + before, "same\n" + after))
    assert applied(("same\n" + before).splitlines(), hunks) == ("same\n" + after).splitlines()
    assert sum(line.startswith("@@") for line in hunks) == 1

"""The pool works until the very end of the interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mere.lake.objects.pool import RequestPool

AT_EXIT = """
import atexit
from mere.lake.objects.pool import RequestPool

def last():
    with RequestPool(2) as pool:
        print(list(pool.map(lambda n: n * n, range(4))))
        print(type(pool.submit(lambda: 1 / 0).exception()).__name__)

atexit.register(last)
"""


def test_functions_run_and_raise_in_their_futures():
    with RequestPool(2) as pool:
        assert list(pool.map(abs, (-1, 2))) == [1, 2]
        with pytest.raises(ZeroDivisionError):
            pool.submit(lambda: 1 / 0).result()


def test_work_is_done_while_the_interpreter_ends():
    done = subprocess.run(
        [sys.executable, "-c", AT_EXIT], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["[0, 1, 4, 9]", "ZeroDivisionError"]
    assert done.stderr == ""

"""Ends of processes: no run is left open by one that ends in an orderly way.

An orderly end is: the interpreter's exit, an exception nobody caught, SIGTERM, the end of a
`multiprocessing` child. What cannot be seen here (SIGKILL, a power cut) is recognised later, by
`mere.services.runs.liveness`.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from mere.entities.run import RunStatus

if TYPE_CHECKING:
    from mere.client.run import Run

__all__ = ["forget_run", "status_after", "watch_run"]

_SIGNAL_TIMEOUT_S = 5.0


class _Watch:
    """What this process watches over."""

    def __init__(self) -> None:
        self.has_handler = False
        self.reset()

    def reset(self) -> None:
        """Begin anew, as in a forked child; but signal handlers are inherited."""
        self.runs: dict[int, Run] = {}
        self.is_hooked = False
        self.status = RunStatus.FINISHED


_watch = _Watch()


def status_after(error: BaseException | None) -> RunStatus:
    """How a run ends that was left with this exception."""
    if error is None:
        return RunStatus.FINISHED
    if isinstance(error, KeyboardInterrupt):
        return RunStatus.KILLED
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return RunStatus.FINISHED
    return RunStatus.FAILED


def watch_run(run: Run) -> None:
    """See to it that a run ends when this process does."""
    _watch.runs[id(run)] = run
    if not _watch.is_hooked:
        _watch.is_hooked = True
        atexit.register(_at_exit)
        previous = sys.excepthook

        def on_uncaught(
            kind: type[BaseException], error: BaseException, trace: TracebackType | None
        ) -> None:
            _watch.status = status_after(error)
            previous(kind, error, trace)

        sys.excepthook = on_uncaught
        _hook_exit()
        _hook_multiprocessing()
    _hook_sigterm()


def forget_run(run: Run) -> None:
    """A run has ended by itself."""
    _watch.runs.pop(id(run), None)


def _end_all(status: RunStatus, timeout_s: float | None = None) -> None:
    # Children before their parents.
    for run in reversed(list(_watch.runs.values())):
        run.finish(status, timeout_s=timeout_s)


def _at_exit() -> None:
    _end_all(_watch.status)


class _Exit(SystemExit):
    """What `sys.exit` raises: tells, when it is forgotten, whether that was the process's end.

    An exit that nobody catches passes no hook. But the interpreter drops it right before it calls
    what is registered with `atexit`, in the main thread and below no frame of Python's; whoever
    catches it drops it within some frame.
    """

    def __del__(self) -> None:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and sys._getframe().f_back is None:  # noqa: SLF001
            _watch.status = status_after(self)


def _hook_exit() -> None:
    if getattr(sys.exit, "is_mere", False):
        return

    def leave(status: Any = None, /) -> NoReturn:
        raise _Exit(status)

    leave.__doc__, leave.__name__ = sys.exit.__doc__, "exit"
    leave.is_mere = True  # type: ignore[attr-defined]
    sys.exit = leave


def _hook_multiprocessing() -> None:
    """Children of `multiprocessing` may end without the interpreter's own exit."""
    if "multiprocessing.process" not in sys.modules:
        return
    from multiprocessing import process, util

    if process.parent_process() is None:
        return
    if sys.version_info >= (3, 13):
        # Finalizers come too late there: the exception is forgotten by then.
        threading._register_atexit(_at_child_end)  # type: ignore[attr-defined]  # noqa: SLF001
    else:
        # Highest priority, so that what others clean up is still there.
        util.Finalize(None, _at_child_end, exitpriority=1000)


def _at_child_end() -> None:
    """End the runs of a child of `multiprocessing`, which catches what its target raises."""
    error = sys.exc_info()[1]  # on its way still, before Python 3.13
    if error is not None:
        _end_all(status_after(error))
    else:
        _end_all(RunStatus.FAILED if _child_exit_code() else RunStatus.FINISHED)


def _child_exit_code() -> int:
    """The exit code that the frame which ran the child's target has come to."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001
    while frame is not None and frame.f_code.co_name != "_bootstrap":
        frame = frame.f_back
    return 0 if frame is None else frame.f_locals.get("exitcode", 0)


def _hook_sigterm() -> None:
    # Only the main thread may set handlers; runs started elsewhere are left to `liveness`.
    if _watch.has_handler or threading.current_thread() is not threading.main_thread():
        return
    previous: Any = signal.getsignal(signal.SIGTERM)
    if previous is None or previous is signal.SIG_IGN:
        return
    _watch.has_handler = True

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        _end_all(RunStatus.KILLED, timeout_s=_SIGNAL_TIMEOUT_S)
        for run in list(_watch.runs.values()):
            run.wait_ended(_SIGNAL_TIMEOUT_S)
        if callable(previous):
            previous(number, frame)
        else:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, on_sigterm)


def _after_fork_in_child() -> None:
    inherited = list(_watch.runs.values())
    _watch.reset()
    for run in inherited:
        run.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)

"""Wrapping the methods that fit, of all classes of estimators, and unwrapping them again."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator

__all__ = ["patch_all", "restore_all"]

_FITS = ("fit", "fit_predict", "fit_transform")

# A class may be made within a fit of another thread, or by what patching itself looks at.
_lock = threading.RLock()
_originals: list[tuple[type, str, Callable[..., Any], Callable[..., Any]]] = []


def _patch(kind: type) -> None:
    for name in _FITS:
        original = kind.__dict__.get(name)
        if inspect.isfunction(original) and not hasattr(original, "__mere__"):
            wrapped = _wrap(original)
            setattr(kind, name, wrapped)
            _originals.append((kind, name, original, wrapped))


def _wrap(original: Callable[..., Any]) -> Callable[..., Any]:
    # A real function, since scikit-learn looks for one where it routes metadata. It names nothing
    # of this module, so that classes of scripts can be pickled by value for worker processes.
    @functools.wraps(original)
    def fit(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        from mere.frameworks.sklearn import logged_fit

        return logged_fit(original, self, args, kwargs)

    fit.__mere__ = True  # type: ignore[attr-defined]
    return fit


def patch_all() -> None:
    """Wrap the methods that fit of every class that there is, and of those to come."""
    with _lock:
        _patch_later_classes()
        for kind in _subclasses(BaseEstimator):
            _patch(kind)


def _patch_later_classes() -> None:
    inherited = BaseEstimator.__dict__.get("__init_subclass__")

    def __init_subclass__(cls: type, /, **kwargs: Any) -> None:  # noqa: N807
        if inherited is not None:
            inherited.__get__(None, cls)(**kwargs)
        else:
            super(BaseEstimator, cls).__init_subclass__(**kwargs)
        with _lock:
            if _originals:
                _patch(cls)

    hook: Any = classmethod(__init_subclass__)
    BaseEstimator.__init_subclass__ = hook
    _originals.append((BaseEstimator, "__init_subclass__", inherited or _ABSENT, hook))


def restore_all() -> None:
    """Give every class its own methods back."""
    with _lock:
        _restore()


def _restore() -> None:
    while _originals:
        kind, name, original, wrapped = _originals.pop()
        if kind.__dict__.get(name) is not wrapped:
            continue  # somebody else has patched it since
        if original is _ABSENT:
            delattr(kind, name)
        else:
            setattr(kind, name, original)


def _ABSENT() -> None:  # noqa: N802
    """Stand for a method that the class did not have itself."""


def _subclasses(kind: type) -> set[type]:
    found: set[type] = set()
    waiting = [kind]
    while waiting:
        children: list[type] = type.__subclasses__(waiting.pop())
        for child in children:
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found

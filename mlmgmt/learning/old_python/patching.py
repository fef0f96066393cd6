"""Change classes and modules of this process, and find out who calls a changed function."""

from __future__ import annotations

import inspect
import sys
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SCRIPT = "__old_script__"
"""A name among the builtins of scripts and the modules of their bundles, and of nothing else."""
_ROOM = __name__.rpartition(".")[0]


def add(*kinds: Any, name: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a function to classes that lack it."""

    def adding(function: Callable[..., Any]) -> Callable[..., Any]:
        for kind in kinds:
            if not hasattr(kind, name or function.__name__):
                setattr(kind, name or function.__name__, function)
        return function

    return adding


def around(kind: Any, name: str, more: Sequence[str] = ()) -> Callable[[Callable[..., Any]], None]:
    """Replace a method or function by one that gets it as its first argument.

    Args:
        more: parameters that the new one has besides those of the old one.
    """
    before = getattr(kind, name)

    def replacing(function: Callable[..., Any]) -> None:
        @wraps(before)
        def call(*arguments: Any, **named: Any) -> Any:
            return function(before, *arguments, **named)

        if more:
            call.__signature__ = _with_more(before, more)  # type: ignore[attr-defined]
        setattr(kind, name, call)

    return replacing


def _with_more(function: Callable[..., Any], more: Sequence[str]) -> inspect.Signature:
    signature = inspect.signature(function)
    added = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in more]
    known = list(signature.parameters.values())
    place = next((at for at, part in enumerate(known) if part.kind is inspect.Parameter.VAR_KEYWORD), len(known))
    return signature.replace(parameters=[*known[:place], *added, *known[place:]])


def called_by_script(*also: str) -> bool:
    """Whether the function that asks was called by a script, or a module of its bundle.

    The libraries rely on today's answers of what is changed here, so many changes are for scripts only.

    Args:
        also: libraries that count as a script, too.
    """
    frame = sys._getframe(1)
    while _is_inside(frame.f_globals.get("__name__") or "") and frame.f_back is not None:
        frame = frame.f_back
    return SCRIPT in frame.f_builtins or (frame.f_globals.get("__name__") or "").partition(".")[0] in also


def _is_inside(module: str) -> bool:
    return module == _ROOM or module.startswith(f"{_ROOM}.")

"""Files as scripts for Windows and Python 2 opened them."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.learning.old_python import texts
from mlmgmt.learning.old_python.patching import around, called_by_script

if TYPE_CHECKING:
    from collections.abc import Callable


def with_slashes(path: Any) -> Any:
    """Return a path with slashes for backslashes if it only exists, or can only be made, with them."""
    if not isinstance(path, str) or "\\" not in path or Path(path).exists():
        return path
    changed = path.replace("\\", "/")
    return changed if os.path.dirname(changed) and Path(changed).parent.is_dir() else path


def open_file(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
    """Do `open`. The mode `U` is what text always has today."""
    mode = mode.replace("U", "") or "r"
    return open(with_slashes(file), mode if set(mode) & set("rwax") else f"r{mode}", *arguments, **named)


def restore_pickles() -> None:
    """Let pickles be of Python 2, and be in files that were opened as text."""
    import pickle

    @around(pickle, "load")
    def _(before: Callable[..., Any], file: Any, *arguments: Any, **named: Any) -> Any:
        return before(_binary(file), *arguments, **_with_encoding(named))

    @around(pickle, "dump")
    def _(before: Callable[..., Any], value: Any, file: Any, *arguments: Any, **named: Any) -> None:
        before(value, _binary(file), *arguments, **named)

    @around(pickle, "loads")
    def _(before: Callable[..., Any], data: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(data, str) and not isinstance(data, texts.Encoded):
            data = data.encode("latin-1")
        return before(texts.raw(data), *arguments, **_with_encoding(named))


def _binary(file: Any) -> Any:
    return file.buffer if isinstance(file, io.TextIOWrapper) else file


def _with_encoding(named: dict[str, Any]) -> dict[str, Any]:
    return {"encoding": "latin-1", **named} if called_by_script() else named

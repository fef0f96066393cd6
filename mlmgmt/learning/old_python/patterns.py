"""Regular expressions of Python 2, in which letters, digits and spaces were those of ASCII."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlmgmt.learning.old_python.patching import around, called_by_script

if TYPE_CHECKING:
    from collections.abc import Callable

_FLAGS_AT = {
    "compile": 0,
    "findall": 1,
    "finditer": 1,
    "fullmatch": 1,
    "match": 1,
    "search": 1,
    "split": 2,
    "sub": 3,
    "subn": 3,
}
"""The place of the flags among the arguments after the pattern."""


def restore() -> None:
    """Change the functions of `re` for scripts, and for pandas, which takes patterns from them."""
    compile_pattern = re.compile
    for name, place in _FLAGS_AT.items():
        _narrow(name, place, compile_pattern)


def _narrow(name: str, place: int, compile_pattern: Callable[..., Any]) -> None:
    @around(re, name)
    def _(before: Callable[..., Any], pattern: Any, *arguments: Any, **named: Any) -> Any:
        flags = arguments[place] if len(arguments) > place else named.get("flags", 0)
        if not isinstance(pattern, str) or flags & re.UNICODE or not called_by_script("pandas"):
            return before(pattern, *arguments, **named)
        named.pop("flags", None)
        return before(_ascii(pattern, flags & ~re.LOCALE, compile_pattern), *arguments[:place], **named)


def _ascii(pattern: str, flags: int, compile_pattern: Callable[..., Any]) -> Any:
    try:
        return compile_pattern(pattern, flags | re.ASCII)
    except ValueError:
        # The pattern itself says that it is for all letters: "(?u)".
        return compile_pattern(pattern, flags)

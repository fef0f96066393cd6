"""Regular expressions as Python 2 and 3.5 had them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlmgmt.learning.old_python.patching import around, called_by_script

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmgmt.learning.old_python import OldPython

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


def restore(old: OldPython) -> None:
    """Change the functions of `re` for scripts, and for pandas, which takes patterns from them."""
    _restore_empty_matches()
    if old.python == 2:
        compile_pattern = re.compile
        for name, place in _FLAGS_AT.items():
            _narrow(name, place, compile_pattern)


def _narrow(name: str, place: int, compile_pattern: Callable[..., Any]) -> None:
    """Letters, digits and spaces were those of ASCII."""

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


def _restore_empty_matches() -> None:
    """A text was not split at nothing, and nothing right after a match was not replaced."""

    @around(re, "split")
    def _(before: Callable[..., Any], pattern: Any, string: Any, maxsplit: int = 0, flags: int = 0) -> Any:
        compiled = re.compile(pattern, flags) if called_by_script() else None
        if compiled is None or compiled.match(string[:0]) is None:
            return before(pattern, string, maxsplit, flags)
        found: list[Any] = []
        end = 0
        for match in compiled.finditer(string):
            if match.group() and not (maxsplit and len(found) >= maxsplit * (compiled.groups + 1)):
                found += [string[end : match.start()], *match.groups()]
                end = match.end()
        return [*found, string[end:]]

    @around(re, "sub")
    def _(before: Callable[..., Any], pattern: Any, repl: Any, string: Any, count: int = 0, flags: int = 0) -> Any:
        compiled = re.compile(pattern, flags) if called_by_script() else None
        if count or compiled is None or compiled.match(string[:0]) is None:
            return before(pattern, repl, string, count, flags)
        last = -1

        def replaced(match: Any) -> Any:
            nonlocal last
            is_left_out = not match.group() and match.start() == last
            last = match.end() if match.group() else -1
            return string[:0] if is_left_out else repl(match) if callable(repl) else match.expand(repl)

        return compiled.sub(replaced, string)

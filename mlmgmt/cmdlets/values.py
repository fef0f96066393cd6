"""Values as PowerShell writes them: hashtable literals, `$true`, `$null`, arrays."""

from __future__ import annotations

import re
from typing import Any

from mlmgmt.errors import WrongUsage

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<open>@[{(])|(?P<close>[})])|(?P<equals>=)|(?P<separator>[;,])|
        '(?P<single>(?:[^']|'')*)'|"(?P<double>(?:[^"`]|""|`.)*)"|
        (?P<bare>[^\s{}()=;,'"]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")
_WORDS = {"$true": True, "$false": False, "$null": None}
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def is_hashtable(text: str) -> bool:
    return text.lstrip().startswith("@{")


def hashtable(text: str) -> dict[str, Any]:
    """Read a hashtable literal such as `@{Primary='x'; MaxConcurrentCalls=30}`.

    Raises:
        WrongUsage: the text is not a hashtable.
    """
    reader = _Reader(text.translate(_QUOTES))
    value = reader.value()
    if not isinstance(value, dict) or reader.rest():
        raise reader.refusal()
    return value


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def rest(self) -> str:
        return self._text[self._at :].strip()

    def refusal(self) -> WrongUsage:
        near = self.rest()[:20] or "its end"
        return WrongUsage(
            f"The hashtable cannot be read near {near!r}.", hint="Write it like @{Name='value'; Other=30}."
        )

    def _next(self) -> tuple[str, str]:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise self.refusal()
        self._at = found.end()
        kind = str(found.lastgroup)
        return kind, found[kind]

    def _peek(self) -> str:
        found = _TOKEN.match(self._text, self._at)
        return str(found.lastgroup) if found else ""

    def value(self) -> Any:
        kind, text = self._next()
        if kind == "open":
            return self._pairs() if text == "@{" else self._items()
        if kind == "single":
            return text.replace("''", "'")
        if kind == "double":
            return re.sub(r"`(.)", r"\1", text.replace('""', '"'))
        if kind != "bare":
            raise self.refusal()
        if text.casefold() in _WORDS:
            return _WORDS[text.casefold()]
        if _NUMBER.fullmatch(text):
            return float(text) if "." in text else int(text)
        return text

    def _pairs(self) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        while self._peek() != "close":
            kind, key = self._next()
            if kind == "separator":
                continue
            if kind not in ("bare", "single", "double") or self._next()[0] != "equals" or key in pairs:
                raise self.refusal()
            pairs[key] = self._list()
        self._next()
        return pairs

    def _list(self) -> Any:
        """Read a value, or an array of values with commas between them."""
        first = self.value()
        if self._text[self._at :].lstrip()[:1] != ",":
            return first
        items = [first]
        while self._text[self._at :].lstrip()[:1] == ",":
            self._next()
            items.append(self.value())
        return items

    def _items(self) -> list[Any]:
        items: list[Any] = []
        while self._peek() != "close":
            if self._peek() == "separator":
                self._next()
                continue
            items.append(self.value())
        self._next()
        return items

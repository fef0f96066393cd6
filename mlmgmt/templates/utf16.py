"""Texts as .NET counts them: in UTF-16 units, of which an emoji has two."""

from __future__ import annotations

import re

_HALF = re.compile("[\ud800-\udfff]")


def units(text: str) -> str:
    """Return a text with one character for each UTF-16 unit."""
    if not text or max(text) <= "\uffff":
        return text
    data = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(int.from_bytes(data[place : place + 2], "little")) for place in range(0, len(data), 2))


def joined(text: str) -> str:
    """Return a text of units with whole characters again."""
    if text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def whole(text: str) -> str:
    """Return a text as .NET encodes it: half a character becomes the replacement character."""
    return _HALF.sub("\ufffd", text)


def length(text: str) -> int:
    return len(text) if text.isascii() else len(units(text))

"""Ids of requests, in the form of a GUID, and what else headers hold."""

from __future__ import annotations

import re
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WARNINGS_HEADER = "x-mlmgmt-warnings"
_LONGEST_VALUE = 1024
_HARMLESS = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PREFIX = "-".join((token_hex(4), token_hex(2), "4" + token_hex(2)[1:], "8" + token_hex(2)[1:]))
_NUMBERS = count(1)


def new() -> str:
    """An id that no other request has: a random beginning for the process, then a number."""
    return f"{_PREFIX}-{next(_NUMBERS):012x}"


def is_harmless(text: str) -> bool:
    """Whether an id that a client gave may be repeated in a header."""
    return _HARMLESS.fullmatch(text) is not None


def header_value(sentences: Sequence[str]) -> str:
    """Sentences for people as a header takes them: names that a document brings may stand in them."""
    return printable("; ".join(sentences)[:_LONGEST_VALUE])


def printable(text: str) -> str:
    """A text whose every letter a header may have; the others become question marks."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)

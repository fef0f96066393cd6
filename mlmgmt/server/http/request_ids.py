"""Ids of requests, in the form of a GUID, and other text that is safe in a header."""

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
    """Return a new id: a random prefix of the process, then a number."""
    return f"{_PREFIX}-{next(_NUMBERS):012x}"


def is_harmless(text: str) -> bool:
    """Whether a client's id may be repeated in a header."""
    return _HARMLESS.fullmatch(text) is not None


def header_value(sentences: Sequence[str]) -> str:
    """Return sentences as the value of a header. They may contain names from a document, so any character."""
    return printable("; ".join(sentences)[:_LONGEST_VALUE])


def printable(text: str) -> str:
    """Replace the characters that a header cannot have by question marks."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)

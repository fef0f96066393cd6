"""Functions of texts."""

from __future__ import annotations

import re
from typing import Any

from mlmgmt.templates import utf16
from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.json_text import json_text
from mlmgmt.templates.limits import short_enough
from mlmgmt.templates.signatures import (
    ANY,
    ARRAY,
    INTEGER,
    TEXT,
    TEXT_OR_INTEGER,
    Function,
    Kind,
    type_of,
)

_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029"
_BLANKS += "\u202f\u205f\u3000"
"""What .NET trims; Python would trim four control characters, too."""
_JOINABLE = (str, int, bool)
_CHANGING_TO_ASCII = "\u017f\u212a"
_WRITABLE = Kind("a string, an integer, a boolean, an array or an object", (str, int, bool, list, dict))


def concat(*values: Any) -> Any:
    """Return arrays or texts one after the other; booleans become True and False."""
    if values and all(type(value) is list for value in values):
        return [item for value in values for item in value]
    for value in values:
        if type(value) not in _JOINABLE:
            message = f"it joins strings, integers and booleans, or arrays only; {type_of(value)} is neither."
            raise TemplateError(message)
    return _joined([str(value) for value in values])


def _joined(texts: list[str], separator: str = "") -> str:
    short_enough(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def join(values: list[Any], separator: str) -> str:
    for place, value in enumerate(values):
        if type(value) not in _JOINABLE:
            message = f"item {place} must be a string, an integer or a boolean, not {type_of(value)}."
            raise TemplateError(message)
    return _joined([str(value) for value in values], separator)


def pad_left(value: str | int, width: int, padding: str = " ") -> str:
    if len(utf16.units(padding)) != 1:
        raise TemplateError(f"argument 3 must be one character, not {padding[:40]!r}.")
    if width < 0:
        raise TemplateError(f"the width must be at least 0, not {width}.")
    short_enough(width)
    text = str(value)
    return padding * (width - utf16.length(text)) + text


def substring(text: str, start: int, count: int | None = None) -> str:
    units = utf16.units(text)
    if not 0 <= start <= len(units):
        raise TemplateError(f"the start must be between 0 and {len(units)}, not {start}.")
    if count is not None and not 0 <= count <= len(units) - start:
        raise TemplateError(f"the length must be between 0 and {len(units) - start}, not {count}.")
    end = len(units) if count is None else start + count
    return utf16.joined(units[start:end])


def replace(text: str, old: str, new: str) -> str:
    if not old:
        raise TemplateError("argument 2 must not be empty.")
    short_enough(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def split(text: str, separators: Any) -> list[str]:
    """Return the parts between separators; at each place, the first separator of the list that fits counts."""
    listed = [separators] if type(separators) is str else separators
    if type(listed) is not list or any(type(separator) is not str for separator in listed):
        raise TemplateError("argument 2 must be a string or an array of strings.")
    pattern = "|".join(re.escape(separator) for separator in listed if separator)
    return re.split(pattern, text) if pattern else [text]


def to_lower(text: str) -> str:
    return "".join(map(_lower, text)) if not text.isascii() else text.lower()


def to_upper(text: str) -> str:
    return "".join(map(_upper, text)) if not text.isascii() else text.upper()


def _lower(character: str) -> str:
    return _one_for_one(character, character.lower())


def _upper(character: str) -> str:
    return _one_for_one(character, character.upper())


def _one_for_one(character: str, other: str) -> str:
    """Return a character in another letter case as .NET's invariant culture does it: one character for each."""
    if character in _CHANGING_TO_ASCII:
        raise TemplateError(f"the letter case of the character {character!r} is not known here.")
    becomes_ascii = other.isascii() and not character.isascii()
    return character if len(other) != 1 or becomes_ascii else other


def trim(text: str) -> str:
    return text.strip(_BLANKS)


def string(value: Any) -> str:
    return json_text(value) if isinstance(value, list | dict) else str(value)


FUNCTIONS = {
    "concat": Function(concat, rest=ANY),
    "join": Function(join, (ARRAY, TEXT)),
    "padLeft": Function(pad_left, (TEXT_OR_INTEGER, INTEGER), (TEXT,)),
    "substring": Function(substring, (TEXT, INTEGER), (INTEGER,)),
    "replace": Function(replace, (TEXT, TEXT, TEXT)),
    "split": Function(split, (TEXT, ANY)),
    "toLower": Function(to_lower, (TEXT,)),
    "toUpper": Function(to_upper, (TEXT,)),
    "trim": Function(trim, (TEXT,)),
    "string": Function(string, (_WRITABLE,)),
}

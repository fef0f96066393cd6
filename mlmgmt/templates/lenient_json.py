"""JSON as Newtonsoft.Json reads it: with comments, single quotes, bare names, final commas and other numbers.

What it reads that is neither JSON nor one of these is refused here: text in a loose form is more likely a mistake.
"""

from __future__ import annotations

import re
from typing import Any

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.limits import DEEPEST_JSON

_BLANKS = re.compile(r"(?:[ \t\r\n\ufeff\xa0]++|//[^\r\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)*+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?P<fraction>\.[0-9]++)?(?P<exponent>[eE][+-]?[0-9]++)?(?![0-9A-Za-z.+_-])")
_OTHER_NUMBER = re.compile(r"(?P<hex>0[xX][0-9A-Fa-f]{1,16})(?![0-9A-Za-z.])|(?P<octal>0[0-7]{1,21})(?![0-9A-Za-z.])")
_WORD = re.compile(r"-?[A-Za-z_$][A-Za-z0-9_$]*+")
_PLAIN = {'"': re.compile(r'[^"\\]*+'), "'": re.compile(r"[^'\\]*+")}
_HEX = re.compile(r"[0-9A-Fa-f]{4}")
_WORDS = {
    "true": True,
    "false": False,
    "null": None,
    "undefined": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"} | {same: same for same in "\"'\\/"}
_LONGEST_NUMBER = 1000


def read(text: str) -> Any:
    """Return the first value of a text; what follows it is ignored.

    Raises:
        TemplateError: the text is not JSON, nor one of the loose forms that are read here.
    """
    return _Reader(text).document()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0

    def document(self) -> Any:
        value = self._value(1)
        return _joined_surrogates(value) if "\\u" in self._text else value

    def _value(self, level: int) -> Any:
        if level > DEEPEST_JSON:
            raise self._error(f"nests more than {DEEPEST_JSON} arrays and objects, which is the limit")
        match self._look():
            case "{":
                return self._object(level)
            case "[":
                return self._array(level)
            case '"' | "'":
                return self._string()
        return self._number_or_word()

    def _object(self, level: int) -> dict[str, Any]:
        self._place += 1
        members: dict[str, Any] = {}
        while self._look() != "}":
            name = self._name()
            if self._look() != ":":
                raise self._error("has a member without ':'")
            self._place += 1
            members[name] = self._value(level + 1)
            if not self._look() and level == 1:
                # An outermost object may be cut off after a member.
                return members
            if not self._comma("}"):
                break
        self._place += 1
        return members

    def _array(self, level: int) -> list[Any]:
        self._place += 1
        items: list[Any] = []
        while self._look() != "]":
            items.append(self._value(level + 1))
            if not self._comma("]"):
                break
        self._place += 1
        return items

    def _comma(self, close: str) -> bool:
        found = self._look()
        if found == ",":
            self._place += 1
        elif found != close:
            raise self._error(f"has something other than ',' or {close!r}")
        return found == ","

    def _name(self) -> str:
        if self._look() in ('"', "'"):
            return self._string()
        found = _WORD.match(self._text, self._place)
        if found is None or found[0].startswith("-"):
            raise self._error("has something other than the name of a member")
        self._place = found.end()
        return found[0]

    def _string(self) -> str:
        quote = self._text[self._place]
        self._place += 1
        pieces: list[str] = []
        while True:
            found = _PLAIN[quote].match(self._text, self._place)
            assert found is not None
            pieces.append(found[0])
            self._place = found.end() + 1
            if found.end() == len(self._text):
                raise self._error("ends within a text")
            if self._text[found.end()] == quote:
                return "".join(pieces)
            pieces.append(self._escape())

    def _escape(self) -> str:
        letter = self._text[self._place : self._place + 1]
        self._place += 1
        if letter == "u" and (found := _HEX.match(self._text, self._place)):
            self._place = found.end()
            return chr(int(found[0], 16))
        if letter not in _ESCAPES:
            raise self._error("has an unknown escape")
        return _ESCAPES[letter]

    def _number_or_word(self) -> Any:
        if found := _NUMBER.match(self._text, self._place):
            self._place = found.end()
            if len(found[0]) > _LONGEST_NUMBER:
                raise self._error(f"has a number of more than {_LONGEST_NUMBER:,} characters, which is the limit")
            return float(found[0]) if found["fraction"] or found["exponent"] else int(found[0])
        if found := _OTHER_NUMBER.match(self._text, self._place):
            self._place = found.end()
            return int(found["hex"], 16) if found["hex"] else int(found["octal"], 8)
        found = _WORD.match(self._text, self._place)
        if found is None or found[0] not in _WORDS:
            raise self._error("has something other than a value")
        self._place = found.end()
        return _WORDS[found[0]]

    def _look(self) -> str:
        """Return the next character that is neither blank nor in a comment; an empty text at the end."""
        found = _BLANKS.match(self._text, self._place)
        assert found is not None
        self._place = found.end()
        return self._text[self._place : self._place + 1]

    def _error(self, fault: str) -> TemplateError:
        return TemplateError(f"the text is not JSON: it {fault} before character {self._place + 1}.")


def _joined_surrogates(value: Any) -> Any:
    """Return a value whose texts have whole characters where two escapes, as in "\\ud83d\\ude00", made halves."""
    match value:
        case str():
            return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        case list():
            return [_joined_surrogates(item) for item in value]
        case dict():
            return {_joined_surrogates(name): _joined_surrogates(item) for name, item in value.items()}
    return value

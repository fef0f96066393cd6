"""Turn JSON that people wrote by hand into standard JSON, if the original reader (Newtonsoft.Json) took it and it has
one meaning: comments, single quotes, unquoted names, trailing commas, other forms of numbers, control characters.

The result knows its places in the file, so that messages name what the user sees; orjson reads it. Readers of JSON5
exist. They take 40 s for a megabyte or give no places, and they read forms that the original refused.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from mlmgmt.counts import count_of
from mlmgmt.definition.positions import place

_TOKEN = re.compile(
    r"""
    (?P<plain>[ \t\r\n]++)
    | (?P<blank>[\x00\x0b\x0c\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]++)
    | (?P<comment>//[^\r\n]*+ | /\*(?:[^*]++|\*(?!/))*+\*/)
    | (?P<mark>[{}\[\],:])
    | "(?P<double>(?:[^"\\]++|\\.)*+)"
    | '(?P<single>(?:[^'\\]++|\\.)*+)'
    | (?P<word>[^\s{}\[\],:"'/\x00]++)
    """,
    re.VERBOSE | re.DOTALL,
)
_NAME = re.compile(r"[A-Za-z0-9_$]+")
_STANDARD = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null", re.ASCII)
_NUMBER = re.compile(
    r"(?P<sign>-?)(?P<whole>\d*)(?P<point>\.?)(?P<fraction>\d*)(?P<exponent>(?:[eE][+-]?\d+)?)", re.ASCII
)
_HEX, _OCTAL = re.compile(r"0[xX][0-9a-fA-F]+"), re.compile(r"-?0\d+", re.ASCII)
_UNSAFE = re.compile(r"""\\(?P<escape>.) | (?P<control>[\x00-\x1f]) | (?P<quote>")""", re.VERBOSE | re.DOTALL)
_HALF = re.compile(r"\\u(?:(?P<high>[dD][89aAbB])|[dD][c-fC-F])[0-9a-fA-F]{2}")
_LOW = re.compile(r"\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_HIGH_BEFORE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_KINDS = {
    "comment": "comment",
    "blank": "unusual blank",
    "single": "single-quoted text",
    "name": "unquoted name",
    "comma": "trailing comma",
    "number": "unusual number",
    "control": "control character",
    "escape": "unusual escape",
}


class NotJson(ValueError):
    """What standard JSON does not have, and cannot be read as one thing: a sentence, what to write, and the offset."""

    def __init__(self, message: str, instead: str, at: int) -> None:
        super().__init__(message)
        self.message, self.instead, self.at = message, instead, at


class Deviation(NamedTuple):
    """One place where a text is not standard JSON; `kind` is a key of the kinds above."""

    kind: str
    at: int


@dataclass(slots=True)
class Straightened:
    """A text as standard JSON, and where it deviated."""

    original: str
    text: str = ""
    deviations: list[Deviation] = field(default_factory=list)
    _anchors: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])

    def offset(self, at: int) -> int:
        """Return the place in the original text of a place in the standard text."""
        new, old = self._anchors[bisect_right(self._anchors, (at, len(self.original))) - 1]
        return min(old + at - new, len(self.original))

    @property
    def summary(self) -> str:
        """What deviates, with counts: `2 comments and 1 trailing comma`."""
        counts = Counter(_KINDS[deviation.kind] for deviation in self.deviations)
        words = [count_of(number, kind) for kind, number in counts.items()]
        return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

    def place(self, at: int) -> tuple[int, int]:
        """Return the line and column in the original text, from 1, of a place in the standard text."""
        return place(self.original, self.offset(at))

    @property
    def first(self) -> tuple[int, int]:
        """The line and column of the first deviation, from 1."""
        return place(self.original, min(deviation.at for deviation in self.deviations))


_SENTENCES = {
    "comment": ("There is a comment.", "Remove it."),
    "blank": ("There is a blank that JSON does not have.", "Write a space."),
    "single": ("A text is in single quotes.", "Write double quotes."),
    "name": ("A name has no quotes.", "Write it in double quotes."),
    "comma": ("There is a comma before a closing bracket.", "Remove it."),
    "number": ("A number is not written as in JSON.", "Write it like 0.5 or 31."),
    "control": ("A text has a line end or another control character.", "Write \\n for a line end."),
    "escape": ("A single quote is escaped.", "Write it without the backslash."),
}


def explain(text: str) -> tuple[str, str, int] | None:
    """Return what is the first thing in a text that is not standard JSON, what to write instead, and where it is.

    None if nothing in particular can be said.
    """
    try:
        found = straighten(text).deviations
    except NotJson as error:
        return error.message, error.instead, error.at
    if not found:
        return None
    first = min(found, key=lambda deviation: deviation.at)
    return *_SENTENCES[first.kind], first.at


def straighten(text: str) -> Straightened:
    """Return a text as standard JSON.

    A text that is not JSON at all is returned with its fault, for the reader to find.

    Raises:
        NotJson: it has what the original reader refused, or read as something else than it says.
    """
    return _Straightener(text).result


class _Straightener:
    def __init__(self, text: str) -> None:
        self._text = text
        self._pieces: list[str] = []
        self._length = 0
        self._open: list[str] = []
        self._before = ""
        """The last mark, or "value" or "name" after one of these."""
        self._comma = (-1, 0)
        """The piece and the offset of the last comma after a value."""
        self.result = Straightened(text)
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                self._refuse_rest(at)
            assert found.lastgroup is not None
            getattr(self, f"_{found.lastgroup}")(found[0], at)
            at = found.end()
        self.result.text = "".join(self._pieces)

    def _add(self, piece: str, at: int, length: int) -> None:
        self._pieces.append(piece)
        self._length += len(piece)
        if len(piece) != length:
            self.result._anchors.append((self._length, at + length))

    def _note(self, kind: str, at: int) -> None:
        self.result.deviations.append(Deviation(kind, at))

    def _plain(self, part: str, at: int) -> None:
        self._add(part, at, len(part))

    def _blank(self, part: str, at: int) -> None:
        self._note("blank", at)
        self._add(" " * len(part), at, len(part))

    def _comment(self, part: str, at: int) -> None:
        if self._before == "name":
            raise NotJson("A comment stands between a name and its colon.", "Move it.", at)
        self._note("comment", at)
        self._add(re.sub(r"[^\r\n]", " ", part), at, len(part))

    def _mark(self, part: str, at: int) -> None:
        in_list = self._open[-1:] == ["["]
        if in_list and part == "," and self._before in ("[", ","):
            raise NotJson("A value is missing before the comma.", "The original put in 'undefined'. Write null.", at)
        piece, comma = self._comma
        if part in "}]" and self._before == "," and piece >= 0:
            self._pieces[piece] = " "
            self._note("comma", comma)
        if part == ",":
            self._comma = (len(self._pieces) if self._before == "value" else -1, at)
        if part in "{[":
            self._open.append(part)
        elif part in "}]" and self._open:
            self._open.pop()
        self._before = "value" if part in "}]" else part
        self._add(part, at, 1)

    @property
    def _expects_name(self) -> bool:
        return self._open[-1:] == ["{"] and self._before in ("{", ",")

    def _took_value(self) -> None:
        self._before = "name" if self._expects_name else "value"

    def _double(self, part: str, at: int) -> None:
        self._string(part, at)

    def _single(self, part: str, at: int) -> None:
        self._note("single", at)
        self._string(part, at)

    def _string(self, part: str, at: int) -> None:
        for half in _HALF.finditer(part):
            self._refuse_half(part, half, at)
        inner = part[1:-1]
        if _UNSAFE.search(inner):
            inner = _UNSAFE.sub(lambda found: self._safe(found, at), inner)
        self._took_value()
        self._add(f'"{inner}"', at, len(part))

    def _safe(self, found: re.Match[str], at: int) -> str:
        if found["escape"] is not None:
            return self._unescaped(found, at)
        if found["quote"] is not None:
            return '\\"'
        self._note("control", at)
        return _SHORT.get(found["control"], f"\\u{ord(found['control']):04x}")

    def _unescaped(self, found: re.Match[str], at: int) -> str:
        if found["escape"] != "'":
            return found[0]
        if self._text[at] == '"':
            self._note("escape", at)
        return "'"

    def _refuse_half(self, part: str, half: re.Match[str], at: int) -> None:
        before = part[: half.start()]
        if (len(before) - len(before.rstrip("\\"))) % 2:
            return
        whole = _LOW.match(part, half.end()) if half["high"] else _HIGH_BEFORE.search(before)
        if whole is None:
            message = f"{half[0]} is half of a character; the original replaced it."
            raise NotJson(message, "Write both halves, or the character itself.", at + half.start())

    def _word(self, part: str, at: int) -> None:
        if self._expects_name:
            if _NAME.fullmatch(part) is None:
                message = f"The name {_short(part)} has no quotes, and more than letters, digits, _ and $."
                raise NotJson(message, "Write it in double quotes.", at)
            self._note("name", at)
            self._before = "name"
            self._add(f'"{part}"', at, len(part))
            return
        self._took_value()
        self._add(self._value(part, at), at, len(part))

    def _value(self, part: str, at: int) -> str:
        if _STANDARD.fullmatch(part):
            return part
        if _HEX.fullmatch(part):
            self._note("number", at)
            return str(int(part, 16))
        if _OCTAL.fullmatch(part) and part.strip("-") != "00":
            message = f"{_short(part)} begins with 0; the original read such numbers as octal or refused them."
            raise NotJson(message, f"Write {part.lstrip('-0') or '0'}.", at)
        number = _NUMBER.fullmatch(part)
        if number is not None and (number["whole"] or number["fraction"]) and not number["whole"].startswith("0" * 2):
            self._note("number", at)
            fraction = f".{number['fraction'] or '0'}" if number["point"] else ""
            return f"{number['sign']}{number['whole'] or '0'}{fraction}{number['exponent']}"
        raise NotJson(*_explained(part), at)

    def _refuse_rest(self, at: int) -> NoReturn:
        rest = self._text[at]
        if rest == "/":
            cut = self._text.startswith("/*", at)
            message = "The comment has no end." if cut else "A comment begins with // or /*."
            raise NotJson(message, "Write */ at its end." if cut else "Write //.", at)
        raise NotJson("The text has no closing quote.", f"Write {rest} at its end.", at)


def _short(part: str) -> str:
    return repr(part if len(part) <= 40 else part[:37] + "...")


def _explained(part: str) -> tuple[str, str]:
    """Return a sentence about a word that is not a JSON value, and what to write."""
    plain = part.lstrip("-+")
    if plain in ("NaN", "Infinity"):
        return f"{part} is not a JSON number.", f'Write "{part}" in double quotes if the text is meant, or null.'
    if part == "undefined":
        return "'undefined' is not a JSON value.", "Write null."
    if part.casefold() in ("true", "false", "null", "none"):
        word = part.casefold().replace("none", "null")
        return f"{part} is not spelled as in JSON.", f"Write {word}."
    if part.startswith("#"):
        return "A comment begins with // or /*, not with #.", "Write //."
    if part[:1].isdigit() or part[:1] in "+-.":
        return f"{_short(part)} is not a number.", "Write it like -1.5e3."
    return f"{_short(part)} is a text without quotes.", "Write it in double quotes."

"""Parse JSON (RFC 8259) without loss, and write it in one canonical form; read files that people edit by hand, too.

The encodings are those that editors and PowerShell write: UTF-8 with or without a byte-order mark, and UTF-16 and
UTF-32 with one. What could not be written back unchanged (a member given twice, a number that does not fit 64 bits) is
refused, not rounded.
"""

from __future__ import annotations

import codecs
import gc
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt.definition.schema import Path, Problem, Severity
from mlmgmt.errors import BadRequest, Detail, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlmgmt.definition.loose_json import Straightened
    from mlmgmt.definition.lossy_json import Oddity

LARGEST = 32 * 1024 * 1024
"""The size of the largest definition that is read, in bytes."""

DEEPEST = 250
"""The deepest nesting that is read (what orjson writes, rounded down); a definition nests about ten deep."""

_MARKS = (
    # UTF-32 first: its little-endian mark starts with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WRITING = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
# Turns digits into 0 and removes dots and minus signs (see `_may_be_inexact`): a long number is a long run of zeros.
_DIGITS = bytes.maketrans(b"123456789E", b"000000000e")
_MOST_ODDITIES = 100
_ZERO = ord("0")
_LONG_RUN = b"0" * 16
_BEFORE_NUMBERS = frozenset((b"", b" ", b"\t", b"\n", b"\r", b":", b"[", b","))
_LARGE_EXPONENTS = (b"0e000", b"0e+000")


class Unreadable(BadRequest):
    """The text cannot be read as a JSON document. `line` and `column` count from 1; 0 means that no place is known.

    `oddities` lists everything that cannot be kept, where the text is valid JSON.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        line: int = 0,
        column: int = 0,
        hint: str | None = None,
        oddities: Sequence[Oddity] = (),
    ) -> None:
        super().__init__(message, details=[Detail(code, message)], hint=hint)
        self.line = line
        self.column = column
        self.oddities = oddities


def decode(data: bytes, *, largest: int = LARGEST) -> bytes:
    """Return a text as UTF-8 without a byte-order mark.

    Raises:
        TooLarge: more than `largest` bytes.
        Unreadable: `InvalidEncoding`, `EmptyDocument`.
    """
    if len(data) > largest:
        message = f"The document has {len(data):,} bytes; the limit is {largest:,} bytes."
        raise TooLarge(message, detail="DocumentTooLarge")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            data = data[len(mark) :]
            if encoding != "utf-8":
                data = _to_utf_8(data, encoding)
            break
    if not data.strip():
        raise Unreadable("EmptyDocument", "The document is empty.")
    return data


def _to_utf_8(data: bytes, encoding: str) -> bytes:
    try:
        return data.decode(encoding).encode()
    except UnicodeError as error:
        message = (
            f"The byte-order mark says {encoding.upper()}, but the text is not valid {encoding.upper()} ({error})."
        )
        raise Unreadable("InvalidEncoding", message) from None


def encode_like(original: bytes, text: str) -> bytes:
    """Encode a text like the bytes that it was edited from, with their byte-order mark."""
    for mark, encoding in _MARKS:
        if original.startswith(mark):
            return mark + text.encode(encoding)
    return text.encode()


def parse(data: bytes) -> Any:
    """Parse a JSON text exactly.

    Raises:
        TooLarge: more than `LARGEST` bytes.
        Unreadable: `InvalidEncoding`, `EmptyDocument`, `InvalidJson`, `TooDeep`, `DuplicateMember`, `InexactNumber`.
    """
    text = decode(data)
    try:
        return _exactly(text)
    except orjson.JSONDecodeError as error:
        raise _syntax_error(text, error) from None


@dataclass(frozen=True, slots=True)
class File:
    """The content of a file that people write: its value, and its text as standard JSON.

    `loose` is the text before that, if it was not standard JSON.
    """

    value: Any
    text: str
    loose: Straightened | None = None

    def locate(self, paths: Iterable[Path]) -> dict[Path, tuple[int, int]]:
        """Return the line and column in the file of each path; see `positions.locate`."""
        from mlmgmt.definition import positions

        return positions.locate(self.text, paths, self.loose.place if self.loose is not None else None)

    def with_string(self, path: Path, value: str) -> str:
        """Return the file's text with one string replaced, and all else unchanged.

        Raises:
            KeyError: the path is not in the file.
        """
        from mlmgmt.definition import positions

        begin, end = positions.span(self.text, path)
        original = self.text
        if self.loose is not None:
            original, begin, end = self.loose.original, self.loose.offset(begin), self.loose.offset(end)
        return original[:begin] + json.dumps(value, ensure_ascii=False) + original[end:]

    @property
    def warnings(self) -> list[tuple[str, tuple[int, int]]]:
        """What is said about a file that is not standard JSON, with its first place."""
        if self.loose is None:
            return []
        return [(f"This is not standard JSON, but was read: {self.loose.summary}.", self.loose.first)]


def parse_file(data: bytes) -> File:
    """Parse a file that people write: JSON, or what the original reader took for it and has one meaning.

    Raises:
        TooLarge, Unreadable: see `parse`.
    """
    text = decode(data)
    try:
        return File(_exactly(text), text.decode())
    except orjson.JSONDecodeError as error:
        if (loose := _straightened(text)) is None:
            raise _syntax_error(text, error) from None
    standard = loose.text.encode()
    try:
        return File(_exactly(standard, loose), loose.text, loose)
    except orjson.JSONDecodeError as error:
        raise _syntax_error(standard, error, loose) from None


def _straightened(text: bytes) -> Straightened | None:
    """Return a text as standard JSON; None if that does not help.

    Raises:
        Unreadable: `InvalidJson`, with what to write instead.
    """
    from mlmgmt.definition import loose_json
    from mlmgmt.definition.positions import place

    if _wrong_encoding(text) is not None:
        return None
    try:
        loose = loose_json.straighten(text.decode())
    except loose_json.NotJson as error:
        line, column = place(text.decode(), error.at)
        message = f"Not JSON: {error.message}"
        raise Unreadable("InvalidJson", message, line=line, column=column, hint=error.instead) from None
    return loose if loose.deviations else None


def _exactly(text: bytes, loose: Straightened | None = None) -> Any:
    """Return the value of a JSON text, unless something in it would be lost."""
    try:
        value = orjson.loads(text)
        # Writing checks the depth, in C, and shows how many members were kept: loads keeps the last of two.
        written = orjson.dumps(value)
    except (orjson.JSONEncodeError, RecursionError):
        raise Unreadable("TooDeep", f"The document is nested more than {DEEPEST} levels deep.") from None
    suspicious = b"\\u003" in text or text.count(b":") != written.count(b":")
    if (suspicious and _has_duplicates(text)) or (_may_be_inexact(text) and _has_inexact_numbers(text)):
        _refuse_oddities(text, loose)
    return value


def _may_be_inexact(text: bytes) -> bool:
    """Whether the text may contain a number that does not fit 64 bits: never misses one, and is seldom wrong.

    Numbers of fewer than 16 digits always fit; digits after a quote or a letter are part of a string (a GUID, a key).
    """
    zeros = text.translate(_DIGITS, b".-")
    return any(_is_in_a_number(zeros, mark) for mark in (_LONG_RUN, *_LARGE_EXPONENTS))


def _is_in_a_number(zeros: bytes, mark: bytes) -> bool:
    """Whether `mark` occurs in a run of digits that comes right after JSON punctuation."""
    at = zeros.find(mark)
    while at >= 0:
        begin, end = at, at + len(mark)
        while begin > 0 and zeros[begin - 1] == _ZERO:
            begin -= 1
        if zeros[max(begin - 1, 0) : begin] in _BEFORE_NUMBERS:
            return True
        while end < len(zeros) and zeros[end] == _ZERO:
            end += 1
        at = zeros.find(mark, end)
    return False


def _syntax_error(text: bytes, error: json.JSONDecodeError, loose: Straightened | None = None) -> Unreadable:
    line, column = loose.place(error.pos) if loose is not None else (error.lineno, error.colno)
    if error.msg == _refusal(b"[" * 10_000):
        message = f"The document is nested more than {DEEPEST} levels deep."
        return Unreadable("TooDeep", message, line=line, column=column)
    if (wrong := _wrong_encoding(text)) is not None:
        return wrong
    if error.msg == _refusal(b"1e999"):
        return Unreadable("InexactNumber", "The number is too large for 64 bits.", line=line, column=column)
    if loose is None and (explained := _explained(text)) is not None:
        return explained
    return Unreadable("InvalidJson", f"Not JSON: {error.msg}.", line=line, column=column)


def _explained(text: bytes) -> Unreadable | None:
    """Return an error that says what in a text is not standard JSON, such as single quotes, and what to write."""
    from mlmgmt.definition import loose_json
    from mlmgmt.definition.positions import place

    plain = text.decode()
    found = loose_json.explain(plain)
    if found is None:
        return None
    message, instead, at = found
    line, column = place(plain, at)
    return Unreadable("InvalidJson", f"Not JSON: {message}", line=line, column=column, hint=instead)


def _wrong_encoding(text: bytes) -> Unreadable | None:
    if b"\0" in text[:4] and text[:4].replace(b"\0", b"")[:1] in (b"{", b"["):
        message = "The text looks like UTF-16 or UTF-32 but has no byte-order mark."
        hint = "Save it as UTF-8, or with a byte-order mark."
        return Unreadable("InvalidEncoding", message, line=1, column=1, hint=hint)
    try:
        text.decode()
    except UnicodeDecodeError as bad:
        line = text.count(b"\n", 0, bad.start) + 1
        column = bad.start - text.rfind(b"\n", 0, bad.start)
        message = f"The text is not UTF-8 (byte 0x{text[bad.start]:02x}) and has no byte-order mark."
        hint = "Save it as UTF-8, or as UTF-16 with a byte-order mark."
        return Unreadable("InvalidEncoding", message, line=line, column=column, hint=hint)
    return None


def _refusal(text: bytes) -> str:
    """Return what orjson says about a text that it refuses. It has no codes, so the reason is found by comparison."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return error.msg
    return ""


class _Found(Exception):
    """A quick check found what cannot be kept."""


def _has_duplicates(text: bytes) -> bool:
    def check(pairs: list[tuple[str, Any]]) -> None:
        if len({name for name, _ in pairs}) < len(pairs):
            raise _Found

    try:
        json.loads(text, object_pairs_hook=check)
    except _Found:
        return True
    return False


def _has_inexact_numbers(text: bytes) -> bool:
    from mlmgmt.definition.lossy_json import is_exact

    def check(literal: str) -> int:
        if not is_exact(literal):
            raise _Found
        return 0

    try:
        json.loads(text, parse_int=check, parse_float=check)
    except _Found:
        return True
    return False


def _refuse_oddities(text: bytes, loose: Straightened | None) -> None:
    from mlmgmt.definition.lossy_json import oddities

    # Counting lines for each one is slow, and nobody reads more than these at a time.
    found = list(islice(oddities(text.decode(), loose.place if loose else None), _MOST_ODDITIES))
    first = found[0]
    hint = None
    if any(oddity.code == "InexactNumber" for oddity in found):
        hint = "Write a number as a string if every digit matters."
    raise Unreadable(first.code, first.message, line=first.line, column=first.column, hint=hint, oddities=found)


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause the cyclic garbage collector while a large document is built.

    A parsed document has no cycles, and the collector's repeated walks take several times as long as parsing.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def write(document: Any) -> bytes:
    """Return the canonical text: UTF-8 without a byte-order mark, indented by two blanks, a line feed at the end."""
    return orjson.dumps(document, option=_WRITING)


def export(document: Any) -> bytes:
    """Return the text that the original service exported: like `write`, with its numbers, and no final line feed.

    Decimals have an exponent below 1E-4 and from 1E+17, as .NET writes it; next line, line separator and paragraph
    separator are escaped.
    """
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    if _EXPONENT.search(text):
        text = orjson.dumps(_with_exponents(document), option=orjson.OPT_INDENT_2)
    for separator in "\x85\u2028\u2029":
        text = text.replace(separator.encode(), f"\\u{ord(separator):04x}".encode())
    return text


_EXPONENT = re.compile(rb"[\d.]e[-+]?\d|0\.0000")
"""What a number that is written in another form contains; texts may contain it, too."""


def _with_exponents(value: Any) -> Any:
    if type(value) is dict:
        return {name: _with_exponents(inner) for name, inner in value.items()}
    if type(value) is list:
        return [_with_exponents(inner) for inner in value]
    if type(value) is float and value and not 1e-4 <= abs(value) < 1e16:
        if 1e16 <= abs(value) < 1e17:
            return orjson.Fragment(f"{Decimal(repr(value)):f}.0")
        digits, _, exponent = repr(value).partition("e")
        power = int(exponent)
        return orjson.Fragment(f"{digits}E{'-' if power < 0 else '+'}{abs(power):02}")
    return value


def compact(document: Any) -> bytes:
    """Return the document on one line, for digests and comparisons."""
    return orjson.dumps(document)


def copy(document: Any) -> Any:
    """Return a deep copy."""
    return orjson.loads(orjson.dumps(document))


def json_path(path: Path) -> str:
    """Write a path as people do: `$.properties.assets["asset 3"].locationInfo`, `$.package.edges[2]`."""
    text = "$"
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier():
            text += f".{part}"
        else:
            text += "[" + json.dumps(part, ensure_ascii=False) + "]"
    return text


def not_an_object(value: Any) -> Problem | None:
    """Return the problem of a document that is not a JSON object; None for an object."""
    if isinstance(value, dict):
        return None
    found = "a list" if isinstance(value, list) else "null" if value is None else type(value).__name__
    return Problem(Severity.ERROR, "WrongType", (), f"The document is {found}.", "It must be an object.")

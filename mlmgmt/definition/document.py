"""Text to document and back: RFC 8259 read without loss, and one canonical way of writing.

The encodings are those that editors and PowerShell leave behind: UTF-8 with or without a mark, and UTF-16 and UTF-32
with one. What would change on the way through (a second member of the same name, a number that no 64-bit value holds)
is refused, not rounded.
"""

from __future__ import annotations

import codecs
import gc
import json
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt.definition.schema import Path, Problem, Severity
from mlmgmt.errors import BadRequest, Detail, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmgmt.definition.lossy_json import Oddity

LARGEST = 32 * 1024 * 1024
"""The largest definition that is read, in bytes."""

DEEPEST = 250
"""The deepest nesting that is read (what orjson writes, rounded down); a definition nests about ten deep."""

_MARKS = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WRITING = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
# Every digit becomes 0 and full stops go, so that a long number is a run of zeros whatever its digits are.
_DIGITS = bytes.maketrans(b"123456789E", b"000000000e")
_MOST_ODDITIES = 100
_ZERO = ord("0")
_LONG_RUN = b"0" * 16
_BEFORE_NUMBERS = frozenset((b"", b" ", b"\t", b"\n", b"\r", b":", b"[", b","))
_LARGE_EXPONENTS = (b"0e000", b"0e+000")


class Unreadable(BadRequest):
    """The text is not one JSON document; `line` and `column` count from 1, both 0 when no place can be named.

    `oddities` has all of them where JSON itself is sound and several things are not to be kept.
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
    """The same text in UTF-8 without a mark.

    Raises:
        TooLarge: more than `largest` bytes.
        Unreadable: `InvalidEncoding`, `EmptyDocument`.
    """
    if len(data) > largest:
        message = f"The document has {len(data):,} bytes; at most {largest:,} are read."
        raise TooLarge(message, details=[Detail("DocumentTooLarge", message)])
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
        message = f"The text is marked as {encoding.upper()} but cannot be read as such ({error})."
        raise Unreadable("InvalidEncoding", message) from None


def encode_like(original: bytes, text: str) -> bytes:
    """A text in the encoding, and with the mark, of the bytes it was edited from."""
    for mark, encoding in _MARKS:
        if original.startswith(mark):
            return mark + text.encode(encoding)
    return text.encode()


def parse(data: bytes) -> Any:
    """The value that a JSON text states, exactly.

    Raises:
        TooLarge: more than `LARGEST` bytes.
        Unreadable: `InvalidEncoding`, `EmptyDocument`, `InvalidJson`, `TooDeep`, `DuplicateMember`, `InexactNumber`.
    """
    text = decode(data)
    try:
        value = orjson.loads(text)
        # Writing counts the depth, in C; and it gives the members that were kept, to be counted below.
        written = orjson.dumps(value)
    except orjson.JSONDecodeError as error:
        raise _syntax_error(text, error) from None
    except (orjson.JSONEncodeError, RecursionError):
        raise Unreadable("TooDeep", f"The document nests more than {DEEPEST} levels deep.") from None
    suspicious = b"\\u003" in text or text.count(b":") != written.count(b":")
    if (suspicious and _has_duplicates(text)) or (_may_be_inexact(text) and _has_inexact_numbers(text)):
        _refuse_oddities(text)
    return value


def _may_be_inexact(text: bytes) -> bool:
    """Whether a number of the text may be longer than 64 bits hold; never misses one, and is seldom wrong.

    Fewer than 16 digits always survive; and what follows a quote or a letter is part of a text (a GUID, a key).
    """
    zeros = text.translate(_DIGITS, b".-")
    return any(_is_in_a_number(zeros, mark) for mark in (_LONG_RUN, *_LARGE_EXPONENTS))


def _is_in_a_number(zeros: bytes, mark: bytes) -> bool:
    """Whether `mark` stands in a run of digits that nothing but the punctuation of JSON comes before."""
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


def _syntax_error(text: bytes, error: json.JSONDecodeError) -> Unreadable:
    if "depth" in error.msg or "ecursion" in error.msg:
        message = f"The document nests more than {DEEPEST} levels deep."
        return Unreadable("TooDeep", message, line=error.lineno, column=error.colno)
    if b"\0" in text[:4] and text[:4].replace(b"\0", b"")[:1] in (b"{", b"["):
        message = "The text looks like UTF-16 or UTF-32, and has no byte-order mark."
        return Unreadable("InvalidEncoding", message, line=1, column=1, hint="Save it with a mark, or as UTF-8.")
    try:
        text.decode()
    except UnicodeDecodeError as bad:
        line = text.count(b"\n", 0, bad.start) + 1
        column = bad.start - text.rfind(b"\n", 0, bad.start)
        message = f"The text is not UTF-8 (byte 0x{text[bad.start]:02x}), and no mark says what else it is."
        hint = "Save it as UTF-8, or as UTF-16 with a byte-order mark."
        return Unreadable("InvalidEncoding", message, line=line, column=column, hint=hint)
    if "infinity" in error.msg:
        message = "The number is too large for 64 bits."
        return Unreadable("InexactNumber", message, line=error.lineno, column=error.colno)
    return Unreadable("InvalidJson", f"Not JSON: {error.msg}.", line=error.lineno, column=error.colno)


class _Found(Exception):
    """A quick look found an oddity."""


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


def _refuse_oddities(text: bytes) -> None:
    from mlmgmt.definition.lossy_json import oddities

    # Each costs a walk to its line; whoever has more than these mends these first.
    found = list(islice(oddities(text.decode()), _MOST_ODDITIES))
    first = found[0]
    hint = "Write a number as text if every digit matters." if any(o.code == "InexactNumber" for o in found) else None
    raise Unreadable(first.code, first.message, line=first.line, column=first.column, hint=hint, oddities=found)


@contextmanager
def gc_paused() -> Iterator[None]:
    """Keep the cyclic collector from walking a large document again and again while it is being built.

    A parsed document holds no cycles, and the collector's walks cost several times the parse.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def write(document: Any) -> bytes:
    """The canonical text: UTF-8 without a mark, two blanks of indentation, line feeds, one at the end."""
    return orjson.dumps(document, option=_WRITING)


def compact(document: Any) -> bytes:
    """The document on one line, for digests and for comparing."""
    return orjson.dumps(document)


def copy(document: Any) -> Any:
    """A copy that shares nothing with the document."""
    return orjson.loads(orjson.dumps(document))


def json_path(path: Path) -> str:
    """A path as people write it: `$.properties.assets["asset 3"].locationInfo`, `$.package.edges[2]`."""
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
    """The problem of a document that is JSON, but no object."""
    if isinstance(value, dict):
        return None
    found = "a list" if isinstance(value, list) else "null" if value is None else type(value).__name__
    return Problem(Severity.ERROR, "WrongType", (), f"The document is {found}.", "an object")

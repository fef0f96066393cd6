"""Equality of values, and the order and search of texts that follow a language rather than character codes."""

from __future__ import annotations

import unicodedata
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.limits import LONGEST_COMPARED
from mlmgmt.templates.names import spelling_in
from mlmgmt.templates.signatures import ANY, NUMBER, TEXT, Function, type_of
from mlmgmt.templates.utf16 import length

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

_ORDER = "\t\n\v\f\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz"
"""Characters in the order of Unicode's root collation, which .NET follows in its invariant culture."""
_RANKS = {character: rank for rank, character in enumerate(_ORDER)}
_FIRST_CODE = 0x10000
_NO_ACCENT = ""
_LOWER, _SHARP_S, _UPPER = range(3)
_CHANGING = "ıİ\u017f"
"""Letters whose letter case depends on the language."""


def key(value: Any) -> Hashable:
    """Return a value to compare with others: types count, letter case counts, the order of members does not."""
    match value:
        case list():
            return ("array", tuple(map(key, value)))
        case dict():
            return ("object", frozenset((name, key(item)) for name, item in value.items()))
    return (type(value), value)


def same(left: Any, right: Any) -> bool:
    return key(left) == key(right)


def contains(container: Any, item: Any) -> bool:
    match container, item:
        case str(), str():
            return item in container
        case list(), _:
            return key(item) in map(key, container)
        case dict(), str():
            return spelling_in(container, item) is not None
    message = f"it looks for a string in a string or an object, or for anything in an array, not for {type_of(item)}"
    raise TemplateError(f"{message} in {type_of(container)}.")


def _place_in(container: Any, item: Any, *, last: bool) -> int:
    match container, item:
        case list(), _:
            places = [place for place, present in enumerate(container) if same(present, item)]
            return places[-1 if last else 0] if places else -1
        case str(), str():
            return _place_of_text(container, item, last=last)
    raise TemplateError(
        f"it looks for a string in a string, or for anything in an array, not for {type_of(item)}"
        f" in {type_of(container)}."
    )


def index_of(container: Any, item: Any) -> int:
    return _place_in(container, item, last=False)


def last_index_of(container: Any, item: Any) -> int:
    return _place_in(container, item, last=True)


def _place_of_text(text: str, part: str, *, last: bool) -> int:
    if not part:
        return max(length(text) - 1, 0) if last else 0
    letters = _Letters()
    coded, starts = letters.coded(text)
    wanted, _ = letters.coded(part)
    place = coded.rfind(wanted) if last else coded.find(wanted)
    return starts[place] if place >= 0 else -1


def starts_with(text: str, part: str) -> bool:
    letters = _Letters()
    return letters.coded(text)[0].startswith(letters.coded(part)[0])


def ends_with(text: str, part: str) -> bool:
    letters = _Letters()
    return letters.coded(text)[0].endswith(letters.coded(part)[0])


class _Letters:
    """Codes for letters, one for each letter with its accents in any letter case; ASCII letters are their own codes."""

    def __init__(self) -> None:
        self._codes: dict[str, str] = {}
        self._known: dict[str, str] = {}

    def coded(self, text: str) -> tuple[str, Sequence[int]]:
        """Return a text with one code for each letter, and the UTF-16 unit where each of them starts."""
        lower = text.lower()
        if text.isascii() and _RANKS.keys() >= set(lower):
            return lower, range(len(text))
        _refuse_long(text)
        letters = list(_letters(text))
        starts = accumulate(map(length, letters), initial=0)
        return "".join(self._known.get(letter) or self._code(letter) for letter in letters), list(starts)

    def _code(self, letter: str) -> str:
        searchable = unicodedata.normalize("NFC", "".join(map(_searchable, letter)))
        new = searchable if searchable in _RANKS else chr(_FIRST_CODE + len(self._codes))
        self._known[letter] = self._codes.setdefault(searchable, new)
        return self._known[letter]


def _refuse_long(text: str) -> None:
    if len(text) > LONGEST_COMPARED:
        raise TemplateError(f"texts of more than {LONGEST_COMPARED:,} characters cannot be compared here.")


def _letters(text: str) -> Iterator[str]:
    """Yield each character with the combining marks after it."""
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or not unicodedata.combining(text[place]):
            if start < len(text):
                yield text[start:place]
            start = place


def _searchable(character: str) -> str:
    """Return a character in lower case.

    Raises:
        TemplateError: a language decides how it compares.
    """
    if character.lower() in _RANKS or unicodedata.combining(character):
        return character.lower()
    base = unicodedata.normalize("NFD", character)[0]
    latin = base.lower() in _RANKS or character == "ß"
    without_case = unicodedata.category(character) == "So" or "CJK UNIFIED" in unicodedata.name(character, "")
    if (latin or without_case) and character not in _CHANGING:
        return character.lower()
    raise _incomparable(character)


def _incomparable(character: str) -> TemplateError:
    return TemplateError(f"texts with the character {character!r} cannot be compared here.")


def _compared(left: Any, right: Any) -> int:
    """Return -1, 0 or 1 as the left value comes before, with or after the right one."""
    if TEXT.takes(left) or TEXT.takes(right):
        if not (TEXT.takes(left) and TEXT.takes(right)):
            raise TemplateError(f"it cannot compare {type_of(left)} with {type_of(right)}.")
        return _compared_texts(left, right)
    for value in (left, right):
        if not NUMBER.takes(value):
            raise TemplateError(f"it compares two numbers or two strings, not {type_of(value)}.")
    return int(left > right) - int(left < right)


def _compared_texts(left: str, right: str) -> int:
    if left == right:
        return 0
    first, second = _weights(left), _weights(right)
    if first.letters == second.letters:
        _refuse_unknown_order(first, second)
    return int(first > second) - int(first < second)


class _Weights(NamedTuple):
    """What decides about the order of texts: first the letters, then the accents, then the letter case."""

    letters: list[int]
    accents: list[str]
    cases: list[int]


def _weights(text: str) -> _Weights:
    _refuse_long(text)
    weights = _Weights([], [], [])
    for character in unicodedata.normalize("NFD", text):
        if unicodedata.combining(character):
            weights.accents.append(character)
            continue
        for base in "ss" if character == "ß" else character.lower():
            if base not in _RANKS:
                raise _incomparable(character)
            weights.letters.append(_RANKS[base])
            weights.accents.append(_NO_ACCENT)
            case = _LOWER if character == base else _UPPER
            weights.cases.append(_SHARP_S if character == "ß" else case)
    return weights


def _refuse_unknown_order(left: _Weights, right: _Weights) -> None:
    accents = next((pair for pair in zip(left.accents, right.accents, strict=False) if len(set(pair)) > 1), ("", ""))
    cases = next((pair for pair in zip(left.cases, right.cases, strict=True) if len(set(pair)) > 1), (0, 0))
    if all(accents) or set(cases) == {_SHARP_S, _UPPER}:
        raise TemplateError("texts that differ in the kind of an accent, or in ß and SS, cannot be compared here.")


def _order(decides: Callable[[int], bool]) -> Function:
    return Function(lambda left, right: decides(_compared(left, right)), (ANY, ANY))


FUNCTIONS = {
    "equals": Function(same, (ANY, ANY)),
    "contains": Function(contains, (ANY, ANY)),
    "indexOf": Function(index_of, (ANY, ANY)),
    "lastIndexOf": Function(last_index_of, (ANY, ANY)),
    "startsWith": Function(starts_with, (TEXT, TEXT)),
    "endsWith": Function(ends_with, (TEXT, TEXT)),
    "less": _order(lambda sign: sign < 0),
    "lessOrEquals": _order(lambda sign: sign <= 0),
    "greater": _order(lambda sign: sign > 0),
    "greaterOrEquals": _order(lambda sign: sign >= 0),
}

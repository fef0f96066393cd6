"""The text between brackets as a tree, and a tree as text again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.json_text import number_text
from mlmgmt.templates.limits import DEEPEST_EXPRESSION, LONGEST_EXPRESSION

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"(?P<text>'(?:[^']++|'')*+')"
    r"|(?P<name>[A-Za-z_$][A-Za-z0-9_$]*+)"
    r"|(?P<number>[+-]?[0-9][A-Za-z0-9_.]*+)"
    r"|(?P<mark>[(),.\[\]])"
)
_BLANKS = re.compile(r"\s*+")
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}")
_DOTTED = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_LONGEST_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Literal:
    """A value: text or an integer in an expression; anything in one whose arguments have been evaluated."""

    value: Any


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function; `name` is as written, with a namespace if there is one."""

    name: str
    arguments: tuple[Expression, ...]
    position: int = 0


@dataclass(frozen=True, slots=True)
class Access:
    """Members or items of a value, one after the other."""

    target: Expression
    keys: tuple[Expression, ...]
    position: int = 0


Expression: TypeAlias = Literal | Call | Access


def is_bracketed(text: str) -> bool:
    """Whether Resource Manager takes a text for an expression."""
    return text.startswith("[") and text.endswith("]") and not text.startswith("[[") and len(text) > 1


def unescaped(text: str) -> str:
    """Return a text that is not an expression without the bracket that escapes its first bracket."""
    return text[1:] if text.startswith("[[") and text.endswith("]") else text


@lru_cache(maxsize=1024)
def parse(text: str) -> Expression:
    """Return the tree of a text in brackets.

    Raises:
        TemplateError: the text is not an expression; the error has the position in `text`.
    """
    if len(text) > LONGEST_EXPRESSION:
        raise TemplateError(f"The expression has {len(text):,} characters; the limit is {LONGEST_EXPRESSION:,}.")
    parser = _Parser(text)
    tree = parser.expression(1)
    parser.take("", "the end of the expression")
    return tree


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def _tokens(text: str) -> Iterator[_Token]:
    place, end = 1, len(text) - 1
    while True:
        place = _BLANKS.match(text, place, end).end()  # type: ignore[union-attr]  # it matches nothing, too
        if place == end:
            yield _Token("mark", "", place + 1)
            return
        found = _TOKEN.match(text, place, end)
        if found is None and text[place] == "'":
            raise TemplateError("The text that starts here has no closing quotation mark (').", position=place + 1)
        if found is None:
            raise TemplateError(f"The character {text[place]!r} is not expected here.", position=place + 1)
        yield _Token(str(found.lastgroup), found[0], place + 1)
        place = found.end()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._next = 0

    def expression(self, level: int) -> Expression:
        token = self._take_any()
        if level > DEEPEST_EXPRESSION:
            message = f"The expression nests more than {DEEPEST_EXPRESSION} calls, which is the limit here."
            raise TemplateError(message, position=token.position)
        match token.kind:
            case "text":
                return Literal(token.text[1:-1].replace("''", "'"))
            case "number":
                return Literal(_integer(token))
            case "name":
                return self._keys(self._call(token, level), level)
        raise _unexpected(token, "a function, a text or an integer")

    def _call(self, token: _Token, level: int) -> Call:
        name = token.text
        if self._skip("."):
            name += f".{self._take_kind('name', 'the name of a function').text}"
        self.take("(", f"'(' after {name!r}")
        arguments: list[Expression] = []
        if not self._skip(")"):
            arguments.append(self.expression(level + 1))
            while self._skip(","):
                arguments.append(self.expression(level + 1))
            self.take(")", "',' or ')'")
        return Call(name, tuple(arguments), token.position)

    def _keys(self, target: Call, level: int) -> Expression:
        keys: list[Expression] = []
        while True:
            if self._skip("."):
                keys.append(Literal(self._take_kind("name", "the name of a member").text))
            elif self._skip("["):
                keys.append(self.expression(level + 1))
                self.take("]", "']'")
            else:
                return Access(target, tuple(keys), target.position) if keys else target

    def take(self, mark: str, expected: str) -> None:
        token = self._take_any()
        if token.kind != "mark" or token.text != mark:
            raise _unexpected(token, expected)

    def _take_kind(self, kind: str, expected: str) -> _Token:
        token = self._take_any()
        if token.kind != kind:
            raise _unexpected(token, expected)
        return token

    def _take_any(self) -> _Token:
        token = self._tokens[self._next]
        # The last token is the end, which may be looked at again.
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _skip(self, mark: str) -> bool:
        token = self._tokens[self._next]
        if token.kind != "mark" or token.text != mark:
            return False
        self._next += 1
        return True


def _unexpected(token: _Token, expected: str) -> TemplateError:
    found = repr(token.text[:_LONGEST_SHOWN]) if token.text else "the end"
    return TemplateError(f"The expression has {found} where {expected} is expected.", position=token.position)


def _integer(token: _Token) -> int:
    if not _NUMBER.fullmatch(token.text):
        message = f"{token.text[:_LONGEST_SHOWN]!r} is not an integer; write other numbers as json('1.5')."
        raise TemplateError(message, position=token.position)
    number = int(token.text)
    if not -(2**63) <= number < 2**63:
        message = f"{token.text} is out of range (-2^63 to 2^63-1)."
        raise TemplateError(message, position=token.position)
    return number


def text_of(expression: Expression) -> str:
    """Return an expression as text without brackets, as Resource Manager writes it."""
    match expression:
        case Literal(value):
            return _literal(value)
        case Call(name, arguments):
            return f"{name}({', '.join(map(text_of, arguments))})"
        case Access(target, keys):
            return text_of(target) + "".join(map(_key, keys))


def _key(key: Expression) -> str:
    if isinstance(key, Literal) and isinstance(key.value, str) and _DOTTED.fullmatch(key.value):
        return f".{key.value}"
    return f"[{text_of(key)}]"


def _literal(value: Any) -> str:
    match value:
        case None:
            return "null()"
        case bool():
            return "true()" if value else "false()"
        case int():
            return str(value)
        case float():
            return f"json('{number_text(value)}')"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case list():
            return f"createArray({', '.join(map(_literal, value))})"
        case dict():
            return f"createObject({', '.join(f'{_literal(name)}, {_literal(item)}' for name, item in value.items())})"
    return text_of(value.expression)

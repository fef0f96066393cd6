"""What a function takes, said once: the evaluator checks it, so functions work with values of the right type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mlmgmt.counts import count_of
from mlmgmt.templates.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TYPES = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number with decimals",
    str: "a string",
    list: "an array",
    dict: "an object",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """The values that an argument may be. Booleans are not integers, and 1.0 is not one either."""

    described: str
    types: tuple[type, ...] = ()

    def takes(self, value: Any) -> bool:
        return not self.types or type(value) in self.types


ANY = Kind("any value")
TEXT = Kind("a string", (str,))
INTEGER = Kind("an integer", (int,))
NUMBER = Kind("a number", (int, float))
BOOLEAN = Kind("a boolean", (bool,))
ARRAY = Kind("an array", (list,))
OBJECT = Kind("an object", (dict,))
TEXT_OR_INTEGER = Kind("a string or an integer", (str, int))
TEXT_OR_ARRAY = Kind("a string or an array", (str, list))
ARRAY_OR_OBJECT = Kind("an array or an object", (list, dict))
CONTAINER = Kind("a string, an array or an object", (str, list, dict))


@dataclass(frozen=True, slots=True)
class Function:
    """A function of templates.

    Args:
        run: takes the values; with `gets` "context", the context before them; with "expressions", the context and the
            arguments before they are evaluated.
        keeps_pending: the function only carries its arguments, so some of them may be pending.
    """

    run: Callable[..., Any]
    required: tuple[Kind, ...] = ()
    optional: tuple[Kind, ...] = ()
    rest: Kind | None = None
    gets: Literal["values", "context", "expressions"] = "values"
    keeps_pending: bool = False

    def check_count(self, count: int) -> None:
        """Refuse a wrong number of arguments."""
        fewest, most = len(self.required), len(self.required) + len(self.optional)
        if count < fewest or (self.rest is None and count > most):
            expected = f"{fewest} to {most} arguments" if fewest < most else count_of(fewest, "argument")
            if self.rest is not None:
                expected = f"at least {count_of(fewest, 'argument')}"
            raise TemplateError(f"it takes {expected}, not {count}.")

    def check_types(self, values: Sequence[Any]) -> None:
        """Refuse an argument of a wrong type."""
        kinds = [*self.required, *self.optional]
        for place, value in enumerate(values):
            kind = kinds[place] if place < len(kinds) else self.rest
            if kind is not None and not kind.takes(value):
                raise TemplateError(f"argument {place + 1} must be {kind.described}, not {type_of(value)}.")


def type_of(value: Any) -> str:
    """Return the type of a value in words."""
    return _TYPES.get(type(value), "a value that is known only later")

"""Module parameters: the text in a graph, and the typed values that it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from mlmgmt.modules.failures import ModuleFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ParameterType = Literal["string", "integer", "float", "integers", "floats", "boolean", "choice", "columns"]
"""`integers` and `floats` are ranges: values separated by semicolons, which a sweep tries one after another."""

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A module parameter. Its key is its internal name; a graph may use the label instead.

    Args:
        default: the text to use if a graph leaves the parameter out; all values in graphs are text.
        above: an exclusive lower bound.
        when: the parameter applies only while another has one of these values.
        refused: known values that are not supported here, with the reason.
        without_effect: why the parameter is accepted but changes nothing; reported unless its value is `neutral`
            (the default if `neutral` is None).
        aliases: other spellings of the key in graphs.
        secret: its value is never shown.
    """

    key: str
    type: ParameterType = "string"
    default: str | None = None
    label: str | None = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    when: tuple[str, tuple[str, ...]] | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    without_effect: str | None = None
    neutral: str | None = None
    aliases: tuple[str, ...] = ()
    secret: bool = False

    def applies(self, arguments: Arguments) -> bool:
        """Return whether the parameter is on the active branch of its mode, given the arguments before it."""
        if self.when is None:
            return True
        switch, values = self.when
        return str(arguments.get(switch)) in values

    def has_label(self, name: str) -> bool:
        """Return whether a name is its label, in any letter case."""
        return self.label is not None and self.label.casefold() == name.casefold()

    def parse(self, text: str) -> Any:
        """Return the value that a text means.

        Raises:
            ModuleFailure: the parameter does not take it.
        """
        match self.type:
            case "choice":
                return self._choice(text)
            case "boolean":
                return self._boolean(text)
            case "integer" | "float":
                return self._number(text.strip())
            case "integers" | "floats":
                return self._range([part.strip() for part in text.split(";") if part.strip()])
            case _:
                return text

    def _choice(self, text: str) -> str:
        word = {choice.casefold(): choice for choice in self.choices}.get(text.strip().casefold())
        if word is None:
            message = f"{text!r} is not a valid value for {self.key!r}."
            raise ModuleFailure(message, target=self.key, hint=f"Use one of: {', '.join(self.choices)}.")
        if word in self.refused:
            message = f"{self.key} = {word!r} is not supported here: {self.refused[word]}"
            raise ModuleFailure(message, target=self.key)
        return word

    def _boolean(self, text: str) -> bool:
        word = text.strip().casefold()
        if word not in ("true", "false"):
            message = f"{text!r} is not a valid value for {self.key!r}."
            raise ModuleFailure(message, target=self.key, hint="Use True or False.")
        return word == "true"

    def _range(self, parts: list[str]) -> tuple[float | int, ...]:
        if not parts:
            hint = "Give numbers separated by semicolons."
            raise ModuleFailure(f"The range {self.key!r} is empty.", target=self.key, hint=hint)
        return tuple(self._number(part) for part in parts)

    def _number(self, text: str) -> float | int:
        whole = self.type in ("integer", "integers")
        value = _parse_number(text, whole=whole)
        if value is None:
            kind = "a whole number" if whole else "a number"
            raise ModuleFailure(f"{text!r} is not {kind}.", target=self.key)
        message = f"{text} is too {{}} for {self.key!r}."
        if self.minimum is not None and not value >= self.minimum:
            hint = f"It must be at least {self.minimum:g}."
            raise ModuleFailure(message.format("small"), number="0005", target=self.key, hint=hint)
        if self.above is not None and not value > self.above:
            hint = f"It must be more than {self.above:g}."
            raise ModuleFailure(message.format("small"), number="0005", target=self.key, hint=hint)
        if self.maximum is not None and not value <= self.maximum:
            hint = f"It must be at most {self.maximum:g}."
            raise ModuleFailure(message.format("large"), number="0007", target=self.key, hint=hint)
        return value


def _parse_number(text: str, *, whole: bool) -> float | int | None:
    """Return the finite number in a text, or None. A whole number may have a fraction of zeros."""
    if "_" in text:  # Python would read 1_000 as a number.
        return None
    try:
        return int(text) if whole else _finite(float(text))
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if whole and number.is_integer() else None


def _finite(number: float) -> float | None:
    return number if isfinite(number) else None


def match_texts(parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts of a node's parameters by key.

    A name matches a key exactly; or else one key in any letter case; or else a label, in the same two ways. Blank
    values count as absent.

    Raises:
        ModuleFailure: a name is unknown or matches several parameters, or two names match the same one.
    """
    texts: dict[str, str] = {}
    named: dict[str, str] = {}
    for name, value in given.items():
        key = _key(parameters, name)
        if key in named:
            raise ModuleFailure(f"{named[key]!r} and {name!r} both set {key!r}.", target=name)
        named[key] = name
        if value is not None and value != "":
            texts[key] = value if isinstance(value, str) else str(value)
    return texts


def _key(parameters: tuple[Parameter, ...], name: str) -> str:
    wanted = name.casefold()
    tests: tuple[Callable[[Parameter], bool], ...] = (
        lambda parameter: name == parameter.key or name in parameter.aliases,
        lambda parameter: wanted in (word.casefold() for word in (parameter.key, *parameter.aliases)),
        lambda parameter: name == parameter.label,
        lambda parameter: parameter.has_label(name),
    )
    for test in tests:
        found = [parameter.key for parameter in parameters if test(parameter)]
        if len(found) == 1:
            return found[0]
        if found:
            message = f"{name!r} matches several parameters."
            raise ModuleFailure(message, target=name, hint=f"Use the key: {', '.join(map(repr, found))}.")
    hint = f"The parameters are: {', '.join(parameter.key for parameter in parameters)}."
    message = f"The module has no parameter {name!r}."
    raise ModuleFailure(message, target=name, hint=hint if parameters else "The module has no parameters.")

"""Module parameters: what a graph writes as text, and the typed values it stands for."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from mlmgmt.modules.failures import ModuleFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ParameterType = Literal["string", "integer", "float", "integers", "floats", "boolean", "choice", "columns"]
"""`integers` and `floats` are ranges: values parted by semicolons, that a sweep tries one after another."""

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A module parameter, keyed by its internal name; graphs that use the label instead are understood.

    Args:
        default: what a graph that leaves the parameter out means; all values in graphs are text.
        above: an exclusive lower bound.
        when: the parameter counts only while another has one of these values.
        refused: values that are known and cannot be honoured here, with the reason.
        without_effect: the parameter is accepted and changes nothing; the reason, told unless its value is `neutral`
            (the default, where that says nothing else).
        aliases: other spellings of the key seen in graphs.
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

    def counts(self, arguments: Arguments) -> bool:
        """Whether the parameter is on the active branch of its mode, by the arguments before it."""
        if self.when is None:
            return True
        switch, values = self.when
        return str(arguments.get(switch)) in values

    def labelled(self, name: str) -> bool:
        """Whether a name is its label, in any letter case."""
        return self.label is not None and self.label.casefold() == name.casefold()

    def typed(self, text: str) -> Any:
        """The value that a text stands for.

        Raises:
            ModuleFailure: it is not one that the parameter takes.
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
            message = f"{text!r} is no value for {self.key!r}."
            raise ModuleFailure(message, target=self.key, hint=f"One of: {', '.join(self.choices)}.")
        if word in self.refused:
            message = f"{self.key} = {word!r} cannot be run here: {self.refused[word]}"
            raise ModuleFailure(message, target=self.key)
        return word

    def _boolean(self, text: str) -> bool:
        word = text.strip().casefold()
        if word not in ("true", "false"):
            raise ModuleFailure(f"{text!r} is no value for {self.key!r}.", target=self.key, hint="True or False.")
        return word == "true"

    def _range(self, parts: list[str]) -> tuple[float | int, ...]:
        if not parts:
            hint = "Numbers parted by semicolons."
            raise ModuleFailure(f"The range {self.key!r} holds no number.", target=self.key, hint=hint)
        return tuple(self._number(part) for part in parts)

    def _number(self, text: str) -> float | int:
        whole = self.type in ("integer", "integers")
        value = _parsed(text, whole=whole)
        if value is None:
            kind = "a whole number" if whole else "a number"
            raise ModuleFailure(f"{text!r} is not {kind}.", target=self.key)
        message = f"{text} is too {{}} for {self.key!r}."
        if self.minimum is not None and not value >= self.minimum:
            hint = f"At least {self.minimum:g}."
            raise ModuleFailure(message.format("small"), number="0005", target=self.key, hint=hint)
        if self.above is not None and not value > self.above:
            hint = f"More than {self.above:g}."
            raise ModuleFailure(message.format("small"), number="0005", target=self.key, hint=hint)
        if self.maximum is not None and not value <= self.maximum:
            hint = f"At most {self.maximum:g}."
            raise ModuleFailure(message.format("large"), number="0007", target=self.key, hint=hint)
        return value


def _parsed(text: str, *, whole: bool) -> float | int | None:
    """The finite number that a text writes; a whole one may be written with a fraction of zeros."""
    if "_" in text:
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


def matched(parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a node's parameters by key. A name matches a key exactly, else uniquely a key in any letter case,
    else likewise a label. Blank values count as absent.

    Raises:
        ModuleFailure: a name is unknown, stands for several parameters, or two names stand for one.
    """
    texts: dict[str, str] = {}
    named: dict[str, str] = {}
    for name, value in given.items():
        key = _key(parameters, name)
        if key in named:
            raise ModuleFailure(f"{named[key]!r} and {name!r} both give {key!r}.", target=name)
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
        lambda parameter: parameter.labelled(name),
    )
    for test in tests:
        found = [parameter.key for parameter in parameters if test(parameter)]
        if len(found) == 1:
            return found[0]
        if found:
            message = f"{name!r} stands for several parameters."
            raise ModuleFailure(message, target=name, hint=f"Use the key: {', '.join(map(repr, found))}.")
    hint = f"It has: {', '.join(parameter.key for parameter in parameters) or 'none'}."
    raise ModuleFailure(f"It has no parameter {name!r}.", target=name, hint=hint)

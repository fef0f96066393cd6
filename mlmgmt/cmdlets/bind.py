"""Binding: from the words of a command line and piped input to the arguments of a verb."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt.cmdlets import values
from mlmgmt.cmdlets.declare import COMMON, CONFIRM, FORCE, WHAT_IF, WORKSPACE, Kind
from mlmgmt.definition.document import LARGEST, Unreadable, parse
from mlmgmt.errors import BadRequest, WrongUsage
from mlmgmt.verbs import userfiles
from mlmgmt.verbs.userfiles import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from mlmgmt.cmdlets.declare import Cmdlet, Parameter

_OWN = {parameter.name for parameter in (*COMMON, FORCE, WHAT_IF, CONFIRM)}
STDIN = "standard input"


@dataclass(frozen=True, slots=True)
class Bound:
    """A call that is ready to run.

    Args:
        arguments: keywords for the verb.
        common: the values of the common and gate parameters that were given, by name.
    """

    cmdlet: Cmdlet
    parameter_set: str
    arguments: dict[str, Any]
    common: dict[str, Any]

    @property
    def run(self) -> str:
        return dict(self.cmdlet.run_by_set).get(self.parameter_set, self.cmdlet.run)


def bind(
    cmdlet: Cmdlet,
    given: Mapping[str, Sequence[str]],
    loose: Sequence[str] = (),
    *,
    piped: Callable[[], bytes] | None = None,
) -> Bound:
    """Choose the parameter set, read piped input, and convert every text.

    Args:
        given: the texts of each parameter, by name.
        loose: words without a parameter; they go to the parameters that have a position.
        piped: reads standard input; None if there is nothing to read.

    Raises:
        WrongUsage: a parameter is missing, is given twice, or cannot be combined with another.
        BadRequest, NotFound: a file cannot be read, or the piped input is empty.
    """
    texts = {name: list(several) for name, several in given.items()}
    _assign(cmdlet, texts, loose)
    for name, several in texts.items():
        if len(several) > 1 and cmdlet.parameter(name).kind not in _SEVERAL:
            message = f"-{name} was given {len(several)} times; give it once."
            raise WrongUsage(message, detail="ParameterAlreadyBound", target=name)
    chosen = _choose(cmdlet, set(texts), piped is not None)
    arguments: dict[str, Any] = {keyword: value for in_set, keyword, value in cmdlet.fixed_by_set if in_set == chosen}
    common: dict[str, Any] = {}
    reader = _Once(piped)
    for parameter in cmdlet.all_parameters:
        if not parameter.among(chosen):
            continue
        if parameter.name in texts:
            value = convert(parameter, texts[parameter.name], reader)
        elif parameter.pipeline and parameter.mandatory and piped is not None:
            value = _from_pipeline(parameter, reader)
        else:
            continue
        if parameter in WORKSPACE or (parameter.name in _OWN and not parameter.argument):
            common[parameter.name] = value
        elif not parameter.keyword.startswith("_"):
            arguments[parameter.keyword] = value
    return Bound(cmdlet, chosen, arguments, common)


_SEVERAL = (Kind.LIST, Kind.WORDS, Kind.FILES)


class _Once:
    """Standard input, which can be read once."""

    def __init__(self, piped: Callable[[], bytes] | None) -> None:
        self._piped = piped

    def __call__(self, parameter: Parameter) -> bytes:
        if self._piped is None:
            message = f"-{parameter.name} reads standard input, but nothing is piped into the command."
            raise WrongUsage(message, detail="NoPipelineInput", target=parameter.name)
        data, self._piped = self._piped(), None
        if not data.strip():
            message = "The piped input is empty. The command before it may have failed."
            raise BadRequest(message, detail="EmptyInput", target=parameter.name)
        return data


def _assign(cmdlet: Cmdlet, texts: dict[str, list[str]], loose: Sequence[str]) -> None:
    """Give words without a parameter to the parameters that have a position."""
    free = [parameter for parameter in cmdlet.positional if parameter.name not in texts]
    for word in loose:
        if not free:
            message = f"Unexpected argument {word!r}."
            hint = _suggestion(cmdlet, texts, word) or f"See: mlmgmt {cmdlet.short[0]} --help"
            raise WrongUsage(message, detail="PositionalParameterNotFound", target=word, hint=hint)
        texts[free[0].name] = [*texts.get(free[0].name, []), word]
        if free[0].kind not in _SEVERAL:
            free.pop(0)


def _suggestion(cmdlet: Cmdlet, given: Collection[str], word: str) -> str | None:
    """Return a hint with the parameter that an unexpected word was probably meant for."""
    fits = _fitting_sets(cmdlet, given)
    own = [p for p in cmdlet.parameters if p.name not in given and any(map(p.among, fits))]
    choices = [p for p in own if word.casefold() in map(str.casefold, p.choices)]
    texts = [p for p in own if p.kind is Kind.STRING]
    likely = [*choices, *(p for p in texts if p.short == "n"), *(p for p in texts if p.mandatory)]
    if not likely:
        return None
    meant = likely[0]
    pair = f"{f'-{meant.short}' if meant.short else meant.option} {shlex.quote(word)}"
    return f"Did you mean {pair}?" if given else f"Did you mean: mlmgmt {cmdlet.short[0]} {pair}?"


def _fitting_sets(cmdlet: Cmdlet, given: Collection[str]) -> list[str]:
    return [name for name in cmdlet.sets if all(cmdlet.parameter(word).among(name) for word in given)]


def _choose(cmdlet: Cmdlet, given: set[str], piped: bool) -> str:
    """Return the parameter set that the given parameters belong to.

    Raises:
        WrongUsage: there is none, or one of its mandatory parameters is missing.
    """
    fits = _fitting_sets(cmdlet, given)
    if not fits:
        own = [f"-{word}" for word in sorted(given) if cmdlet.parameter(word).sets]
        message = f"{' and '.join(own)} cannot be combined."
        raise WrongUsage(message, detail="AmbiguousParameterSet", hint=f"See: mlmgmt {cmdlet.short[0]} --help")
    lacking = {name: _lacking(cmdlet, name, given) for name in fits}
    if piped:
        for name in fits:
            if lacking[name] and all(parameter.pipeline for parameter in lacking[name]):
                return name
    for name in fits:
        if not lacking[name]:
            return name
    best = min(fits, key=lambda name: len(lacking[name]))
    missing = ", ".join(_with_choices(parameter) for parameter in lacking[best])
    message = f"Missing: {missing}."
    raise WrongUsage(
        message, detail="MissingMandatoryParameter", target=lacking[best][0].name, hint=f"For example: {cmdlet.example}"
    )


def _with_choices(parameter: Parameter) -> str:
    return parameter.option + (f" ({', '.join(parameter.choices)})" if parameter.choices else "")


def _lacking(cmdlet: Cmdlet, name: str, given: set[str]) -> list[Parameter]:
    return [p for p in cmdlet.parameters if p.mandatory and p.among(name) and p.name not in given]


def _from_pipeline(parameter: Parameter, reader: _Once) -> Any:
    data = reader(parameter)
    if parameter.kind in (Kind.DOCUMENT, Kind.ROWS):
        return Source(STDIN, data)
    return data.decode(errors="replace").strip()


def convert(parameter: Parameter, texts: Sequence[str], reader: Callable[[Parameter], bytes]) -> Any:
    """Convert the text of a parameter by its kind.

    Raises:
        WrongUsage: the text is not of that kind. BadRequest, NotFound: its file cannot be read.
    """
    kind, text = parameter.kind, texts[0]
    if kind is Kind.LIST:
        return [part.strip() for several in texts for part in several.split(",") if part.strip()]
    if kind is Kind.WORDS:
        return [text.strip() for text in texts if text.strip()]
    if kind is Kind.FILES:
        return [_named_source(parameter, text, reader) for text in texts]
    if not text and parameter.mandatory:
        raise _wrong(parameter, "is empty.")
    if kind is Kind.SWITCH:
        return text == "true"
    if kind is Kind.INTEGER or kind is Kind.NUMBER:
        try:
            return int(text) if kind is Kind.INTEGER else float(text)
        except ValueError:
            raise _wrong(parameter, f"needs a number, not {text!r}.") from None
    if kind is Kind.CHOICE:
        found = {choice.casefold(): choice for choice in parameter.choices}.get(text.casefold())
        if found is None:
            raise _wrong(parameter, f"cannot be {text!r}.", f"Use one of: {', '.join(parameter.choices)}.")
        return found
    if kind is Kind.TEXT:
        return Source(f"-{parameter.name}", text.encode())
    if kind is Kind.DOCUMENT or kind is Kind.ROWS:
        return _source(parameter, text, reader)
    if kind is Kind.STRUCTURE:
        return _structure(parameter, text, reader)
    return text


def _source(parameter: Parameter, text: str, reader: Callable[[Parameter], bytes]) -> Source:
    if text == "-":
        return Source(STDIN, reader(parameter))
    if values.is_hashtable(text):
        try:
            return Source(f"-{parameter.name}", orjson.dumps(values.hashtable(text)))
        except (orjson.JSONEncodeError, RecursionError):
            raise _wrong(parameter, "contains a number beyond 64 bits, or is nested too deeply.") from None
    if text.lstrip().startswith("{"):
        return Source(f"-{parameter.name}", text.encode())
    largest = LARGEST if parameter.kind is Kind.DOCUMENT else userfiles.LARGEST_TABLE
    return userfiles.read(text, largest=largest)


def _named_source(parameter: Parameter, text: str, reader: Callable[[Parameter], bytes]) -> tuple[str, Source]:
    """Return the name and the file of `NAME=FILE`; the name is "" for a file alone, also if it contains a =."""
    name, sign, file = text.partition("=")
    if not sign or Path(text).exists():
        name, file = "", text
    if file == "-":
        return name.strip(), Source(STDIN, reader(parameter))
    return name.strip(), userfiles.read(file, largest=userfiles.LARGEST_TABLE)


def _structure(parameter: Parameter, text: str, reader: Callable[[Parameter], bytes]) -> dict[str, Any]:
    try:
        value = parse(_source(parameter, text, reader).data)
    except Unreadable as error:
        raise _wrong(parameter, f"cannot be read: {error.message}") from None
    if not isinstance(value, dict):
        raise _wrong(
            parameter, "needs an object.", "Give JSON, @{Name='value'}, a file with JSON, or - for standard input."
        )
    return value


def _wrong(parameter: Parameter, what: str, hint: str | None = None) -> WrongUsage:
    message = f"-{parameter.name} {what}"
    return WrongUsage(message, detail="ParameterArgumentTransformationError", target=parameter.name, hint=hint)

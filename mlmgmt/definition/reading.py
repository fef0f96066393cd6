"""Read a definition: return a valid one, or report everything that is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmgmt.counts import count_of
from mlmgmt.definition import document as text
from mlmgmt.definition import graph
from mlmgmt.definition.canonical import Canonicalizer
from mlmgmt.definition.schema import Problem, Severity
from mlmgmt.errors import BadRequest, Detail

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlmgmt.definition.schema import Contract, Path


@dataclass(frozen=True, slots=True)
class Reading:
    """A definition in canonical form, and the warnings from reading it."""

    document: dict[str, Any]
    warnings: tuple[Detail, ...]


def read(data: bytes, contract: Contract, *, source: str = "definition", whole: bool = True) -> Reading:
    """Read a definition: JSON, canonical names, schema, graph.

    Args:
        data: the text, in any encoding that `document.decode` knows.
        source: the file's name, for messages.
        whole: whether required members must be present; in a change (the body of an update) they may be missing.

    Raises:
        BadRequest: one detail for each problem; its target is `file:line:column path`.
        TooLarge: see `document.decode`.
    """
    with text.gc_paused():
        return _read(data, contract, source, whole)


def _read(data: bytes, contract: Contract, source: str, whole: bool) -> Reading:
    try:
        file = text.parse_file(data)
    except text.Unreadable as error:
        where = f"{source}:{error.line}:{error.column}" if error.line else source
        details = [Detail(detail.code, detail.message, where) for detail in error.details]
        if error.oddities:
            details = [
                Detail(odd.code, odd.message, f"{source}:{odd.line}:{odd.column} {text.json_path(odd.path)}")
                for odd in error.oddities
            ]
        raise BadRequest(f"{source} cannot be read.", target=source, details=details, hint=error.hint) from None
    loose = [Detail("LooseJson", message, f"{source}:{line}:{column}") for message, (line, column) in file.warnings]
    document, problems = canonical(file.value, contract, whole=whole)
    if _MAYBE_EXPRESSION.search(file.text):
        problems += _expressions(document, ())
    return _reading(document, problems, _details_with_places(problems, file, source), loose, source)


def read_value(value: Any, contract: Contract, *, source: str, whole: bool = True) -> Reading:
    """Read a definition that is a value already, such as a resource of a template; see `read`.

    The targets of its details are JSON paths after `source`.
    """
    document, problems = canonical(text.copy(value), contract, whole=whole)
    problems += _expressions(document, ())
    return _reading(document, problems, [_detail(problem, source) for problem in problems], [], source)


def _reading(
    document: Any, problems: Sequence[Problem], details: list[Detail], loose: list[Detail], source: str
) -> Reading:
    errors = [detail for problem, detail in zip(problems, details, strict=True) if problem.severity is Severity.ERROR]
    details = [*loose, *details]
    if errors:
        warnings = (Detail(d.code, f"Warning: {d.message}", d.target) for d in details if d not in errors)
        raise _invalid(errors, source, warnings)
    return Reading(document, tuple(details))


def canonical(value: Any, contract: Contract, *, whole: bool = True) -> tuple[Any, list[Problem]]:
    """Return the canonical form of a parsed document, and its problems.

    The result may share parts with the given document, which must not be used afterwards.
    """
    if (problem := text.not_an_object(value)) is not None:
        return value, [problem]
    converter = Canonicalizer()
    value = converter.convert(value, contract.root)
    _add_package_type(value, converter, whole)
    _add_parameter_types(value, converter)
    if not contract.is_valid(value) and _errors(contract, value, converter, whole):
        loose = Canonicalizer(texts=True)
        value = loose.convert(value, contract.root)
        converter.problems += loose.problems
        converter.problems += _errors(contract, value, converter, whole)
    if whole and isinstance(value.get("properties"), dict):
        sound = not any(problem.severity is Severity.ERROR for problem in converter.problems)
        converter.problems += graph.problems(value if sound else graph.usable_parts(value))
    return value, converter.problems


def _errors(contract: Contract, value: Any, converter: Canonicalizer, whole: bool) -> list[Problem]:
    found = contract.violations(value, empty=converter.empty)
    return [problem for problem in found if whole or problem.code != "MissingMember"]


_MAYBE_EXPRESSION = re.compile(r'"\[\s*[A-Za-z]')


def _expressions(value: Any, path: Path) -> Iterator[Problem]:
    """Yield the texts that are expressions of a deployment template, which nobody would evaluate any more."""
    match value:
        case dict():
            for name, inner in value.items():
                yield from _expressions(inner, (*path, name))
        case list():
            for place, inner in enumerate(value):
                yield from _expressions(inner, (*path, place))
        case str() if value.startswith("[") and value.endswith("]"):
            from mlmgmt.templates.evaluation import is_expression

            if is_expression(value):
                shown = value if len(value) <= 60 else f"{value[:57]}..."
                message = f"{shown!r} is an expression of a deployment template; it would be deployed as a text."
                advice = "Deploy the template: mlmgmt New-AzResourceGroupDeployment; or write the value."
                yield Problem(Severity.ERROR, "TemplateExpression", path, message, advice)


_PACKAGE_TYPE: Path = ("properties", "packageType")


def _add_package_type(value: Any, converter: Canonicalizer, whole: bool) -> None:
    properties = value.get("properties")
    if not isinstance(properties, dict) or "packageType" in properties or (whole and _PACKAGE_TYPE in converter.empty):
        return
    if "package" in properties:
        message = "'packageType' is missing and is read as 'Graph'; the original service would lose the whole package."
        advice = 'Write "packageType": "Graph".'
        converter.problems.append(Problem(Severity.WARNING, "LooseName", _PACKAGE_TYPE, message, advice))
    value["properties"] = {"packageType": "Graph", **properties}


def _add_parameter_types(value: Any, converter: Canonicalizer) -> None:
    """Add the type of web service parameters that have none, which the contract of 2016 did not ask for."""
    properties = value.get("properties")
    package = properties.get("package") if isinstance(properties, dict) else None
    declared = package.get("graphParameters") if isinstance(package, dict) else None
    if not isinstance(declared, dict):
        return
    for name, parameter in list(declared.items()):
        if isinstance(parameter, dict) and "type" not in parameter:
            path = ("properties", "package", "graphParameters", name)
            message = "The web service parameter has no type, and is read as String."
            converter.problems.append(Problem(Severity.WARNING, "LooseName", path, message, 'Write "type": "String".'))
            described = {member: parameter[member] for member in ("description",) if member in parameter}
            declared[name] = {**described, "type": "String", **parameter}


def check(document: dict[str, Any], contract: Contract) -> tuple[Detail, ...]:
    """Check a canonical document that was not read from a file, and return the warnings.

    Raises:
        BadRequest: one detail for each problem; its target is the JSON path.
    """
    problems = [] if contract.is_valid(document) else list(contract.violations(document))
    if not problems:
        problems += graph.problems(document)
    details = [(problem, _detail(problem)) for problem in problems]
    errors = [detail for problem, detail in details if problem.severity is Severity.ERROR]
    if errors:
        raise _invalid(errors, "definition")
    return tuple(detail for _, detail in details)


def _invalid(errors: Sequence[Detail], source: str, warnings: Iterable[Detail] = ()) -> BadRequest:
    count = count_of(len(errors), "problem")
    return BadRequest(f"{source} is not a valid definition: {count}.", target=source, details=[*errors, *warnings])


def _details_with_places(problems: Sequence[Problem], file: text.File, source: str) -> list[Detail]:
    places = file.locate(problem.path for problem in problems) if problems else {}
    return [_detail(problem, f"{source}:{places[problem.path][0]}:{places[problem.path][1]}") for problem in problems]


def _detail(problem: Problem, where: str | None = None) -> Detail:
    path = text.json_path(problem.path)
    message = f"{problem.message} {problem.advice}" if problem.advice else problem.message
    return Detail(problem.code, message, f"{where} {path}" if where else path)


_NAMING = frozenset(("UnknownMember", "UnknownValue"))
"""The codes of warnings of which each different message is shown; of other codes, one example is enough."""


def sentences(details: Iterable[Detail]) -> list[str]:
    """Return warnings as lines for people; several of one kind are one line with a count."""
    kinds: dict[tuple[str, str], list[Detail]] = {}
    for detail in details:
        kinds.setdefault((detail.code, detail.message if detail.code in _NAMING else ""), []).append(detail)
    return [
        f"{first.target}: {first.message}" + (f" ({len(more)} more of this kind)" if more else "")
        for first, *more in kinds.values()
    ]

"""Parameters: what a template declares, the values it accepts, and files with values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmgmt.templates import utf16
from mlmgmt.templates.comparing import key
from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.names import by_folded_name, folded, member, spelling_in
from mlmgmt.templates.pending import Pending, pending_parts
from mlmgmt.templates.signatures import type_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPES: dict[str, type] = {
    "string": str,
    "securestring": str,
    "int": int,
    "bool": bool,
    "object": dict,
    "secureobject": dict,
    "array": list,
}
_SECURE = {"securestring", "secureobject"}
_WITH_LENGTH = {"string", "securestring", "array"}
_LENGTHS = ("minLength", "maxLength")
_RANGE = ("minValue", "maxValue")
_LARGEST = 2**63
_WORDS = {str: "a string", int: "an integer", bool: "a boolean", dict: "an object", list: "an array"}


@dataclass(frozen=True, slots=True)
class Declaration:
    """A parameter of a template or of a user-defined function.

    Args:
        type: the folded type; None accepts every value.
        section: its members as written.
    """

    name: str
    type: str | None
    section: Mapping[str, Any]
    path: str
    nullable: bool = False

    @property
    def has_default(self) -> bool:
        return spelling_in(self.section, "defaultValue") is not None

    def check(self, value: Any) -> None:
        """Refuse a value that the parameter does not accept.

        Raises:
            TemplateError: at the path of the declaration.
        """
        if value is None and self.nullable:
            return
        check_type(value, self.type, f"The value of the parameter {self.name!r}", self.path)
        if any(pending_parts(value)):
            return
        self._check_allowed(value)
        if isinstance(value, str | list):
            self._check_range(utf16.length(value) if isinstance(value, str) else len(value), _LENGTHS, "length")
        if type(value) is int and self.type == "int":
            self._check_range(value, _RANGE, "value")

    def _check_allowed(self, value: Any) -> None:
        allowed = member(self.section, "allowedValues")
        if not isinstance(allowed, list) or not allowed:
            return
        known = set(map(key, allowed))
        each = value if isinstance(value, list) and key(value) not in known else [value]
        for item in each:
            if key(item) not in known:
                shown = ", ".join(str(choice)[:100] for choice in allowed[:20])
                message = f"The value of the parameter {self.name!r} is not one of its allowed values: {shown}."
                raise TemplateError(message, self.path)

    def _check_range(self, number: int, names: tuple[str, str], what: str) -> None:
        least, most = (_limit(member(self.section, name), f"{self.path}.{name}") for name in names)
        if least is not None and number < least:
            raise TemplateError(f"The {what} of the parameter {self.name!r} must be at least {least}.", self.path)
        if most is not None and number > most:
            raise TemplateError(f"The {what} of the parameter {self.name!r} must be at most {most}.", self.path)


def _limit(value: Any, path: str) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise TemplateError(f"The limit must be an integer, not {type_of(value)}.", path)


def check_type(value: Any, expected: str | None, what: str, path: str) -> None:
    """Refuse a value of another type than the folded name of a type says; values for later are not looked at."""
    if isinstance(value, Pending) or expected is None:
        return
    wanted = _TYPES[expected]
    if type(value) is not wanted:
        raise TemplateError(f"{what} must be {_WORDS[wanted]}, not {type_of(value)}.", path)
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        raise TemplateError(f"{what} is out of range (-2^63 to 2^63-1).", path)


def type_name(written: Any, path: str) -> str | None:
    """Return the folded name of a type; None where a template does not give one.

    Raises:
        TemplateError: there is no such type.
    """
    if not isinstance(written, str):
        return None
    if folded(written) not in _TYPES:
        expected = "string, int, bool, object, array, secureString or secureObject"
        raise TemplateError(f"Unknown type {written[:100]!r}; expected {expected}.", path)
    return folded(written)


def read_declarations(section: Mapping[str, Any], path: str, *, may_be_nullable: bool) -> dict[str, Declaration]:
    """Return the parameters that a section declares, by folded name.

    Raises:
        TemplateError: one of them is wrong.
    """
    return {
        name: _read_declaration(written, declared, f"{path}.{written}", may_be_nullable=may_be_nullable)
        for name, (written, declared) in by_folded_name(section).items()
    }


def _read_declaration(name: str, section: Any, path: str, *, may_be_nullable: bool) -> Declaration:
    if not isinstance(section, dict):
        raise TemplateError(f"A parameter must be declared by an object, not {type_of(section)}.", path)
    kind = type_name(member(section, "type"), f"{path}.type")
    nullable = member(section, "nullable") is True
    if nullable and not may_be_nullable:
        raise TemplateError('\'nullable\' needs "languageVersion": "2.0" in the template.', path)
    for names, types in ((_LENGTHS, _WITH_LENGTH), (_RANGE, {"int"})):
        if kind is not None and kind not in types and any(member(section, limit) is not None for limit in names):
            raise TemplateError(f"A parameter of type {kind} cannot have {names[0]} or {names[1]}.", path)
    return Declaration(name, kind, section, path, nullable)


def secure_parameters(template: Mapping[str, Any]) -> frozenset[str]:
    """Return the folded names of a template's parameters whose values must not be shown."""
    section = member(template, "parameters")
    return frozenset(
        name
        for name, (_, declared) in (by_folded_name(section) if isinstance(section, dict) else {}).items()
        if isinstance(declared, dict) and folded(str(member(declared, "type"))) in _SECURE
    )


def values_of_file(document: Any) -> dict[str, Any]:
    """Return the values in a parameter file, or in its `parameters` alone.

    Raises:
        TemplateError: it has another form, or takes a value from a key vault.
    """
    if not isinstance(document, dict):
        raise TemplateError(f"A parameter file must be an object, not {type_of(document)}.")
    whole = spelling_in(document, "parameters")
    entries, path = (document, "") if whole is None else (document[whole], whole)
    is_marked = any(spelling_in(document, name) for name in ("$schema", "contentVersion"))
    if not is_marked and isinstance(entries, dict) and spelling_in(entries, "value"):
        # Without these marks, it is the value of a parameter whose name is "parameters".
        entries, path = document, ""
    if entries is None:
        return {}
    if not isinstance(entries, dict):
        raise TemplateError(f"The parameters must be an object, not {type_of(entries)}.", path)
    return supplied_values(entries, path)


def supplied_values(entries: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the values of entries of the form {"name": {"value": …}}; an entry without a value is left out.

    Raises:
        TemplateError: an entry is not an object, or takes its value from a key vault.
    """
    values: dict[str, Any] = {}
    for name, entry in entries.items():
        place = f"{path}.{name}".removeprefix(".")
        if not isinstance(entry, dict):
            message = f'The parameter must have the form {{"value": …}}, not be {type_of(entry)} alone.'
            raise TemplateError(message, place)
        if member(entry, "reference") is not None:
            message = "The parameter takes its value from a key vault, which is not available here; give a value."
            raise TemplateError(message, place)
        known = spelling_in(entry, "value")
        if known is not None:
            values[name] = entry[known]
    return values

"""Folding a document into its canonical form.

Contract names are read in any letter case and written as the contract spells them; the keys of maps (assets, nodes,
columns, parameters, tags) belong to the user and are never touched.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlmgmt.definition.contract import Kind, Problem, Severity, shown

if TYPE_CHECKING:
    from mlmgmt.definition.contract import Shape

_INTEGER = re.compile(r"-?\d{1,18}")


class Folder:
    """One pass over a document towards its canonical form; `problems` says what was odd.

    The document is changed in place where that is possible: whoever folds a document gives it away.

    Args:
        texts: also turn numbers and booleans in text members into text, as the original reader did. That costs a
            look at every text, so it is done only for a document that does not validate without it.
    """

    def __init__(self, *, texts: bool = False) -> None:
        self.problems: list[Problem] = []
        self._texts = texts
        self._path: list[str | int] = []

    def fold(self, value: Any, shape: Shape) -> Any:
        kind = shape.kind
        if kind is Kind.OBJECT:
            return self._object(value, shape)
        if kind is Kind.MAP:
            if type(value) is dict and self._below(shape):
                self._items(value.items(), value, shape)
            return value
        if kind is Kind.LIST:
            if type(value) is list and self._below(shape):
                self._items(enumerate(value), value, shape)
            return value
        return self._scalar(value, shape)

    def _below(self, shape: Shape) -> bool:
        item = shape.item
        return item is not None and item.kind is not Kind.FREE and (self._texts or item.kind is not Kind.STRING)

    def _items(self, pairs: Any, container: Any, shape: Shape) -> None:
        item, path = shape.item, self._path
        assert item is not None
        for key, old in pairs:
            if old is None:
                continue
            path.append(key)
            new = self.fold(old, item)
            path.pop()
            if new is not old:
                container[key] = new

    def _object(self, value: Any, shape: Shape) -> Any:
        if type(value) is not dict:
            if shape.bare is not None and not isinstance(value, list):
                self._say(Severity.WARNING, "BareValue", "A bare value is read as {'value': ...}.", "an object")
                return {shape.bare: value}
            return value
        plan = shape.plan(tuple(value))
        for name, severity, code, message, allowed in plan.oddities:
            self._say(severity, code, message, allowed, name)
        if plan.moves is not None:
            value = {name: value[source] for source, name in plan.moves}
        if None in value.values():
            # In a member of the contract null means "not given"; a null that belongs to the user stays.
            value = {
                name: old
                for name, old in value.items()
                if old is not None or name not in plan.known or shape.members[name].kind is Kind.FREE
            }
        path = self._path
        for name, child in plan.visits if not self._texts else plan.visits + plan.strings:
            old = value.get(name)
            if old is None:
                continue
            path.append(name)
            new = self.fold(old, child)
            path.pop()
            if new is not old:
                value[name] = new
        return value

    def _scalar(self, value: Any, shape: Shape) -> Any:
        if shape.kind is Kind.ENUM:
            return self._word(value, shape)
        new = _tightened(value, shape.kind, self._texts)
        if new is not value:
            self._say(Severity.WARNING, "LooseScalar", f"{shown(value)} is read as {shown(new)}.", shown(new))
        return new

    def _word(self, value: Any, shape: Shape) -> Any:
        """An enum's word in the contract's spelling; what is no word of it is left for the schema to refuse."""
        if not isinstance(value, str) or value in shape.words:
            return value
        word = {word.casefold(): word for word in shape.words}.get(value.strip().casefold(), value)
        if word is not value and shape.exact_name:
            self._say(Severity.WARNING, "LooseScalar", f"{value!r} is read as {word!r}.", repr(word))
        return word

    def _say(
        self, severity: Severity, code: str, message: str, allowed: str | None = None, name: str | None = None
    ) -> None:
        path = (*self._path, name) if name is not None else tuple(self._path)
        self.problems.append(Problem(severity, code, path, message, allowed))


def _tightened(value: Any, kind: Kind, texts: bool) -> Any:
    """A loose scalar as the type it stands for, where that is certain; else the value itself."""
    if kind is Kind.BOOLEAN and isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().casefold(), value)
    if kind is Kind.INTEGER and isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    if kind is Kind.INTEGER and isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if kind is Kind.STRING and texts and isinstance(value, (int, float)):
        return str(value).lower() if isinstance(value, bool) else repr(value)
    return value

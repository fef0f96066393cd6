"""Folding a document into its canonical form.

Contract names are read in any letter case and written as the contract spells them; the keys of maps (assets, nodes,
columns, parameters, tags) belong to the user and are never touched. An empty text is read as null, not given, wherever
it is not a text like any other: that is how the original reader took `"format": ""` and its like.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from mlmgmt.definition.schema import Kind, Problem, Severity, describe

if TYPE_CHECKING:
    from mlmgmt.definition.schema import Path, Shape

_INTEGER = re.compile(r"-?\d{1,18}")


class Canonicalizer:
    """One pass over a document towards its canonical form.

    `problems` says what was odd; `empty` has the places of required members that were given as an empty text.

    The document is changed in place where that is possible: whoever folds a document gives it away.

    Args:
        texts: also turn numbers and booleans in text members into text, as the original reader did. That costs a
            look at every text, so it is done only for a document that does not validate without it.
    """

    def __init__(self, *, texts: bool = False) -> None:
        self.problems: list[Problem] = []
        self.empty: set[Path] = set()
        self._texts = texts
        self._path: list[str | int] = []

    def convert(self, value: Any, shape: Shape) -> Any:
        kind = shape.kind
        if kind is Kind.OBJECT:
            return self._convert_object(value, shape)
        if kind is Kind.MAP:
            if type(value) is dict and (item := self._item_shape(shape)) is not None:
                if not item.empty_text and "" in value.values():
                    value = {
                        key: old if old != "" else None for key, old in value.items() if old != "" or item.nullable
                    }
                self._convert_items(value.items(), value, item)
            return value
        if kind is Kind.LIST:
            if type(value) is list and (item := self._item_shape(shape)) is not None:
                if not item.empty_text and "" in value:
                    value = [old for old in value if old != ""]
                self._convert_items(enumerate(value), value, item)
            return value
        return self._convert_value(value, shape)

    def _item_shape(self, shape: Shape) -> Shape | None:
        """The shape of a map's values or a list's items, where there is something to look for in them."""
        item = shape.item
        if item is None or item.kind is Kind.FREE or (item.kind is Kind.STRING and not self._texts):
            return None
        return item

    def _convert_items(self, pairs: Any, container: Any, item: Shape) -> None:
        path = self._path
        for key, old in pairs:
            if old is None:
                continue
            path.append(key)
            new = self.convert(old, item)
            path.pop()
            if new is not old:
                container[key] = new

    def _convert_object(self, value: Any, shape: Shape) -> Any:
        if type(value) is not dict:
            if shape.bare is not None and not isinstance(value, list):
                self._report(Severity.WARNING, "BareValue", "A bare value is read as {'value': ...}.", "an object")
                return {shape.bare: value}
            return value
        plan = shape.key_order(tuple(value))
        for name, severity, code, message, allowed in plan.oddities:
            self._report(severity, code, message, allowed, name)
        if plan.renames is not None:
            value = {name: value[source] for source, name in plan.renames}
        if None in value.values() or "" in value.values():
            value = self._drop_absent(value, shape, plan.known)
        path = self._path
        for name, child in plan.children if not self._texts else plan.children + plan.strings:
            old = value.get(name)
            if old is None:
                continue
            path.append(name)
            new = self.convert(old, child)
            path.pop()
            if new is not old:
                value[name] = new
                if self.empty and not new and name not in shape.required:
                    self._drop_if_empty(name, value, child)
        return value

    def _drop_absent(self, value: dict[str, Any], shape: Shape, known: frozenset[str]) -> dict[str, Any]:
        """An object without the members of the contract that are null or an empty text: not given.

        What belongs to the user stays: members that the contract does not know, free values, free text.
        """
        given = {}
        for name, old in value.items():
            if name in known and (old is None or old == ""):
                child = shape.members[name]
                if old is None and child.kind is not Kind.FREE:
                    continue
                if old == "" and not child.empty_text:
                    if name in shape.required:
                        self.empty.add((*self._path, name))
                    continue
            given[name] = old
        return given

    def _drop_if_empty(self, name: str, value: dict[str, Any], child: Shape) -> None:
        """Take out a member of which nothing is left but required members that were empty: `commitmentPlan.id` ""."""
        lost = {(*self._path, name, required) for required in child.required} & self.empty
        if lost:
            del value[name]
            self.empty -= lost

    def _convert_value(self, value: Any, shape: Shape) -> Any:
        if shape.kind is Kind.ENUM:
            return self._convert_word(value, shape)
        new = _convert_scalar(value, shape.kind, self._texts)
        if new is not value:
            self._report(
                Severity.WARNING, "LooseScalar", f"{describe(value)} is read as {describe(new)}.", describe(new)
            )
        return new

    def _convert_word(self, value: Any, shape: Shape) -> Any:
        """An enum's word in the contract's spelling; what is no word of it is left for the schema to refuse."""
        if not isinstance(value, str) or value in shape.words:
            return value
        words = {word.casefold(): word for word in shape.words}
        word = words.get(value.strip().casefold())
        if word is None:
            if shape.open_words:
                near = get_close_matches(value.strip().casefold(), words, n=1)
                allowed = f"did you mean {words[near[0]]!r}?" if near else f"known here: {', '.join(shape.words)}"
                message = f"{describe(value)} is not a value that the contract knows; it is kept."
                self._report(Severity.WARNING, "UnknownValue", message, allowed)
            return value
        if shape.exact_name:
            self._report(Severity.WARNING, "LooseScalar", f"{value!r} is read as {word!r}.", repr(word))
        return word

    def _report(
        self, severity: Severity, code: str, message: str, allowed: str | None = None, name: str | None = None
    ) -> None:
        path = (*self._path, name) if name is not None else tuple(self._path)
        self.problems.append(Problem(severity, code, path, message, allowed))


def _convert_scalar(value: Any, kind: Kind, texts: bool) -> Any:
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

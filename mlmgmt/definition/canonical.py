"""The canonical form of a document.

Contract names are read in any letter case and written as the contract spells them; the keys of maps (assets, nodes,
columns, parameters, tags) are the user's and never change. An empty string is read as null, which means "not given",
unless the member is free text: the original service read `"format": ""` like this.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from mlmgmt.definition.dates import is_date
from mlmgmt.definition.schema import Kind, Problem, Severity, describe

if TYPE_CHECKING:
    from mlmgmt.definition.schema import Path, Shape

_INTEGER = re.compile(r"[+-]?\d{1,18}")


class Canonicalizer:
    """One conversion of a document to its canonical form.

    `problems` lists what was unusual; `empty` has the places of required members that are an empty string.

    The document is changed in place where possible: the caller must not use it afterwards.

    Args:
        texts: also turn numbers and booleans in text members into text, as the original service did. This looks at
            every text member, so it is done only for a document that is not valid without it.
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
        """Return the shape of a map's values or a list's items; None where nothing in them can change."""
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
                message = "A bare value is read as {'value': ...}."
                self._report(Severity.WARNING, "BareValue", message, "Write an object.")
                return {shape.bare: value}
            return value
        order = shape.key_order(tuple(value))
        for name, severity, code, message, advice in order.problems:
            self._report(severity, code, message, advice, name)
        if order.renames is not None:
            value = {name: value[source] for source, name in order.renames}
        if None in value.values() or "" in value.values():
            value = self._drop_absent(value, shape, order.known)
        path = self._path
        for name, child in order.children if not self._texts else order.children + order.strings:
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
        """Return an object without the contract's members that are null or an empty string, which means "not given".

        What is the user's stays: unknown members, free values, free text.
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
        """Remove a member that only had required members that were empty, such as `"commitmentPlan": {"id": ""}`."""
        lost = {(*self._path, name, required) for required in child.required} & self.empty
        if lost:
            del value[name]
            self.empty -= lost

    def _convert_value(self, value: Any, shape: Shape) -> Any:
        if shape.kind is Kind.ENUM:
            return self._convert_word(value, shape)
        if shape.kind is Kind.DATE:
            if not (isinstance(value, str) and is_date(value)):
                message = f"{describe(value)} is not a date, or not one certain date."
                self._report(Severity.ERROR, "NotADate", message, "Write it like 2017-01-31T12:00:00Z.")
            return value
        new = _convert_scalar(value, shape.kind, self._texts)
        if new is not value:
            message = f"{describe(value)} is read as {describe(new)}."
            self._report(Severity.WARNING, "LooseScalar", message, f"Write {describe(new)}.")
        return new

    def _convert_word(self, value: Any, shape: Shape) -> Any:
        """Return an enum's word in the contract's spelling; the schema refuses other words later."""
        if not isinstance(value, str) or value in shape.words:
            return value
        words = {word.casefold(): word for word in shape.words}
        word = words.get(value.strip().casefold())
        if word is None:
            if shape.open_words:
                near = get_close_matches(value.strip().casefold(), words, n=1)
                advice = f"Did you mean {words[near[0]]!r}?" if near else f"Known: {', '.join(shape.words)}."
                message = f"{describe(value)} is not a known value; it is kept."
                self._report(Severity.WARNING, "UnknownValue", message, advice)
            return value
        if shape.exact_name:
            self._report(Severity.WARNING, "LooseScalar", f"{value!r} is read as {word!r}.", f"Write {word!r}.")
        return word

    def _report(
        self, severity: Severity, code: str, message: str, advice: str | None = None, name: str | None = None
    ) -> None:
        path = (*self._path, name) if name is not None else tuple(self._path)
        self.problems.append(Problem(severity, code, path, message, advice))


def _convert_scalar(value: Any, kind: Kind, texts: bool) -> Any:
    """Return a scalar as the type it means (`"true"` as True, `"20"` or 20.0 as 20) where that is certain."""
    if kind is Kind.BOOLEAN and isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().casefold(), value)
    if kind is Kind.BOOLEAN and value in (0, 1):
        return bool(value)
    if kind is Kind.INTEGER and isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    if kind is Kind.INTEGER and isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if kind is Kind.STRING and texts and isinstance(value, (int, float)):
        return str(value).lower() if isinstance(value, bool) else repr(value)
    return value

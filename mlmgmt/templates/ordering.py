"""The order of resources: those that a resource needs come before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.expressions import Call, Literal
from mlmgmt.templates.names import folded
from mlmgmt.templates.pending import Pending, calls_in, is_runtime, pending_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmgmt.templates.limits import Budget
    from mlmgmt.templates.resources import Entry


class Index:
    """The resources of one template by the ways in which others refer to them.

    Raises:
        TemplateError: the template defines a resource twice.
    """

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries
        self._by_id: dict[str, list[int]] = {}
        self._by_name: dict[str, list[int]] = {}
        self._by_loop: dict[str, list[int]] = {}
        for place, entry in enumerate(entries):
            self._add(self._by_loop, entry.source.loop, place)
            self._add(self._by_name, entry.source.symbol, place)
            if entry.name is not None:
                self._add(self._by_id, entry.id, place)
                self._add(self._by_name, entry.name, place)
                self._add(self._by_name, f"{entry.type}/{entry.name}", place)
        for places in self._by_id.values():
            self._refuse_duplicate(places)

    def _add(self, places: dict[str, list[int]], name: str, place: int) -> None:
        listed = places.setdefault(folded(name), []) if name else [place]
        if place not in listed[-1:]:
            listed.append(place)

    def _refuse_duplicate(self, places: list[int]) -> None:
        created = [self._entries[place] for place in places if not self._entries[place].is_skipped]
        if len(created) > 1:
            second = created[1]
            message = f"The resource {second.name!r} of type {second.type!r} is defined more than once."
            raise TemplateError(message, second.path)

    def answer(self, call: Call) -> Any:
        """Return a call with the id, and the API version, of the resource of this template that it names."""
        target = _target(call)
        entry = None if target is None else self._named(target)
        if folded(call.name) == "resourceinfo":
            if entry is None or not entry.source.symbol:
                raise TemplateError("the template has no resource with this symbolic name.")
            return {"id": entry.id, "name": entry.name, "type": entry.type, "apiVersion": entry.api_version}
        if entry is None:
            return Pending(call)
        further = call.arguments[1:]
        if not further and folded(call.name) == "reference":
            further = (Literal(entry.api_version),)
        return Pending(Call(call.name, (Literal(entry.id), *further), call.position))

    def _named(self, name: str) -> Entry | None:
        places = self._by_id.get(folded(name)) or self._by_name.get(folded(name)) or []
        if len({self._entries[place].id for place in places}) > 1:
            raise TemplateError(f"{name!r} names more than one resource of the template; use resourceId().")
        return self._entries[places[0]] if places else None

    def depended_on(self, name: str) -> list[int]:
        """Return the places of the resources that a dependency names: by id, name, type and name, or copy loop."""
        tables = (self._by_id, self._by_name, self._by_loop)
        return next((table[folded(name)] for table in tables if folded(name) in table), [])

    def asked_for(self, call: Call) -> list[int]:
        """Return the places of the resources whose state a call asks for."""
        target = _target(call) if is_runtime(call.name) else None
        return [] if target is None else self._by_id.get(folded(target), [])


def _target(call: Call) -> str | None:
    match call.arguments:
        case [Literal(str() as target), *_]:
            return target
    return None


def ordered(entries: list[Entry], index: Index, budget: Budget) -> list[Entry]:
    """Return resources in the order of the template, except that those that a resource needs come before it.

    Raises:
        TemplateError: a dependency is unknown, or resources need each other.
    """
    needs = [list(_needs(entry, index, budget)) for entry in entries]
    order: dict[int, None] = {}
    for start in range(len(entries)):
        _visit(start, needs, order, entries)
    return [entries[place] for place in order]


def _needs(entry: Entry, index: Index, budget: Budget) -> Iterator[int]:
    for number, target in enumerate(entry.depends_on):
        places = index.depended_on(target)
        if not places:
            message = f"The template has no resource {target[:200]!r} to depend on."
            raise TemplateError(message, f"{entry.path}.dependsOn[{number}]")
        budget.spend(len(places))
        yield from places
    for part in pending_parts(entry.value):
        for call in calls_in(part.expression):
            yield from index.asked_for(call)


def _visit(start: int, needs: list[list[int]], order: dict[int, None], entries: list[Entry]) -> None:
    """Add a resource to the order after all that it needs."""
    # Chains of resources may be longer than Python lets functions call each other.
    path = {start: iter(needs[start])}
    while path and start not in order:
        place, remaining = next(reversed(path.items()))
        need = next((need for need in remaining if need not in order), None)
        if need is None:
            del path[place]
            order[place] = None
        elif need in path:
            _refuse_circle([*path, need], entries)
        else:
            path[need] = iter(needs[need])


def _refuse_circle(path: list[int], entries: list[Entry]) -> None:
    circle = path[path.index(path[-1]) :]
    names = " -> ".join(str(entries[place].name) for place in circle)
    message = f"The resources depend on each other in a circle: {names}."
    raise TemplateError(message, f"{entries[circle[0]].path}.dependsOn")

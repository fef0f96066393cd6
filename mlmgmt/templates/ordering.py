"""The order of resources: what one needs comes before it."""

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
    """The resources of one template by the ways in which others refer to them."""

    def __init__(self, entries: list[Entry]) -> None:
        self._by_id: dict[str, list[int]] = {}
        self._by_reference: dict[str, list[int]] = {}
        self._by_loop: dict[str, list[int]] = {}
        self._entries = entries
        for place, entry in enumerate(entries):
            if entry.loop:
                self._by_loop.setdefault(folded(entry.loop), []).append(place)
            if entry.symbol:
                self._add(self._by_reference, entry.symbol, place)
            if entry.name is not None:
                self._add(self._by_id, entry.id, place)
                self._add(self._by_reference, entry.name, place)
                self._add(self._by_reference, f"{entry.type}/{entry.name}", place)

    def _add(self, places: dict[str, list[int]], reference: str, place: int) -> None:
        listed = places.setdefault(folded(reference), [])
        if place not in listed[-1:]:
            listed.append(place)

    def refuse_duplicates(self) -> None:
        """Refuse a template that defines the same resource twice.

        Raises:
            TemplateError: at the second one.
        """
        for places in self._by_id.values():
            created = [place for place in places if not self._entries[place].is_skipped]
            if len(created) > 1:
                second = self._entries[created[1]]
                message = f"The resource {second.name!r} of type {second.type!r} is defined more than once."
                raise TemplateError(message, second.path)

    def answer(self, call: Call) -> Any:
        """Return a call with the id, and the API version, of the resource of this template that it names."""
        target = call.arguments[0] if call.arguments else None
        if not isinstance(target, Literal) or not isinstance(target.value, str):
            return Pending(call)
        entry = self._named(target.value)
        if folded(call.name) == "resourceinfo":
            if entry is None or not entry.symbol:
                raise TemplateError(f"the template has no resource with the symbolic name {target.value!r}.")
            return {"id": entry.id, "name": entry.name, "type": entry.type, "apiVersion": entry.api_version}
        if entry is None:
            return Pending(call)
        further = call.arguments[1:]
        if not further and folded(call.name) == "reference":
            further = (Literal(entry.api_version),)
        return Pending(Call(call.name, (Literal(entry.id), *further), call.position))

    def _named(self, reference: str) -> Entry | None:
        places = self._by_id.get(folded(reference)) or self._by_reference.get(folded(reference)) or []
        if len({self._entries[place].id for place in places}) > 1:
            raise TemplateError(f"{reference!r} names more than one resource of the template; use resourceId().")
        return self._entries[places[0]] if places else None

    def ordered(self, budget: Budget) -> list[Entry]:
        """Return the resources in the order of the template, except that what one needs comes before it.

        Raises:
            TemplateError: a dependency is unknown, or resources need each other.
        """
        needs = [list(self._needs(place, budget)) for place in range(len(self._entries))]
        order: list[int] = []
        done: set[int] = set()
        for start in range(len(self._entries)):
            self._visit(start, needs, order, done)
        return [self._entries[place] for place in order]

    def _visit(self, start: int, needs: list[list[int]], order: list[int], done: set[int]) -> None:
        # Chains of resources may be longer than Python lets functions call each other.
        path, remaining = [start], [iter(needs[start])]
        while path and start not in done:
            for need in remaining[-1]:
                if need in path:
                    self._refuse_circle([*path[path.index(need) :], need])
                if need not in done:
                    path.append(need)
                    remaining.append(iter(needs[need]))
                    break
            else:
                remaining.pop()
                done.add(path[-1])
                order.append(path.pop())

    def _refuse_circle(self, places: list[int]) -> None:
        circle = " -> ".join(str(self._entries[place].name) for place in places)
        message = f"The resources depend on each other in a circle: {circle}."
        raise TemplateError(message, f"{self._entries[places[0]].path}.dependsOn")

    def _needs(self, place: int, budget: Budget) -> Iterator[int]:
        entry = self._entries[place]
        for number, target in enumerate(entry.depends_on):
            known = self._by_id.get(folded(target)) or self._by_reference.get(folded(target))
            known = known or self._by_loop.get(folded(target))
            if not known:
                message = f"The template has no resource {target[:200]!r} to depend on."
                raise TemplateError(message, f"{entry.path}.dependsOn[{number}]")
            budget.spend(len(known))
            yield from known
        for part in pending_parts(entry.value):
            for call in calls_in(part.expression):
                yield from self._asked_by(call)

    def _asked_by(self, call: Call) -> list[int]:
        target = call.arguments[0] if call.arguments and is_runtime(call.name) else None
        if not isinstance(target, Literal) or not isinstance(target.value, str):
            return []
        return self._by_id.get(folded(target.value), [])

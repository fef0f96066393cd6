"""Put the changes of an experiment's graph into the file that the graph came from.

A graph has no comments, layout, flags or rules, and an experiment file has. So the file is kept, and what is written is
the file with only those values replaced that differ between its graph then and the graph now.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_KEYS = {
    "modulenodes": ("id",),
    "moduleparameters": ("name",),
    "inputportsinternal": ("name",),
    "outputportsinternal": ("name",),
    "edgesinternal": ("sourceoutputportid", "destinationinputportid"),
    "inputs": ("name", "portid"),
    "outputs": ("name", "portid"),
    "parameters": ("name",),
}
"""The members that tell the items of each list apart; lists that are not here are values."""
_MADE_HERE = {"modulenodes": "ModuleName", "inputs": "Id", "outputs": "Id"}
"""The member of each list's items that a conversion invents, so that it says nothing about a change."""


def overlay(kept: Mapping[str, Any], then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return an experiment's file with the changes between two states of its graph.

    Args:
        kept: a part of the file as written: its `Graph` or its `WebService`.
        then, now: the same part, made from the graph that was read from the file, and from the present graph.
    """
    return _object(kept, then, now, None)


def _value(kept: Any, then: Any, now: Any, name: str) -> Any:
    match kept, then, now:
        case _ if then == now:
            return kept
        case dict(), dict(), dict():
            return _object(kept, then, now, None)
        case list(), list(), list() if name in _KEYS:
            return _items(kept, then, now, name)
    return now


def _object(
    kept: Mapping[str, Any], then: Mapping[str, Any], now: Mapping[str, Any], made: str | None
) -> dict[str, Any]:
    spelled = {str(name).casefold(): name for name in kept}
    merged = dict(kept)
    for name in {**then, **now}:
        if name == made or (name in then and name in now and then[name] == now[name]):
            continue
        place = spelled.get(name.casefold(), name)
        if name in now:
            merged[place] = _value(kept.get(place), then.get(name), now[name], name.casefold())
        else:
            merged.pop(place, None)
    return merged


def _items(kept: list[Any], then: list[Any], now: list[Any], name: str) -> list[Any]:
    """Return a list with its items changed, removed and added; an item that no graph has is unchanged."""
    made = _MADE_HERE.get(name)
    before, after = (dict(_keyed(items, name)) for items in (then, now))
    merged, seen = [], set()
    for key, item in _keyed(kept, name):
        seen.add(key)
        if key in before and key in after:
            merged.append(_object(item, before[key], after[key], made))
        elif key in after or key not in before:
            merged.append(item)
    return merged + [item for key, item in after.items() if key not in seen]


def _keyed(items: Iterable[Any], name: str) -> Iterable[tuple[tuple[str, ...], Any]]:
    """Yield the items with what tells them apart; of items that nothing tells apart, their order does."""
    counted: Counter[tuple[str, ...]] = Counter()
    for item in items:
        folded = {str(member).casefold(): value for member, value in item.items()} if isinstance(item, dict) else {}
        key = tuple(str(folded.get(member)) for member in _KEYS[name])
        counted[key] += 1
        yield (*key, str(counted[key])), item

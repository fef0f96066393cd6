"""The differences between two definitions: as sentences, and as a JSON Patch (RFC 6902).

The documents are compared as text from the top down, so that only what differs is examined closely. 1, true and 1.0
are three values, and the order of columns and rows counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from mlmgmt.counts import count_of
from mlmgmt.definition.assets import is_trained_model
from mlmgmt.definition.document import compact, json_path
from mlmgmt.definition.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmgmt.definition.schema import Contract, Path, Shape


class _Missing:
    def __repr__(self) -> str:
        return "(absent)"


MISSING = _Missing()


class ChangeEntry(TypedDict):
    """A `Change` as JSON; without the value that is absent."""

    change: str
    path: str
    text: str
    old: NotRequired[Any]
    new: NotRequired[Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: its kind (`added`, `removed`, `changed` or `reordered`), place, both values, and a sentence."""

    kind: str
    path: Path
    old: Any
    new: Any
    text: str

    def to_json(self) -> ChangeEntry:
        body: ChangeEntry = {"change": self.kind, "path": json_path(self.path), "text": self.text}
        if self.old is not MISSING:
            body["old"] = self.old
        if self.new is not MISSING:
            body["new"] = self.new
        return body


def changes(
    before: Any, after: Any, contract: Contract, *, models: Mapping[str, Mapping[str, Any]] | None = None
) -> list[Change]:
    """Return every difference between two canonical documents, in document order.

    Args:
        models: the manifests of trained models' `.ilearner` files, by uri.
    """
    describer = _Describer(before, after, models or {})
    found: list[Change] = []
    for path, old, new, shape in _units(before, after, contract.root, ()):
        found += describer.describe(path, old, new, shape)
    return found


def same(left: Any, right: Any) -> bool:
    """Whether two values have the same text: 1, true and 1.0 differ, and so do two orders of one map."""
    return compact(left) == compact(right)


_Unit = tuple["Path", Any, Any, "Shape | None"]


def _units(old: Any, new: Any, shape: Shape | None, path: Path) -> Iterator[_Unit]:
    """Yield the smallest members of the contract that differ: a setting, an asset, a node, a column, an edge."""
    if same(old, new):
        return
    kind = shape.kind if shape is not None else Kind.FREE
    if shape is not None and isinstance(old, dict) and isinstance(new, dict) and kind in (Kind.OBJECT, Kind.MAP):
        if len(path) > 1 and kind is Kind.OBJECT and path[-2] in ("assets", "nodes", "graphParameters", "parameters"):
            yield path, old, new, shape
            return
        if list(old) != list(new) and set(old) == set(new):
            yield path, list(old), list(new), None
        for name in [*old, *(key for key in new if key not in old)]:
            child = shape.members.get(name) if kind is Kind.OBJECT else shape.item
            yield from (
                _units(old.get(name, MISSING), new.get(name, MISSING), child, (*path, name))
                if (name in old and name in new)
                else [((*path, name), old.get(name, MISSING), new.get(name, MISSING), child)]
            )
        return
    if path[-1:] == ("edges",) and isinstance(old, list) and isinstance(new, list):
        yield from _edges(old, new, path)
        return
    yield path, old, new, shape


def _edges(old: list[Any], new: list[Any], path: Path) -> Iterator[_Unit]:
    """Edges have no names: one that is in both lists is the same edge, at whatever index."""
    left = {compact(edge): index for index, edge in enumerate(old)}
    right = {compact(edge): index for index, edge in enumerate(new)}
    for text, index in left.items():
        if text not in right:
            yield (*path, index), old[index], MISSING, None
    for text, index in right.items():
        if text not in left:
            yield (*path, index), MISSING, new[index], None
    if left.keys() == right.keys():
        yield path, old, new, None


class _Describer:
    """Describes a difference in the terms of the domain."""

    def __init__(self, before: Any, after: Any, models: Mapping[str, Mapping[str, Any]]) -> None:
        self._assets = {**_assets(before), **_assets(after)}
        self._models = models

    def describe(self, path: Path, old: Any, new: Any, shape: Shape | None) -> Iterator[Change]:
        names = path[1:] if path[:1] == ("properties",) else path
        section = str(names[0]) if names else ""
        if (
            shape is None
            and isinstance(old, list)
            and isinstance(new, list)
            and sorted(map(str, old)) == sorted(map(str, new))
        ):
            what = "edges" if path[-1] == "edges" else f"{'.'.join(map(str, names))}: the order"
            yield Change("reordered", path, old, new, f"{what} changed" if what != "edges" else "edges reordered")
        elif section == "assets" and len(names) == 2:
            yield from self._asset(path, old, new)
        elif section == "package" and len(names) == 3 and names[1] == "nodes":
            yield from self._value(path, old, new, self._node(str(names[2]), new if old is MISSING else old))
        elif section == "package" and len(names) == 3 and names[1] == "edges":
            yield self._edge(path, old, new)
        elif section in ("input", "output") and len(names) >= 3 and names[1] == "properties":
            yield from self._value(path, old, new, _port(section, names))
        else:
            yield from self._value(path, old, new, ".".join(map(str, names)) or "document")

    def _asset(self, path: Path, old: Any, new: Any) -> Iterator[Change]:
        asset_id = str(path[-1])
        kept = new if old is MISSING else old
        is_model = isinstance(kept, dict) and is_trained_model(kept)
        label = f"{'model of ' if is_model else ''}{asset_id} {_quoted_name(kept)}"
        left, right = _uri(old), _uri(new)
        if is_model and left is not None and right is not None and left != right:
            text = f"{label} replaced: {self._training(left, right)}"
            yield Change("changed", (*path, "locationInfo", "uri"), left, right, text)
            old, new = _without_uri(old), _without_uri(new)
            if same(old, new):
                return
        yield from self._value(path, old, new, f"asset {asset_id} {_quoted_name(kept)}")

    def _training(self, left: str, right: str) -> str:
        was, now = self._models.get(left), self._models.get(right)
        if now is None:
            return f"{_short(left)} → {_short(right)}"
        # A model file's manifest may contain anything, so no member's type is certain.
        rows = now.get("rows")
        text = f"trained {str(now.get('trainedOn', ''))[:10]}"
        text += f" on {count_of(rows, 'row')}" if isinstance(rows, int) else ""
        metric = now.get("metric")
        score = _metric(now, metric)
        if score is not None:
            rival = now.get("comparedWith")
            payload = (was or {}).get("payload")
            same_rows = (
                isinstance(rival, dict) and isinstance(payload, dict) and rival.get("payload") == payload.get("sha256")
            )
            earlier = _metric(rival if same_rows and isinstance(rival, dict) else was or {}, metric)
            where = "" if same_rows or earlier is None else " (each on different rows)"
            text += f", {metric} "
            text += f"{score:.4g}" if earlier is None else f"{earlier:.4g} → {score:.4g}{where}"
        if was is not None and was.get("learner") != now.get("learner"):
            text += f", {was.get('learner')} → {now.get('learner')}"
        return text

    def _node(self, node_id: str, node: Any) -> str:
        if not isinstance(node, dict):
            return f"node {node_id}"
        asset = self._assets.get(node.get("assetId", ""))
        role = (
            _quoted_name(asset)
            if asset
            else "".join(f"{key[:-2]} {node[key]}" for key in ("inputId", "outputId") if key in node)
        )
        return f"node {node_id} {role}".rstrip()

    def _edge(self, path: Path, old: Any, new: Any) -> Change:
        edge = new if old is MISSING else old
        ends = [
            f"{edge.get(f'{end}NodeId')}" + (f" '{edge[f'{end}PortId']}'" if edge.get(f"{end}PortId") else "")
            for end in ("source", "target")
        ]
        kind = "added" if old is MISSING else "removed"
        return Change(kind, path, old, new, f"edge {' → '.join(ends)} {kind}")

    def _value(self, path: Path, old: Any, new: Any, label: str) -> Iterator[Change]:
        if old is MISSING or new is MISSING:
            kind = "added" if old is MISSING else "removed"
            value = new if old is MISSING else old
            text = f"{label} {kind}" + (f": {_shown(value)}" if not isinstance(value, (dict, list)) else "")
            yield Change(kind, path, old, new, text)
        elif isinstance(old, (dict, list)) and type(old) is type(new):
            yield from _differences_inside(path, old, new, label)
        else:
            yield Change("changed", path, old, new, f"{label}: {_shown(old)} → {_shown(new)}")


def _differences_inside(path: Path, old: Any, new: Any, label: str) -> Iterator[Change]:
    """Yield the differences inside one unit. DeepDiff is slow and thorough, so it gets small values only."""
    from deepdiff import DeepDiff

    kinds = {"added": "added", "removed": "removed", "changed": "changed", "changes": "changed"}
    # Compare lists pairwise: DeepDiff's matching of list items treats 1, true and 1.0 as one value.
    tree = DeepDiff(old, new, view="tree", zip_ordered_iterables=True)
    seen = False
    for report, levels in tree.items():
        kind = kinds[report.rsplit("_", 1)[-1]]
        for level in levels:
            below = tuple(level.path(output_format="list"))
            left = MISSING if kind == "added" else level.t1
            right = MISSING if kind == "removed" else level.t2
            where = json_path(below)[1:].lstrip(".")
            if kind == "changed":
                text = f"{label}: {where} {_shown(left)} → {_shown(right)}"
            else:
                text = f"{label}: {where} {kind} ({_shown(right if kind == 'added' else left)})"
            seen = True
            yield Change(kind, (*path, *below), left, right, text)
    if not seen and isinstance(old, dict) and list(old) != list(new):
        yield Change("reordered", path, old, new, f"{label}: the order changed")
    elif not seen:
        # DeepDiff sees no difference between 0 and -0.0, for example, or in an order further down.
        yield Change("changed", path, old, new, f"{label}: {_shown(old)} → {_shown(new)}")


def _metric(manifest: Mapping[str, Any], name: Any) -> float | None:
    metrics = manifest.get("metrics")
    found = metrics.get(name) if isinstance(metrics, dict) and isinstance(name, str) else None
    return float(found) if isinstance(found, (int, float)) else None


def _assets(document: Any) -> dict[str, Any]:
    properties = document.get("properties") if isinstance(document, dict) else None
    found = properties.get("assets") if isinstance(properties, dict) else None
    return found if isinstance(found, dict) else {}


def _quoted_name(asset: Any) -> str:
    name = asset.get("name") if isinstance(asset, dict) else None
    return f"'{name}'" if name else ""


def _uri(asset: Any) -> str | None:
    location = asset.get("locationInfo") if isinstance(asset, dict) else None
    return location.get("uri") if isinstance(location, dict) else None


def _without_uri(asset: dict[str, Any]) -> dict[str, Any]:
    location = {key: value for key, value in asset["locationInfo"].items() if key != "uri"}
    return {**asset, "locationInfo": location}


def _port(section: str, names: Path) -> str:
    table = f"{section} {names[2]}"
    if len(names) >= 5 and names[3] == "properties":
        return f"{table} column {names[4]!r}" + "".join(f" {name}" for name in names[5:])
    return table + "".join(f" {name}" for name in names[3:])


def _short(uri: str) -> str:
    return uri.rsplit("/", 1)[-1]


def _shown(value: Any) -> str:
    if value is MISSING:
        return "(absent)"
    text = compact(value).decode()
    return text if len(text) <= 80 else text[:77] + "..."


def json_patch(before: Any, after: Any, contract: Contract) -> list[dict[str, Any]]:
    """Return the RFC 6902 operations that turn one canonical document into the other.

    `add` may append members whose order the contract sets; writing the result canonically puts them in place. Where
    the user sets the order (columns, assets), the result has the new document's order.
    """
    operations: list[dict[str, Any]] = []
    _add_operations(before, after, "", operations, contract)
    return operations


def _add_operations(old: Any, new: Any, pointer: str, operations: list[dict[str, Any]], contract: Contract) -> None:
    if same(old, new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        added = [name for name in new if name not in old]
        ends_as = [name for name in old if name in new] + added
        if _unordered_names(ends_as, pointer, contract) == _unordered_names(list(new), pointer, contract):
            for name in old:
                if name not in new:
                    operations.append({"op": "remove", "path": f"{pointer}/{_escape(name)}"})
                else:
                    _add_operations(old[name], new[name], f"{pointer}/{_escape(name)}", operations, contract)
            operations += [{"op": "add", "path": f"{pointer}/{_escape(name)}", "value": new[name]} for name in added]
            return
    elif isinstance(old, list) and isinstance(new, list):
        _add_list_operations(old, new, pointer, operations, contract)
        return
    operations.append({"op": "replace", "path": pointer, "value": new})


def _unordered_names(names: list[str], pointer: str, contract: Contract) -> list[str]:
    """Return the names whose order writing canonically does not restore."""
    root = contract.root.members
    shape = {"": root, "/properties": root["properties"].members}.get(pointer, {})
    return [name for name in names if name not in shape]


def _add_list_operations(
    old: list[Any], new: list[Any], pointer: str, operations: list[dict[str, Any]], contract: Contract
) -> None:
    shorter = min(len(old), len(new))
    head = next((index for index in range(shorter) if not same(old[index], new[index])), shorter)
    tail = next((i for i in range(shorter - head) if not same(old[-1 - i], new[-1 - i])), shorter - head)
    left, right = old[head : len(old) - tail], new[head : len(new) - tail]
    both = min(len(left), len(right))
    for offset in range(both):
        _add_operations(left[offset], right[offset], f"{pointer}/{head + offset}", operations, contract)
    operations += [{"op": "remove", "path": f"{pointer}/{head + both}"} for _ in left[both:]]
    for offset, item in enumerate(right[both:]):
        operations.append({"op": "add", "path": f"{pointer}/{head + both + offset}", "value": item})


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")

"""Put tables, trained models and transformations of this home in the place of those that an experiment names."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets, studio
from mlmgmt.errors import BadRequest, Detail
from mlmgmt.store import blobs
from mlmgmt.verbs import userfiles
from mlmgmt.verbs.experiments import datasets, trained_models

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

MODELS = "azuremlassetscontainer"
"""The container of models that belong to experiments."""
_TABLES, _MODELS = (assets.DATASET, assets.BUNDLE), (assets.TRAINED_MODEL, assets.TRANSFORMATION)
_SUFFIXES = {kind: suffix for suffix, kind in assets.SUFFIXES.items() if kind in _MODELS}


@dataclass(slots=True)
class Replacements:
    """What replaces what in one definition; see `find`."""

    uris: dict[str, str] = field(default_factory=dict)
    """By asset."""
    tables: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The name and uri of the table that feeds a web service input, by the input."""
    contents: dict[blobs.Blob, bytes] = field(default_factory=dict)
    """The blobs that `store` writes."""

    def __bool__(self) -> bool:
        return bool(self.uris or self.tables)

    def changed(self, definition: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy of the definition with the replacements."""
        from mlmgmt.learning.graph_builder import Sketch

        sketch = Sketch(definition)
        for asset, uri in self.uris.items():
            sketch.assets[asset]["locationInfo"]["uri"] = uri
        for port, (name, uri) in self.tables.items():
            table = sketch.resource(name, uri)
            for edge in sketch.out_of(sketch.ports("inputId")[port]):
                sketch.connect(table, assets.RESULTS_PORT, edge["targetNodeId"], edge.get("targetPortId"))
        return sketch.document

    def store(self, session: Session) -> None:
        """Write the content of files that were given, unless the home already has it."""
        for blob, data in self.contents.items():
            if not session.store.blobs.exists(blob):
                session.store.blobs.write(blob, data)


def find(
    session: Session,
    definition: Mapping[str, Any],
    *,
    data: Sequence[tuple[str, Source]] = (),
    models: Sequence[str] = (),
) -> Replacements:
    """Return which tables and models replace which, by what the user calls them.

    Args:
        data: tables, each with what it replaces: a dataset by its id, name or node, or a web service input that no
            dataset feeds; "" for the only one.
        models: `NAME=MODEL`, or only `MODEL` if there is one to replace. The model is the name of a trained model of
            the workspace, the uri of a blob, or a file.

    Raises:
        BadRequest: `NoDataset`, `NoSavedModel`: nothing, or not exactly one thing, has that name.
        NotFound: a file.
    """
    found = Replacements()
    for name, source in data:
        asset, port = _table(session, definition, name)
        blob = datasets.blob_of(session, source.name, source.data)
        found.contents[blob] = source.data
        if asset is not None:
            found.uris[asset] = blob.uri
        else:
            found.tables[port] = (source.name, blob.uri)
    for text in models:
        before, sign, after = text.partition("=")
        name, given = (before, after) if sign else ("", text)
        asset = _model(session, definition, name.strip())
        body = definition["properties"]["assets"][asset]
        kept = _model_here(session, given.strip(), body)
        if isinstance(kept, str):
            found.uris[asset] = kept
            continue
        suffix = _SUFFIXES[str(kind_of(body))]
        blob = blobs.Blob(session.storage_account(), MODELS, f"{sha256(kept.data).hexdigest()[:32]}{suffix}")
        found.contents[blob], found.uris[asset] = kept.data, blob.uri
    return found


def missing(session: Session, definition: Mapping[str, Any], name: str) -> BadRequest | None:
    """Return the error of an experiment that reads what is not in this home; it names all of it. None if all is here.

    Args:
        name: the experiment.
    """
    every = _of_kinds(definition, (*_TABLES, *_MODELS))
    details: list[Detail] = []
    tables: list[str] = []
    models: list[str] = []
    for asset, body in every.items():
        if not _is_here(session, body):
            kind, called = str(kind_of(body)), str(body.get("name") or asset)
            details.append(Detail("NotInThisHome", f"The {kind} {called!r} is not in this home.", asset))
            (tables if kind in _TABLES else models).append(called)
    for port in _unfed_inputs(definition):
        details.append(Detail("NotInThisHome", f"The web service input {port!r} has no table to run on.", port))
        tables.append(port)
    if not details:
        return None
    options = [*_options("-Data", tables), *_options("-Model", models)]
    what = " ".join(detail.message for detail in details)
    hint = f"Give the files: mlmgmt run-experiment {shlex.quote(name)} {' '.join(options)}"
    return BadRequest(f"{name!r} cannot run yet. {what}", target=name, details=details, hint=hint)


def _options(option: str, names: list[str]) -> list[str]:
    return [f"{option} FILE"] if len(names) == 1 else [f"{option} {shlex.quote(name)}=FILE" for name in names]


def kind_of(asset: Mapping[str, Any]) -> str | None:
    """Return the kind of a Resource, also of one in Studio, of which only the id is known."""
    return assets.kind_of(asset) or studio.foreign_kind(asset)


def _of_kinds(definition: Mapping[str, Any], kinds: Iterable[str | None]) -> dict[str, dict[str, Any]]:
    every = definition["properties"].get("assets", {})
    return {asset: body for asset, body in every.items() if kind_of(body) in kinds}


def _is_here(session: Session, asset: Mapping[str, Any]) -> bool:
    blob = None if studio.foreign_kind(asset) else blobs.parse(asset["locationInfo"]["uri"])
    return blob is not None and session.store.blobs.exists(blob)


def _table(session: Session, definition: Mapping[str, Any], name: str) -> tuple[str | None, str]:
    """Return the asset, or else the web service input, that a table replaces or feeds."""
    tables, inputs = _of_kinds(definition, _TABLES), _unfed_inputs(definition)
    if name:
        found = _named(definition, tables, name)
        ports = [port for port in inputs if port.casefold() == name.casefold()] if not found else []
    else:
        found, ports = [asset for asset, body in tables.items() if not _is_here(session, body)], inputs
        found = found if found or ports else list(tables)
    if len(found) + len(ports) != 1:
        places = len(found) + len(ports)
        what = f"-Data {name}=FILE" if name else "-Data FILE"
        message = f"{what} replaces one dataset or feeds one web service input, but there are {places} that it could."
        listed = ", ".join(repr(each) for each in [*(body["name"] for body in tables.values()), *inputs])
        hint = f"Say which: -Data NAME=FILE. There are: {listed}." if listed else "It reads no table."
        raise BadRequest(message, detail="NoDataset", target="Data", hint=hint)
    return (found[0], "") if found else (None, ports[0])


def _unfed_inputs(definition: Mapping[str, Any]) -> list[str]:
    """Return the web service inputs that are the only source of some port."""
    package = definition["properties"]["package"]
    nodes, edges = package.get("nodes", {}), package.get("edges", [])
    inputs = {node: body["inputId"] for node, body in nodes.items() if "inputId" in body}
    fed = {_port(edge) for edge in edges if edge["sourceNodeId"] not in inputs}
    unfed = (
        inputs[edge["sourceNodeId"]] for edge in edges if edge["sourceNodeId"] in inputs and _port(edge) not in fed
    )
    return list(dict.fromkeys(unfed))


def _port(edge: Mapping[str, str]) -> tuple[str, str]:
    return edge["targetNodeId"], edge.get("targetPortId", "").casefold()


def _named(definition: Mapping[str, Any], among: Mapping[str, Mapping[str, Any]], name: str) -> list[str]:
    """Return the assets with an id, name or node, exactly or else in any letter case."""
    nodes = definition["properties"]["package"].get("nodes", {})

    def names(asset: str) -> set[str]:
        body = among[asset]
        placed = {node for node, node_body in nodes.items() if node_body.get("assetId") == asset}
        uri = str(body["locationInfo"]["uri"])
        return {asset, str(body.get("name")), uri, uri.rsplit("/", 1)[-1], *placed}

    exact = [asset for asset in among if name in names(asset)]
    return exact or [asset for asset in among if name.casefold() in {each.casefold() for each in names(asset)}]


def _model(session: Session, definition: Mapping[str, Any], name: str) -> str:
    models = _of_kinds(definition, _MODELS)
    if name:
        found = _named(definition, models, name)
    else:
        found = [asset for asset, body in models.items() if not _is_here(session, body)] or list(models)
    if len(found) != 1:
        message = f"-Model {f'{name}=' if name else ''}MODEL replaces one saved model, but {len(found)} match."
        listed = ", ".join(f"{body['name']!r} ({kind_of(body)})" for body in models.values())
        hint = f"Say which: -Model NAME=MODEL. There are: {listed}." if listed else "It uses no saved model."
        raise BadRequest(message, detail="NoSavedModel", target="Model", hint=hint)
    return found[0]


def _model_here(session: Session, given: str, asset: Mapping[str, Any]) -> str | Source:
    """Return the uri of a model in this home, or a file's content."""
    kind = str(kind_of(asset))
    if (model := trained_models.latest(trained_models.all_of(session), given)) is not None:
        return str(model["Uri"])
    if "://" not in given:
        source = userfiles.read(given, largest=userfiles.LARGEST_TABLE)
        _require_kind(kind, source.name, asset)
        return source
    _require_kind(kind, given, asset)
    blob = blobs.parse(given)
    if blob is None or not session.store.blobs.exists(blob):
        message = f"The blob {given} is not in this home."
        raise BadRequest(message, detail="NoSavedModel", target="Model", hint="Give the file, or import it first.")
    return blob.uri


def _require_kind(kind: str, name: str, asset: Mapping[str, Any]) -> None:
    if Path(name.split("?", 1)[0]).suffix.casefold() != _SUFFIXES[kind]:
        message = f"{asset['name']!r} is a {kind}; a file that ends in {_SUFFIXES[kind]} can replace it, {name} cannot."
        raise BadRequest(message, detail="NoSavedModel", target="Model")

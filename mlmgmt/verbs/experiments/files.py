"""Experiments as files: import and export of Studio's format, and export of the web service definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from mlmgmt.definition import document as text
from mlmgmt.definition import reading, studio
from mlmgmt.errors import BadRequest
from mlmgmt.verbs import userfiles
from mlmgmt.verbs.experiments import experiments, set_up
from mlmgmt.verbs.outcome import Outcome, no_comparison

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.store.experiments import Experiment
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source


def export_graph(session: Session, *, experiment: str, output_file: str, force: bool = False) -> None:
    """Write an experiment in Studio's format.

    Raises:
        NotFound: the experiment.
        Conflict: `FileExists`.
    """
    body = experiments.existing(session, experiment)
    document = {
        "ExperimentId": body["ExperimentId"],
        "Description": body["Description"],
        "Summary": body["Summary"],
        **graph_of(body),
    }
    userfiles.write(output_file, text.write(document), overwrite=force)
    session.tell(f"Wrote the graph of {body['Description']!r} to {output_file}.")


def graph_of(body: Experiment) -> dict[str, Any]:
    """Return the graph of an experiment in Studio's format: `Graph` and `WebService`."""
    return studio.from_graph(body["Definition"]["properties"], _ports)


def _ports(asset: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from mlmgmt.modules import catalogue

    module = catalogue.module_of(asset)
    if module is None:
        return (), ()
    return tuple(port.name for port in module.inputs), tuple(port.name for port in module.outputs)


def plan_import(
    session: Session,
    *,
    input_file: Source,
    new_name: str | None = None,
    data: Source | None = None,
    overwrite: bool = False,
) -> Outcome:
    """Plan to make an experiment from a file in Studio's format, or from a web service definition.

    Args:
        new_name: its name; default: the one in the file.
        data: a table that replaces the graph's only dataset, or the only one that this home does not have.
        overwrite: if an experiment has that name, it gets the graph, keeps its id, and becomes a draft.

    Raises:
        BadRequest: `InvalidExperimentGraph`, `InvalidDefinition`; `NoDataset`: not exactly one dataset can be replaced.
        Conflict: `ExperimentExists`, `ExperimentRunning`.
    """
    session.require("Microsoft.MachineLearning/workspaces/experiments/write", input_file.name)
    try:
        value = text.parse(input_file.data)
    except text.Unreadable as error:
        raise BadRequest(f"{input_file.name} cannot be read: {error.message}", target=input_file.name) from None
    if studio.is_studio(value):
        definition: dict[str, Any] = {"properties": studio.to_graph(value)}
        stated = value.get("Description") or value.get("description")
    else:
        definition = reading.read(input_file.data, session.contract, source=input_file.name).document
        stated = definition["properties"].get("title")
    name = new_name or str(stated or input_file.name.rpartition(".")[0] or input_file.name)
    current = _to_overwrite(session, name) if overwrite else None
    if current is None:
        experiments.refuse_taken_name(session, name)
    experiments.refuse_broken(definition, name)
    _name_modules(definition)
    foreign = _foreign(session, definition)
    replaced = foreign or _datasets(definition)
    if data is not None and len(replaced) != 1:
        message = f"-Data replaces one dataset, but {input_file.name} has {len(replaced)} that it could replace."
        raise BadRequest(message, detail="NoDataset", target="Data")

    def commit() -> dict[str, Any]:
        if data is not None:
            replaced[0]["locationInfo"]["uri"] = experiments.keep_dataset(session, data.name, data.data)
        elif foreign:
            names = ", ".join(repr(asset["name"]) for asset in foreign)
            session.tell(f"Not in this home: {names}. To run the experiment, import it with a table: -Data FILE")
        body = experiments.new_document(session, name, definition, summary=f"Imported from {input_file.name}.")
        if current is not None:
            kept = ("ExperimentId", "ParentExperimentId", "Description", "Creator")
            body |= cast("Experiment", {member: current.get(member) for member in kept})
        experiments.replace(session, body, is_new=current is None)
        return experiments.summary_of(body)

    return Outcome(target=name, before=current, after={}, commit=commit, compared=no_comparison)


def _to_overwrite(session: Session, name: str) -> Experiment | None:
    """Return the experiment to overwrite; None if the name is not taken."""
    if not any(body["Description"].casefold() == name.casefold() for body in session.experiments.all()):
        return None
    return experiments.existing(session, name)


def _name_modules(definition: Mapping[str, Any]) -> None:
    """Give known modules their names, since Studio's format has only their GUIDs."""
    from mlmgmt.modules import catalogue

    for asset in definition["properties"].get("assets", {}).values():
        module = catalogue.module_of(asset) if asset.get("type") == "Module" else None
        if module is not None:
            asset["name"] = module.name


def _foreign(session: Session, definition: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the datasets of a graph whose blobs are not in this home."""
    from mlmgmt.store import blobs

    found = []
    for asset in _datasets(definition):
        blob = None if studio.is_foreign_dataset(asset) else blobs.parse(asset["locationInfo"]["uri"])
        if blob is None or not session.store.blobs.exists(blob):
            found.append(asset)
    return found


def _datasets(definition: Mapping[str, Any]) -> list[dict[str, Any]]:
    from mlmgmt.definition import assets

    every = definition["properties"].get("assets", {}).values()
    return [asset for asset in every if studio.is_foreign_dataset(asset) or assets.kind_of(asset) == assets.DATASET]


def export_definition(session: Session, *, experiment: str, output_file: str, force: bool = False) -> None:
    """Write the web service definition of an experiment that ran and has a web service input or output.

    Raises:
        NotFound: the experiment.
        BadRequest: `ExperimentNotFinished`, `NoWebServicePorts`.
        Conflict: `FileExists`.
    """
    body = experiments.existing(session, experiment)
    document = set_up.definition_of(session, body)
    userfiles.write(output_file, text.write(document), overwrite=force)
    session.tell(f"Wrote the web service definition of {body['Description']!r} to {output_file}.")

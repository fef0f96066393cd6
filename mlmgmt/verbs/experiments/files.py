"""Experiments as files: import and export of Studio's format, and export of the web service definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from mlmgmt.definition import document as text
from mlmgmt.definition import overlay, reading, studio
from mlmgmt.errors import BadRequest
from mlmgmt.verbs import userfiles
from mlmgmt.verbs.experiments import experiments, replacing, set_up
from mlmgmt.verbs.outcome import Outcome, no_comparison

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.store.experiments import Experiment
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source


def export_graph(session: Session, *, experiment: str, output_file: str, force: bool = False) -> None:
    """Write an experiment in Studio's format. What an imported file had besides its graph is written unchanged.

    Raises:
        NotFound: the experiment.
        Conflict: `FileExists`.
    """
    body = experiments.existing(session, experiment)
    document = {
        **body.get("Studio", {}).get("Other", {}),
        "ExperimentId": body["ExperimentId"],
        "Description": body["Description"],
        "Summary": body.get("Summary") or "",
        **graph_of(body),
    }
    userfiles.write(output_file, text.write(document), overwrite=force)
    session.tell(f"Wrote the graph of {body['Description']!r} to {output_file}.")


def graph_of(body: Experiment) -> dict[str, Any]:
    """Return the graph of an experiment in Studio's format: `Graph` and `WebService`."""
    now = studio.from_graph(body["Definition"]["properties"], _ports)
    kept = body.get("Studio")
    if kept is None:
        return now
    then = studio.from_graph(studio.to_graph(kept), _ports)
    return {part: overlay.overlay(kept[part], then[part], now[part]) if kept[part] else now[part] for part in now}


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
    data: Sequence[tuple[str, Source]] = (),
    models: Sequence[str] = (),
    overwrite: bool = False,
) -> Outcome:
    """Plan to make an experiment from a file in Studio's format, or from a web service definition.

    Args:
        new_name: its name; default: the one in the file.
        data, models: tables and models for the graph; see `replacing.find`.
        overwrite: if an experiment has that name, it gets the graph, keeps its id, and becomes a draft.

    Raises:
        BadRequest: `InvalidExperimentGraph`, `InvalidDefinition`; `NoDataset`, `NoSavedModel`.
        Conflict: `ExperimentExists`, `ExperimentRunning`.
    """
    session.require("Microsoft.MachineLearning/workspaces/experiments/write", input_file.name)
    try:
        file = text.parse_file(input_file.data)
    except text.Unreadable as error:
        where = f"{input_file.name}:{error.line}:{error.column}" if error.line else input_file.name
        message = f"{input_file.name} cannot be read: {error.message}"
        raise BadRequest(message, target=where, details=error.details, hint=error.hint) from None
    value = file.value
    kept = studio.parts_of(value) if studio.is_studio(value) else None
    if kept is not None:
        for message, (line, column) in file.warnings:
            session.warn(f"{input_file.name}:{line}:{column}: {message}")
        definition: dict[str, Any] = {"properties": studio.to_graph(value)}
        stated = next((inner for member, inner in value.items() if str(member).casefold() == "description"), None)
    else:
        definition = reading.read(input_file.data, session.contract, source=input_file.name).document
        stated = definition["properties"].get("title")
    other = {str(member).casefold(): inner for member, inner in kept["Other"].items()} if kept is not None else {}
    summary = str(other.get("summary") or f"Imported from {input_file.name}.")
    name = new_name or str(stated or input_file.name.rpartition(".")[0] or input_file.name)
    current = _to_overwrite(session, name) if overwrite else None
    if current is None:
        experiments.refuse_taken_name(session, name)
    experiments.refuse_broken(definition, name)
    _name_modules(definition)
    change = replacing.find(session, definition, data=data, models=models)
    definition = change.changed(definition)

    def commit() -> dict[str, Any]:
        change.store(session)
        if (error := replacing.missing(session, definition, name)) is not None:
            session.tell(f"{error.message} {error.hint}")
        body = experiments.new_document(session, name, definition, summary=summary, studio=kept)
        if current is not None:
            stay = ("ExperimentId", "ParentExperimentId", "Description", "Creator")
            body |= cast("Experiment", {member: current.get(member) for member in stay})
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


def export_definition(session: Session, *, experiment: str, output_file: str, force: bool = False) -> None:
    """Write the web service definition of an experiment that ran and has a web service input or output.

    Raises:
        NotFound: the experiment.
        BadRequest: `ExperimentNotFinished`, `NoWebServicePorts`.
        Conflict: `FileExists`.
    """
    body = experiments.existing(session, experiment)
    document = set_up.definition_of(session, body)
    userfiles.write(output_file, text.export(document), overwrite=force)
    session.tell(f"Wrote the web service definition of {body['Description']!r} to {output_file}.")

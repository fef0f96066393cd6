"""Find out why a definition cannot answer here: all reasons, before anything of it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets
from mlmgmt.errors import BadRequest, Detail, MlmgmtError
from mlmgmt.store import blobs
from mlmgmt.verbs.runs import models, proof
from mlmgmt.verbs.storage.sources import GraphAccess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.learning.old_python.checking import Finding
    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.verbs.session import Session


@dataclass(slots=True)
class Examination:
    """Whether a definition can answer here.

    Args:
        reasons: why it cannot.
        scored: where the rows came from that it scored; None if nothing was scored.
        findings: what its scripts rely on and may not have here, by node.
    """

    reasons: list[Detail] = field(default_factory=list)
    scored: str | None = None
    findings: list[tuple[str, Finding]] = field(default_factory=list)


def examine(
    session: Session, document: Mapping[str, Any], states: Mapping[str, Mapping[str, Any]], *, proved: bool
) -> Examination:
    """Find out whether a checked definition can answer here: modules, models, data, permissions, scripts, its example.

    Args:
        states: the models in use by asset id, as `Deployment.models`; one without a digest is not in this home.
        proved: whether it has scored its example already.
    """
    from mlmgmt.learning.plan import GraphPlan

    plan = GraphPlan(document, check=False)
    found = Examination(_static_reasons(session, document, states, plan), findings=_script_findings(session, plan))
    if not found.reasons and not proved and not proof.trains(document):
        digests = {asset: state["digest"] for asset, state in states.items() if state.get("digest")}
        try:
            found.scored = proof.score_example(session, document, models.reader(session, document, digests))
        except MlmgmtError as error:
            found.reasons = list(error.details) or [Detail(error.code, error.message, error.target)]
    if not proved and found.scored is None:
        # Code that did not run may fail where the check of its text says so.
        found.reasons = [*_failures(found.findings), *found.reasons]
    return found


def require(
    session: Session, document: Mapping[str, Any], states: Mapping[str, Mapping[str, Any]], *, proved: bool
) -> None:
    """Refuse a definition that cannot answer here; see `examine`.

    Raises:
        BadRequest: `NotRunnable`, and a detail for each reason.
    """
    found = examine(session, document, states, proved=proved).reasons
    if found:
        details = [Detail("NotRunnable", "-RequireRunnable was given."), *found]
        hint = "Without -RequireRunnable the definition is stored, but its web service cannot score."
        raise BadRequest("The definition cannot run here.", details=details, hint=hint)


def _static_reasons(
    session: Session, document: Mapping[str, Any], states: Mapping[str, Mapping[str, Any]], plan: GraphPlan
) -> list[Detail]:
    from mlmgmt.modules import catalogue

    named = document["properties"].get("assets", {})
    needed = dict.fromkeys(plan.graph.nodes[node].get("assetId") for node in plan.order)
    found = []
    for asset_id in (asset_id for asset_id in needed if asset_id is not None):
        if named[asset_id]["type"] == "Module":
            try:
                catalogue.find(named[asset_id])
            except catalogue.ModuleNotSupported as error:
                found.append(Detail("ModuleNotSupported", error.message, f"$.properties.assets.{asset_id}"))
        else:
            found += _missing_content(session, asset_id, named[asset_id], states.get(asset_id, {}))
    nodes = _script_nodes(plan)
    if nodes and not session.store.secrets.outside().get("scripts"):
        text = f"Python scripts are not allowed in this home ({', '.join(nodes)}). To allow them: mlmgmt allow-scripts"
        found.append(Detail("ScriptsNotAllowed", text))
    return found + _graph_reasons(document)


def _graph_reasons(document: Mapping[str, Any]) -> list[Detail]:
    """Return what is wrong with ports and parameters, given the defaults of web service parameters."""
    from mlmgmt.learning.graph_parameters import linked_values
    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.modules import catalogue
    from mlmgmt.modules.failures import ModuleFailure

    try:
        plan = GraphPlan(document)
        linked = linked_values(document, {}, lambda node, key: False)
    except catalogue.ModuleNotSupported:
        return []
    except MlmgmtError as error:
        return list(error.details) or [Detail(error.code, error.message)]
    found: list[Detail] = []
    for node, module in plan.modules.items():
        try:
            plan.arguments(node, linked.get(node, {}))
        except ModuleFailure as error:
            found += error.at(node, module.name).details or [Detail(error.code, f"{node}: {error.message}", node)]
    return found


def _missing_content(
    session: Session, asset_id: str, asset: Mapping[str, Any], state: Mapping[str, Any]
) -> list[Detail]:
    """Return why the content of a Resource cannot be used."""
    kind, uri = assets.kind_of(asset), (asset.get("locationInfo") or {}).get("uri")
    path = f"$.properties.assets.{asset_id}.locationInfo.uri"
    if kind in (assets.TRAINED_MODEL, assets.TRANSFORMATION):
        if state.get("digest"):
            return []
        text = f"The {kind} {asset.get('name')!r} ({asset_id}) is not in this home: {uri}"
        return [Detail("ModelPackageNotFound", text, path)]
    try:
        if kind == assets.DATASET:
            models.read_dataset(session, str(uri))
        elif kind == assets.BUNDLE:
            from mlmgmt.learning import scripts

            scripts.check_bundle(GraphAccess(session).read(str(uri)))
    except MlmgmtError as error:
        code = error.details[0].code if error.details else error.code
        text = f"The {kind} {asset.get('name')!r} ({asset_id}): {error.message}"
        if code in ("AccountNotRegistered", "AddressNotMapped"):
            plain, _, _ = blobs.without_secrets(str(uri))
            text += f" To read it from a file: mlmgmt map-source {plain} FILE"
        return [Detail(code, text, path)]
    return []


def _failures(findings: list[tuple[str, Finding]]) -> list[Detail]:
    return [
        Detail("ScriptNotRunnable", f"Execute Python Script ({node}), {finding}", node)
        for node, finding in findings
        if finding.fails
    ]


def _script_nodes(plan: GraphPlan) -> list[str]:
    from mlmgmt.modules import catalogue
    from mlmgmt.modules.python_language import EXECUTE_PYTHON_SCRIPT

    def is_script(node: str) -> bool:
        asset = plan.document["properties"].get("assets", {}).get(plan.graph.nodes[node].get("assetId"), {})
        return asset.get("type") == "Module" and catalogue.module_of(asset) is EXECUTE_PYTHON_SCRIPT

    return [node for node in plan.order if is_script(node)]


def _script_findings(session: Session, plan: GraphPlan) -> list[tuple[str, Finding]]:
    """Return what the scripts of a graph rely on and cannot have here, with their nodes. Nothing of them is run."""
    from mlmgmt.learning import scripts
    from mlmgmt.modules.python_language import EXECUTE_PYTHON_SCRIPT, SCRIPT, VERSION

    nodes, checked, unusable = _script_nodes(plan), [], set()
    for node in nodes:
        given, bundle = EXECUTE_PYTHON_SCRIPT.arguments(plan.parameters[node]), None
        try:
            bundle = _bundle_of(session, plan, node)
        except MlmgmtError:
            # That is another reason. It is not known what modules the bundle has.
            unusable.add(node)
        checked.append(scripts.Script(given[SCRIPT] or "", bundle, given[VERSION]))
    return [
        (node, finding)
        for node, findings in zip(nodes, scripts.check(checked), strict=True)
        for finding in findings
        if node not in unusable or not finding.call.startswith(("import ", "from "))
    ]


def _bundle_of(session: Session, plan: GraphPlan, node: str) -> bytes | None:
    """Return the script bundle of a node; None if it has none.

    Raises:
        MlmgmtError: it cannot be used.
    """
    from mlmgmt.learning import scripts

    for edge in plan.incoming[node]:
        asset = plan.document["properties"]["assets"].get(plan.graph.nodes[edge.source].get("assetId"), {})
        if assets.kind_of(asset) == assets.BUNDLE:
            bundle = GraphAccess(session).read(asset["locationInfo"]["uri"])
            scripts.check_bundle(bundle)
            return bundle
    return None

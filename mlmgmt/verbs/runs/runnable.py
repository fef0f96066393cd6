"""Find out why a definition cannot answer here: all reasons, before anything of it runs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets
from mlmgmt.errors import BadRequest, Detail, MlmgmtError
from mlmgmt.store import blobs
from mlmgmt.verbs.runs import models
from mlmgmt.verbs.storage.sources import GraphAccess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.learning.old_python.checking import Finding
    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.verbs.session import Session


def reasons(session: Session, document: Mapping[str, Any], states: Mapping[str, Mapping[str, Any]]) -> list[Detail]:
    """Return why a checked definition cannot run here: modules, models, data, permissions and scripts.

    Args:
        states: the models in use by asset id, as `Deployment.models`; one without a digest is not in this home.
    """
    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.modules import catalogue

    plan = GraphPlan(document, check=False)
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
    found += _script_reasons(session, plan)
    try:
        GraphPlan(document)
    except catalogue.ModuleNotSupported:
        pass
    except MlmgmtError as error:
        found += error.details or [Detail(error.code, error.message)]
    return found


def require(session: Session, document: Mapping[str, Any], states: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a definition that cannot run here; see `reasons`.

    Raises:
        BadRequest: `NotRunnable`, and a detail for each reason.
    """
    found = reasons(session, document, states)
    if found:
        details = [Detail("NotRunnable", "-RequireRunnable was given."), *found]
        hint = "Without -RequireRunnable the definition is stored, but its web service cannot score."
        raise BadRequest("The definition cannot run here.", details=details, hint=hint)


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


def _script_reasons(session: Session, plan: GraphPlan) -> list[Detail]:
    found = []
    nodes = _script_nodes(plan)
    if nodes and not session.store.secrets.outside().get("scripts"):
        text = f"Python scripts are not allowed in this home ({', '.join(nodes)}). To allow them: mlmgmt allow-scripts"
        found.append(Detail("ScriptsNotAllowed", text))
    for node, finding in script_findings(session, plan):
        if finding.fails:
            found.append(Detail("ScriptNotRunnable", f"Execute Python Script ({node}), {finding}", node))
    return found


def _script_nodes(plan: GraphPlan) -> list[str]:
    from mlmgmt.modules import catalogue
    from mlmgmt.modules.python_language import EXECUTE_PYTHON_SCRIPT

    def is_script(node: str) -> bool:
        asset = plan.document["properties"].get("assets", {}).get(plan.graph.nodes[node].get("assetId"), {})
        return asset.get("type") == "Module" and catalogue.module_of(asset) is EXECUTE_PYTHON_SCRIPT

    return [node for node in plan.order if is_script(node)]


def script_findings(session: Session, plan: GraphPlan) -> list[tuple[str, Finding]]:
    """Return what the scripts of a graph rely on and cannot have here, with their nodes. Nothing of them is run."""
    from mlmgmt.learning import scripts
    from mlmgmt.modules.python_language import EXECUTE_PYTHON_SCRIPT, SCRIPT, VERSION

    nodes, checked = _script_nodes(plan), []
    for node in nodes:
        given = EXECUTE_PYTHON_SCRIPT.arguments(plan.parameters[node])
        checked.append(scripts.Script(given[SCRIPT] or "", _bundle_of(session, plan, node), given[VERSION]))
    return [
        (node, finding) for node, findings in zip(nodes, scripts.check(checked), strict=True) for finding in findings
    ]


def _bundle_of(session: Session, plan: GraphPlan, node: str) -> bytes | None:
    """Return the script bundle of a node; None if it has none or it cannot be used, which is another reason."""
    from mlmgmt.learning import scripts

    for edge in plan.incoming[node]:
        asset = plan.document["properties"]["assets"].get(plan.graph.nodes[edge.source].get("assetId"), {})
        if assets.kind_of(asset) == assets.BUNDLE:
            with suppress(MlmgmtError):
                bundle = GraphAccess(session).read(asset["locationInfo"]["uri"])
                scripts.check_bundle(bundle)
                return bundle
    return None

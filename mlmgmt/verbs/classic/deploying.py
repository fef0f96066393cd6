"""Deploy experiments as Classic web services, and update the default endpoint of one from its experiment."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets, patch
from mlmgmt.errors import BadRequest, NotFound
from mlmgmt.ids import EndpointId
from mlmgmt.store import blobs
from mlmgmt.verbs.classic import workspaces
from mlmgmt.verbs.classic.web_services import WRITE, endpoint_creation, view
from mlmgmt.verbs.experiments import experiments, set_up
from mlmgmt.verbs.outcome import Outcome, no_comparison, replannable
from mlmgmt.verbs.services import deployment, endpoint_facts, finding, webservices
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.store.classic import WebService
    from mlmgmt.store.experiments import Experiment
    from mlmgmt.verbs.session import Session


@replannable
def plan_deploy(
    session: Session,
    *,
    experiment: str,
    update: bool = False,
    message: str | None = None,
    skip_model_check: bool = False,
) -> Outcome:
    """Plan a web service from a finished experiment; it scores or it trains.

    Args:
        update: update the default endpoint of the experiment's web service; otherwise another web service is made.

    Raises:
        NotFound: the experiment; `WebServiceNotFound`: it has no web service to update.
        BadRequest: `ExperimentNotFinished`, `NoWebServicePorts`, `AmbiguousWebService`; a model fails its check.
        Conflict: `NothingChanged`.
    """
    body = experiments.existing(session, experiment)
    session.require(WRITE, body["ExperimentId"])
    document = dict(set_up.definition_of(session, body))
    document["location"] = workspaces.existing(session, session.workspace)["Location"]
    if update:
        return _plan_update(session, _web_service_of(session, body), body, document, message, skip_model_check)
    service: WebService = {
        "Id": uuid.uuid4().hex,
        "Name": body["Description"],
        "Description": body["Summary"],
        "CreationTime": stamp(session.clock()),
        "WorkspaceId": session.workspace,
        "ExperimentId": body["ExperimentId"],
    }
    # A new web service has one endpoint, the default one.
    identity = EndpointId(session.workspace, service["Id"], finding.DEFAULT)
    planned = endpoint_creation(
        session,
        identity,
        document,
        endpoint_facts.facts(),
        deployment.prepare(session, document, None, skip=skip_model_check),
        message=message,
        source=body["Description"],
    )

    def commit() -> dict[str, Any]:
        session.store.require_writable()
        session.store.web_services.write(service)
        planned.commit()
        return view(session, service)

    return Outcome(
        target=body["Description"],
        before=None,
        after=planned.after,
        commit=commit,
        warnings=[*_warnings_of_others(session, body), *planned.warnings],
        preview=service,
        compared=no_comparison,
    )


def _warnings_of_others(session: Session, experiment: Experiment) -> list[str]:
    """Warn that the experiment already has a web service: services with the same name differ only in their ids."""
    others = [body for body in finding.web_services(session) if body["ExperimentId"] == experiment["ExperimentId"]]
    if not others:
        return []
    listed = ", ".join(f"{body['Id']} (created {body['CreationTime'][:19]})" for body in others)
    return [f"This makes another web service; the experiment already has {listed}. To update that one, use -Update."]


def web_service_of(session: Session, *, experiment: str) -> WebService:
    """Return the only web service that was deployed from an experiment.

    Raises:
        NotFound: the experiment; `WebServiceNotFound`. BadRequest: `AmbiguousWebService`.
    """
    return _web_service_of(session, experiments.existing(session, experiment))


def _web_service_of(session: Session, experiment: Experiment) -> WebService:
    identity, name = experiment["ExperimentId"], experiment["Description"]
    found = [body for body in finding.web_services(session) if body["ExperimentId"] == identity]
    if not found:
        message = f"No web service was deployed from experiment {name!r}."
        hint = "To deploy the first one, leave out -Update."
        raise NotFound(message, detail="WebServiceNotFound", target="Update", hint=hint)
    if len(found) > 1:
        listed = ", ".join(body["Id"] for body in found)
        message = f"{len(found)} web services were deployed from experiment {name!r}: {listed}."
        hint = "Remove all but one: mlmgmt Remove-AmlWebService"
        raise BadRequest(message, detail="AmbiguousWebService", target="Update", hint=hint)
    return found[0]


def _plan_update(
    session: Session,
    service: WebService,
    experiment: Experiment,
    document: Mapping[str, Any],
    message: str | None,
    skip: bool,
) -> Outcome:
    """Plan to give the default endpoint its experiment's current definition; the endpoint keeps its own settings."""
    default = finding.endpoint(session, service["Id"], finding.DEFAULT)
    properties = {**document["properties"]}
    for name in ("diagnostics", "exposeSampleData"):
        if name in default.document["properties"]:
            properties[name] = default.document["properties"][name]
    change = {"tags": document["tags"], "properties": properties}
    gone = default.document["properties"].keys() - properties.keys()
    return webservices.plan_change(
        session,
        default,
        change,
        # A change keeps the members that it omits, so members that the experiment dropped are cleared by name.
        clear=[name for name in patch.CLEARABLE if name in gone],
        message=message,
        source=experiment["Description"],
        skip_model_check=skip,
        held=_read_models(session, document),
        show=lambda _: view(session, service),
    )


def _read_models(session: Session, document: Mapping[str, Any]) -> dict[str, bytes]:
    """Read the models of a definition that are in this home, by uri."""
    found = {}
    for model in assets.learnt_assets(document):
        blob = blobs.parse(model.uri)
        if blob is not None and session.store.blobs.exists(blob):
            found[model.uri] = session.store.blobs.read(blob)
    return found

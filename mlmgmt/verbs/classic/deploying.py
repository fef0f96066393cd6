"""Deploying experiments as Classic web services, and having the default endpoint of one follow its experiment."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets, patch
from mlmgmt.errors import BadRequest, Detail, NotFound
from mlmgmt.ids import EndpointId
from mlmgmt.store import blobs
from mlmgmt.verbs.classic import workspaces
from mlmgmt.verbs.classic.web_services import WRITE, created, view
from mlmgmt.verbs.experiments import experiments, set_up
from mlmgmt.verbs.outcome import Outcome, shown_only
from mlmgmt.verbs.services import deployment, endpoint_facts, finding, webservices
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.verbs.session import Session


def plan_deploy(
    session: Session,
    *,
    experiment: str,
    update: bool = False,
    message: str | None = None,
    skip_model_check: bool = False,
) -> Outcome:
    """Plan a web service of an experiment that ran: one that scores, or one that trains.

    Args:
        update: the experiment's own web service follows it anew, in its default endpoint alone; without it another
            web service is made.

    Raises:
        NotFound: the experiment; `WebServiceNotFound`: there is none of it to update.
        BadRequest: `ExperimentNotFinished`, `NoWebServicePorts`, `AmbiguousWebService`; a model fails its proof.
        Conflict: `NothingChanged`.
    """
    body = experiments.existing(session, experiment)
    session.require(WRITE, body["ExperimentId"])
    document = dict(set_up.definition_of(session, body))
    document["location"] = workspaces.existing(session, session.workspace)["Location"]
    if update:
        service = _deployed_of(session, body)
        return _follow(session, service, body, document, message, skip_model_check)
    service = {
        "Id": uuid.uuid4().hex,
        "Name": body["Description"],
        "Description": body["Summary"],
        "CreationTime": stamp(session.clock()),
        "WorkspaceId": session.workspace,
        "ExperimentId": body["ExperimentId"],
    }
    identity = EndpointId(session.workspace, service["Id"], finding.DEFAULT)
    planned = created(
        session,
        identity,
        document,
        endpoint_facts.facts(),
        deployment.plan(session, document, None, skip=skip_model_check),
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
        warnings=[*_note_others(session, body), *planned.warnings],
        preview=service,
        compared=shown_only,
    )


def _note_others(session: Session, experiment: Mapping[str, Any]) -> list[str]:
    """That the experiment has a web service already: of two with one name, only ids tell which is meant."""
    others = [body for body in finding.web_services(session) if body["ExperimentId"] == experiment["ExperimentId"]]
    if not others:
        return []
    listed = ", ".join(f"{body['Id']} of {body['CreationTime'][:19]}" for body in others)
    return [f"The experiment has a web service already ({listed}); -Update republishes it, this makes another."]


def deployed_of(session: Session, *, experiment: str) -> dict[str, Any]:
    """The one web service that was deployed of an experiment.

    Raises:
        NotFound: the experiment; `WebServiceNotFound`. BadRequest: `AmbiguousWebService`.
    """
    return _deployed_of(session, experiments.existing(session, experiment))


def _deployed_of(session: Session, experiment: Mapping[str, Any]) -> dict[str, Any]:
    identity, name = experiment["ExperimentId"], experiment["Description"]
    found = [body for body in finding.web_services(session) if body["ExperimentId"] == identity]
    if not found:
        message = f"No web service was deployed of the experiment {name!r}."
        hint = "Leave -Update out to deploy the first one."
        raise NotFound(message, target="Update", details=[Detail("WebServiceNotFound", message)], hint=hint)
    if len(found) > 1:
        listed = ", ".join(body["Id"] for body in found)
        message = f"{len(found)} web services were deployed of the experiment {name!r}: {listed}."
        hint = "Remove all but one: mlmgmt Remove-AmlWebService"
        raise BadRequest(message, target="Update", details=[Detail("AmbiguousWebService", message)], hint=hint)
    return found[0]


def _follow(
    session: Session,
    service: dict[str, Any],
    experiment: Mapping[str, Any],
    document: Mapping[str, Any],
    message: str | None,
    skip: bool,
) -> Outcome:
    """The default endpoint takes the definition that its experiment has now; its own switches stay."""
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
        # What the experiment no longer has would otherwise stay, as what a change leaves out does.
        clear=[name for name in patch.CLEARABLE if name in gone],
        message=message,
        source=experiment["Description"],
        skip_model_check=skip,
        held=_models_now(session, document),
        show=lambda _: view(session, service),
        replan=lambda: plan_deploy(
            session, experiment=experiment["ExperimentId"], update=True, message=message, skip_model_check=skip
        ),
    )


def _models_now(session: Session, document: Mapping[str, Any]) -> dict[str, bytes]:
    """The models of a definition as they are in this home now, by uri."""
    found = {}
    for model in assets.learnt_assets(document):
        blob = blobs.parse(model.uri)
        if blob is not None and session.store.blobs.exists(blob):
            found[model.uri] = session.store.blobs.read(blob)
    return found

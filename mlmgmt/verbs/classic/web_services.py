"""Classic web services: deployed of experiments, each with a default endpoint that follows its experiment."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import patch
from mlmgmt.errors import BadRequest, Detail, NotFound
from mlmgmt.ids import EndpointId
from mlmgmt.store import lock
from mlmgmt.store.secrets import new_key
from mlmgmt.store.services import CREATED
from mlmgmt.verbs import changes, deployment, experiments, set_up, webservices
from mlmgmt.verbs.classic import endpoint_facts, standing, workspaces
from mlmgmt.verbs.outcome import Outcome, shown_only
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session

WRITE = "Microsoft.MachineLearning/workspaces/webservices/write"
GOING = "RemovedEndpoints"
"""Of a web service's document: the endpoints that were, or are to be, removed with it."""
_DELETE = "Microsoft.MachineLearning/workspaces/webservices/delete"


def get(session: Session, *, web_service_id: str | None = None) -> dict[str, Any] | list[dict[str, Any]]:
    """The web services of the workspace, or one, by its id or name.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`.
    """
    if web_service_id is not None:
        return view(session, standing.web_service(session, web_service_id))
    return [view(session, body) for body in standing.web_services(session)]


def view(session: Session, body: Mapping[str, Any]) -> dict[str, Any]:
    """A web service as the service described it."""
    count = session.store.services.count_endpoints(body["WorkspaceId"], body["Id"])
    shown = {name: body[name] for name in ("Id", "Name", "Description", "CreationTime", "WorkspaceId")}
    return shown | {"DefaultEndpointName": standing.DEFAULT, "EndpointCount": count}


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
    identity = EndpointId(session.workspace, service["Id"], standing.DEFAULT)
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
        warnings=planned.warnings,
        preview=service,
        compared=shown_only,
    )


def created(
    session: Session,
    identity: EndpointId,
    document: Mapping[str, Any],
    facts: Mapping[str, Any],
    deployed: deployment.Deployment,
    *,
    message: str | None = None,
    source: str | None = None,
    replan: Callable[[], Outcome] | None = None,
) -> Outcome:
    """The outcome of making an endpoint of a definition; its keys are new."""
    body, secrets = changes.split_secrets(document)
    secrets["keys"] = {"primary": new_key(), "secondary": new_key()}
    head = {"id": str(identity), "name": identity.name, "type": identity.type}
    rest = {name: value for name, value in body.items() if name not in head}
    change = changes.Change(
        CREATED,
        head | rest | {endpoint_facts.MEMBER: dict(facts)},
        secrets,
        deployed,
        message,
        source,
        session.store.services.latest(identity),
    )
    return changes.outcome_of(session, identity, change, lambda revision: revision, replan=replan)


def deployed_of(session: Session, *, experiment: str) -> dict[str, Any]:
    """The one web service that was deployed of an experiment.

    Raises:
        NotFound: the experiment; `WebServiceNotFound`. BadRequest: `AmbiguousWebService`.
    """
    return _deployed_of(session, experiments.existing(session, experiment))


def _deployed_of(session: Session, experiment: Mapping[str, Any]) -> dict[str, Any]:
    identity, name = experiment["ExperimentId"], experiment["Description"]
    found = [body for body in standing.web_services(session) if body["ExperimentId"] == identity]
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
    default = standing.endpoint(session, service["Id"], standing.DEFAULT)
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
        held=endpoint_models(session, document),
        show=lambda _: view(session, service),
        replan=lambda: plan_deploy(
            session, experiment=experiment["ExperimentId"], update=True, message=message, skip_model_check=skip
        ),
    )


def endpoint_models(session: Session, document: Mapping[str, Any]) -> dict[str, bytes]:
    """The models of a definition as they are in this home now, by uri."""
    from mlmgmt.definition import assets
    from mlmgmt.store import blobs

    found = {}
    for model in assets.learnt(document):
        blob = blobs.parse(model.uri)
        if blob is not None and session.store.blobs.exists(blob):
            found[model.uri] = session.store.blobs.read(blob)
    return found


def _endpoints(session: Session, body: Mapping[str, Any]) -> list[Revision]:
    """The endpoints of a web service, the default one last."""
    found = session.store.services.endpoints(body["WorkspaceId"], body["Id"])
    return sorted(found, key=lambda revision: revision.resource.name == standing.DEFAULT)


def plan_remove(session: Session, *, web_service_id: str, message: str | None = None) -> Outcome:
    """Plan to remove a web service with all its endpoints; their histories stay.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`.
    """
    body = standing.web_service(session, web_service_id)
    session.require(_DELETE, body["Id"])
    count = len(_endpoints(session, body))

    def commit() -> str:
        with lock.hold(session.store.home.root, f"webservices/{body['Id']}"):
            # The web service last: interrupted, it still stands, and can be removed again with what is left of it.
            going = [revision.resource.name for revision in _endpoints(session, body)]
            noted = body | {GOING: sorted({*body.get(GOING, ()), *going})}
            session.store.web_services.write(noted)
            for revision in _endpoints(session, body):
                why = message or f"with the web service {body['Name']}"
                webservices.removal(session, revision.resource, why).apply(again=True)
            session.store.web_services.write(noted | {"RemovedTime": stamp(session.clock())})
        return f"The web service {body['Name']!r} ({body['Id']}) is removed."

    question = f"Remove the web service {body['Name']!r} and its {count} {'endpoint' if count == 1 else 'endpoints'}?"
    return Outcome(
        target=body["Name"],
        before=view(session, body),
        after=None,
        commit=commit,
        question=question,
        compared=shown_only,
    )

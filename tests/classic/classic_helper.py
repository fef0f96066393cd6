"""Kill processes that change endpoints, or let several change one; `python -m tests.classic.classic_helper MODE ...`.

    patch|deploy|remove SERVICE STEP   kill a child before every STEP-th system call of that change; after each kill,
                                       print a JSON line with the web services before and after it
    write SERVICE COUNT MARK           patch loc001 COUNT times, each time with another file

Models are arbitrary bytes that are not checked: these tests are about what is written, and when.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mlmgmt.store.blobs import Blob
from mlmgmt.verbs.classic import deploying, patching, web_services
from mlmgmt.verbs.scoring import serving
from mlmgmt.verbs.services import endpoint_view, finding, history
from mlmgmt.verbs.session import Session
from mlmgmt.verbs.storage import references
from tests.classic.classic_home import RESOURCE, SCORING
from tests.store.crash_helper import kill_before

if TYPE_CHECKING:
    from mlmgmt.verbs.outcome import Outcome


def patch(session: Session, service: str, content: str, name: str = "killed") -> Outcome:
    """Plan a PATCH of loc001 with these bytes."""
    blob = Blob(session.storage_account(), "models", f"{name}.ilearner")
    session.store.blobs.write(blob, content.encode())
    location = references.signed_reference(session, blob)
    return patching.plan_patch(
        session,
        web_service_id=service,
        endpoint_name="loc001",
        resource_name=RESOURCE,
        base_location=location["BaseLocation"],
        relative_location=location["RelativeLocation"],
        sas_blob_token=location["SasBlobToken"],
        skip_model_check=True,
    )


def endpoints_of(session: Session, service: str) -> dict[str, Any]:
    """Return the endpoints of a web service, each with revision, models and key; raise if one is broken."""
    found = {}
    workspace = session.workspace
    for revision in session.store.services.endpoints(workspace, service):
        past = session.store.services.history(revision.resource)
        assert [item.number for item in past] == list(range(1, revision.number + 1))
        assert past[-1].document == revision.document
        digests = [body["digest"] for body in revision.models.values()]
        assert all(sha256(session.store.blobs.model(digest)).hexdigest() == digest for digest in digests)
        keys = endpoint_view.view(session, revision)["PrimaryKey"]
        serving.Serving(session, revision).check_key(f"Bearer {keys}".encode())
        found[revision.resource.name] = [revision.number, digests, keys]
    return found


def current_services() -> dict[str, Any]:
    """Return all web services and their endpoints; raise if an endpoint has no web service."""
    session = Session()
    found = {body["Id"]: endpoints_of(session, body["Id"]) for body in finding.web_services(session)}
    for identity in session.store.services.identities():
        if session.store.services.current(identity) is not None:
            assert getattr(identity, "service", None) in found, identity
    return found


def kill_at_every_step(mode: str, service: str, step: int) -> None:
    for call in range(1, 10_000, step):
        before = current_services()
        content = f"model {call}"
        change = {
            "patch": partial(patch, service=service, content=content),
            "deploy": partial(deploying.plan_deploy, experiment=SCORING, skip_model_check=True),
            "remove": partial(web_services.plan_remove, web_service_id=service),
        }[mode]
        if not kill_before(call, change):
            return
        digest = sha256(content.encode()).hexdigest()
        print(json.dumps({"new": digest, "before": before, "after": current_services()}), flush=True)
        if mode == "patch":
            # A complete write in between, so that each kill starts from a clean state.
            patch(Session(), service, f"between {call}").apply()
        elif mode == "remove":
            _restore(service)


def _restore(service: str) -> None:
    """Remove what an interrupted removal left, as a user would; then restore everything."""
    session = Session()
    if service in current_services():
        web_services.plan_remove(session, web_service_id=service).apply()
    assert service not in current_services()
    body = session.store.web_services.read(session.workspace, service)
    assert body is not None
    session.store.web_services.write({name: value for name, value in body.items() if name != "RemovedTime"})
    for name in body["RemovedEndpoints"]:
        history.plan_restore(session, web_service_id=service, endpoint_name=name, skip_model_check=True).apply()


def main(mode: str, service: str, *more: str) -> None:
    if mode == "write":
        count, mark = more
        for number in range(int(count)):
            text = f"{mark} {number}"
            patch(Session(), service, text, f"{mark}{number}").apply(again=True)
    else:
        kill_at_every_step(mode, service, int(more[0]))


if __name__ == "__main__":
    main(*sys.argv[1:])

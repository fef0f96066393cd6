"""Requests made from the server's own OpenAPI document: those it allows, and those it forbids."""

from __future__ import annotations

import copy
import json
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from mlmgmt.protocol.data_plane import CLASSIC_SCORING, classic_name
from tests.conftest import small_definition
from tests.server.conftest import request_body

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.server.conftest import Server

PLAN = {"location": "South Central US", "sku": {"name": "S1", "tier": "Standard", "capacity": 1}}
ENDS = ("_Remove", "_Delete")
"""Operations that remove something get resources that nothing else needs."""

AGAIN = {operation.name for operation in CLASSIC_SCORING}
"""Operations that also exist at another address; they are not tried in every way again."""


@dataclass
class Ground:
    """Resources at the server, so that requests reach more than 'not found'."""

    server: Server
    key: str
    workspace: str
    path: dict[str, str]
    spare: dict[str, str]
    signature: dict[str, str]
    bodies: dict[str, Any]
    seen: Counter[tuple[str, int]] = field(default_factory=Counter)

    def headers(self, proof: str) -> dict[str, str]:
        given = {"token": self.server.token, "key": self.key, "workspace": self.workspace}.get(proof)
        return {"authorization": f"Bearer {given}"} if given else {}

    def values(self, name: str) -> dict[str, str]:
        """Values of the path's parameters that name existing resources."""
        found = {**self.path, **(self.spare if name.endswith(ENDS) else {})}
        if name in AGAIN:
            found["jobId"] = self.path["otherJobId"]
        if name == "ClassicWebServices_GetDeployment":
            # Its path has the id of the deployed web service in place of the experiment's.
            found["experimentId"] = self.path["webServiceId"]
        return found


def prepared(server: Server, mlmgmt: Any) -> Ground:
    """A server's home with a web service, a plan that pays for another, an account with a blob, and a job."""

    def made(path: str, **body: Any) -> dict[str, Any]:
        answer = server.ask("PUT", path, json=body)
        assert answer.status_code < 300, answer.text
        return dict(answer.json())

    spare_group = server.group.replace("retail", "spare")
    made(spare_group, location="South Central US")
    for group in (server.group, spare_group):
        made(f"{group}/providers/Microsoft.MachineLearning/commitmentPlans/plan", **PLAN)
        account = "fuzzstore" if group == server.group else "sparestore"
        made(f"{group}/providers/Microsoft.Storage/storageAccounts/{account}", location="South Central US")
        definition = small_definition(
            commitmentPlan={"id": f"{group}/providers/Microsoft.MachineLearning/commitmentPlans/plan"}
        )
        made(f"{group}/providers/Microsoft.MachineLearning/webServices/small", **definition)
    plan = f"{server.group}/providers/Microsoft.MachineLearning/commitmentPlans/plan"
    associations = server.ask("GET", f"{plan}/commitmentAssociations").json()["value"]
    begun = server.ask("PATCH", server.service("small"), json={"tags": {"a": "b"}})
    place = begun.headers["azure-asyncoperation"].partition("?")[0].split("/")
    scoring = server.scoring()
    keys = server.keys()
    token = mlmgmt("sas data -Account fuzzstore -Permission rwcd -o json", ok=True).json["SasBlobToken"]
    signature = dict(parse_qsl(str(token).lstrip("?")))
    job = {
        "Inputs": {
            "input1": {
                "BaseLocation": "https://fuzzstore.blob.core.windows.net/",
                "RelativeLocation": "data/blob.csv",
                "SasBlobToken": token,
            }
        }
    }
    with server.client() as client:
        sent = client.put("/fuzzstore/data/blob.csv", params=signature, content=b"a\n1\n")
        assert sent.status_code == 201, sent.text
        query, proof = {"api-version": "2.0"}, {"authorization": f"Bearer {keys['primary']}"}
        jobs = [client.post(f"{scoring}/jobs", params=query, headers=proof, json=job) for _ in range(2)]
        assert [begun.status_code for begun in jobs] == [200, 200], jobs[0].text
    path = {
        "subscriptionId": server.subscription,
        "resourceGroupName": "retail",
        "webServiceName": "small",
        "commitmentPlanName": "plan",
        "commitmentAssociationName": str(associations[0]["name"]),
        "accountName": "fuzzstore",
        "location": place[-3],
        "operationId": place[-1],
        "serviceId": scoring.rpartition("/")[2],
        "jobId": str(jobs[0].json()),
        "otherJobId": str(jobs[1].json()),
        "account": "fuzzstore",
        "container": "data",
        "blob": "blob.csv",
    }
    spare = {"resourceGroupName": "spare", "accountName": "sparestore"}
    other = server.group + "/providers/Microsoft.MachineLearning/commitmentPlans/other"
    made(other, **PLAN)
    bodies = {
        "WebServices_CreateOrUpdate": [small_definition(title="Again")],
        "CommitmentAssociations_Move": [{"destinationPlanId": other}],
        "execute": [request_body(3), request_body(3, form="objects")],
        "submitjob": [job],
    }
    bodies |= {classic_name(name): bodies[name] for name in ("execute", "submitjob")}
    workspace = _classic(mlmgmt, path, spare, bodies)
    return Ground(server, keys["primary"], workspace, path, spare, signature, bodies)


def _classic(mlmgmt: Any, path: dict[str, str], spare: dict[str, str], bodies: dict[str, Any]) -> str:
    """Make a workspace with two experiments and two Classic web services; returns its token."""
    Path("tiny.csv").write_text("a,b\n" + "".join(f"{number},{2 * number}\n" for number in range(40)))
    for name, given in (("Tiny", path), ("Spare", spare)):
        made = mlmgmt(f"new-experiment {name} --task regression --label b --data tiny.csv -o json", ok=True).json
        mlmgmt(f"set-up-web-service {name} --retraining", ok=True)
        deployed = mlmgmt(f"deploy {name} -o json", ok=True).json
        given |= {"experimentId": made["ExperimentId"], "webServiceId": deployed["Id"], "endpointName": "fuzzed"}
        mlmgmt(f"add-endpoint -s {deployed['Id']} -e fuzzed", ok=True)
    node = mlmgmt("experiment-nodes Tiny -Comment 'Train Model' -o json", ok=True).json
    path |= {"workspaceId": deployed["WorkspaceId"], "part": "update"}
    bodies |= {
        "ClassicExperiments_Create": [{"Description": "Fuzzed"}],
        "ClassicExperiments_Save": [{"IsDraft": False}],
        "ClassicEndpoints_Patch": [{"Description": "Fuzzed.", "Resources": []}],
        "ClassicTrainedModels_Promote": [
            {
                "ExperimentId": path["experimentId"],
                "ModuleNodeId": node[0]["Id"],
                "OutputName": "Trained model",
                "TrainedModel": {"Name": "Tiny [trained model]", "DataTypeId": "iLearnerDotNet"},
            }
        ],
    }
    mlmgmt("workspace-config classic.json", ok=True)
    return str(json.loads(Path("classic.json").read_text())["AuthorizationToken"])


def asked(ground: Ground, examples: int, seed: int = 4) -> Iterator[str]:
    """Call every operation `examples` times in each way; yields what the server did wrong, in words.

    The ways: what the document allows, where something stands and anywhere; and what it forbids.
    """
    import schemathesis

    # Proofs are added to the generated requests; the check whether they are needed removes them.
    config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
    schema = schemathesis.openapi.from_url(f"{ground.server.origin}/openapi.json", config=config)
    operations = [found.ok() for found in schema.get_all_operations()]
    operations.sort(key=lambda operation: _turn(operation.definition.raw["operationId"]))
    for operation in operations:
        raw = operation.definition.raw
        proof = next(iter(raw["security"][0])) if raw["security"] else ""
        values = ground.values(raw["operationId"])
        names = [part["name"] for part in raw.get("parameters", ()) if part["in"] == "path"]
        stands = {name: values[name] for name in names}
        signature = ground.signature if proof == "sas" else {}
        # An operation with nothing but a path can only be refused for its path.
        more = len(raw.get("parameters", ())) > len(names) or "requestBody" in raw
        # The last one names the resource itself; without it, requests get and create others.
        beside = dict(list(stands.items())[:-1])
        ways: list[tuple[str, dict[str, Any]]] = [
            ("positive", _given(path_parameters=stands, query=signature)),
            ("positive", _given(path_parameters=beside)),
            *(
                ("positive", _given(path_parameters=stands, body=body))
                for body in ground.bodies.get(raw["operationId"], ())
            ),
            ("negative", _given(path_parameters=stands if more else {})),
        ]
        if raw["operationId"] in AGAIN:
            del ways[-1], ways[1]
        for place, (mode, fixed) in enumerate(ways if raw.get("parameters") else ways[:1]):
            # The first way is the one that can succeed, so it is tried most.
            times = examples if place == 0 else max(1, examples // 2)
            strategy = operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode), **fixed)
            for told in _wrong(ground, strategy, raw["operationId"], ground.headers(proof), times, seed):
                yield f"{raw['operationId']}, {mode}, {fixed.get('path_parameters')}: {told}"


_ODD = (
    None,
    True,
    0,
    -1,
    1.5,
    10**18,
    "",
    "x",
    "\0",
    "a/b",
    [],
    {},
    [None],
    [{}],
    {"a": None},
    {"value": [1]},
    "x" * 300,
)


def altered(document: dict[str, Any], chance: Random) -> dict[str, Any]:
    """A copy of a document in which one to three places have another value, or none."""
    found = copy.deepcopy(document)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        places = list(_places(found))
        container, place = chance.choice(places) if places else (found, "x")
        if chance.random() < 0.2 and places:
            del container[place]
        else:
            container[place] = copy.deepcopy(chance.choice(_ODD))
    return found


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    for place, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, place
        if isinstance(inner, (dict, list)):
            yield from _places(inner)


def refused_badly(ground: Ground, times: int, seed: int = 4) -> Iterator[str]:
    """Send altered documents of each kind; yields those that the server answered with a 5xx."""
    chance, server = Random(seed), ground.server
    provider = f"{server.group}/providers/Microsoft."
    tags = {"a": "b"}
    definition = small_definition(
        parameters={"limit": {"value": "1"}},
        exampleRequest={"inputs": {"input1": [[1, "a"]]}},
        diagnostics={"level": "All", "expiry": "2030-01-01T00:00:00Z"},
        realtimeConfiguration={"maxConcurrentCalls": 5},
    )
    definition["properties"]["package"]["graphParameters"] = {
        "limit": {"type": "String", "links": [{"nodeId": "select", "parameterKey": "Select Columns"}]}
    }
    scoring = {"headers": ground.headers("key"), "version": "2.0"}
    asked: list[tuple[str, str, Any, dict[str, Any]]] = [
        ("PUT", server.service("odd"), definition, {}),
        ("PATCH", server.service("odd"), {"tags": tags, **definition}, {}),
        ("PUT", f"{provider}MachineLearning/commitmentPlans/odd", {**PLAN, "tags": tags}, {}),
        ("PATCH", f"{provider}MachineLearning/commitmentPlans/odd", {**PLAN, "tags": tags}, {}),
        ("PUT", f"{provider}Storage/storageAccounts/oddstore", {"location": "x", "tags": tags, "sku": {}}, {}),
        ("PUT", server.group.replace("retail", "odd"), {"location": "x", "tags": tags}, {}),
        *(("POST", f"{server.scoring()}/execute", body, scoring) for body in ground.bodies["execute"]),
        ("POST", f"{server.scoring()}/jobs", ground.bodies["submitjob"][0], scoring),
    ]
    for _ in range(times):
        for method, path, whole, more in asked:
            body = altered(whole, chance)
            answer = server.ask(method, path, json=body, **more)
            ground.seen[f"altered {method}", answer.status_code] += 1
            if answer.status_code >= 500:
                yield f"{method} {path}: {answer.status_code} to {body!r}"


def _turn(name: str) -> int:
    """Operations that remove something come last, and of those the ones that remove everything else."""
    return name.endswith(ENDS) + (name in ("ResourceGroups_Delete", "ClassicWebServices_Delete"))


def _given(**parts: Any) -> dict[str, Any]:
    return {name: part for name, part in parts.items() if part}


def _wrong(
    ground: Ground, strategy: Any, name: str, headers: dict[str, str], examples: int, seed: int
) -> Iterator[str]:
    """Yield what the server did wrong with the cases of one strategy."""
    import hypothesis
    import requests
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    always = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
        checks.ignored_auth,
        checks.unsupported_method,
    ]
    session = requests.Session()
    session.trust_env = False

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
        print_blob=False,
    )
    @hypothesis.given(strategy)
    def ask(case: Any) -> None:
        answer = case.call(session=session, headers=headers, timeout=30)
        ground.seen[name, answer.status_code] += 1
        # An object in a query is sent as parameters with other names, which the server ignores.
        spread = any(isinstance(value, (dict, list)) for value in (case.query or {}).values())
        wanted = always if spread else [*always, checks.negative_data_rejection]
        case.validate_response(answer, checks=wanted, headers=headers)

    try:
        with warnings.catch_warnings():
            # These warnings come from the generator, not from this project.
            warnings.simplefilter("ignore")
            ask()
    except BaseExceptionGroup as group:
        yield from (str(error) for error in group.exceptions)
    except Exception as error:
        yield f"{type(error).__name__}: {error}"
    finally:
        session.close()

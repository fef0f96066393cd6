"""Random sequences of changes to endpoints: each endpoint then answers as a few simple rules predict."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mlmgmt.errors import MlmgmtError
from mlmgmt.verbs.classic import deploying, endpoints, patching
from mlmgmt.verbs.services import finding, history, webservices
from mlmgmt.verbs.session import Session
from tests.classic.classic_home import MODELS, RESOURCE, SCORING, Bikes, answer, experiment, score

if TYPE_CHECKING:
    from mlmgmt.verbs.outcome import Outcome
    from tests.conftest import Command

NEVER, REMOVED = "never", "removed"
_examples = count()


@dataclass
class Rules:
    """The expected endpoints: for each revision the name of the current model, or that the endpoint was removed.

    Args:
        default: the model of the default endpoint.
    """

    default: str
    past: dict[str, list[str]] = field(default_factory=dict)

    def current_model(self, name: str) -> str:
        return self.past[name][-1] if name in self.past else NEVER

    def exists(self, name: str) -> bool:
        return self.current_model(name) not in (NEVER, REMOVED)

    def add(self, name: str) -> str | None:
        return "EndpointExists" if self.exists(name) else self._add_revision(name, self.default)

    def patch(self, name: str, model: str) -> str | None:
        return self._change(name, model)

    def refresh(self, name: str) -> str | None:
        return None if self.exists(name) else "EndpointNotFound"

    def overwrite(self, name: str) -> str | None:
        if self.current_model(name) == self.default:
            return None
        return self._change(name, self.default)

    def rollback(self, name: str, to: int) -> str | None:
        if not self.exists(name):
            return "EndpointNotFound"
        if to > len(self.past[name]):
            return "RevisionNotFound"
        earlier = self.past[name][to - 1]
        return "RevisionIsRemoval" if earlier == REMOVED else self._change(name, earlier)

    def remove(self, name: str) -> str | None:
        return self._add_revision(name, REMOVED) if self.exists(name) else "EndpointNotFound"

    def restore(self, name: str) -> str | None:
        if self.current_model(name) != REMOVED:
            return "WebServiceExists" if self.exists(name) else "EndpointNotFound"
        return self._add_revision(name, self.past[name][-2])

    def republish(self, model: str) -> str | None:
        if model == self.default:
            return "NothingChanged"
        self.default = model
        return None

    def _change(self, name: str, model: str) -> str | None:
        if not self.exists(name):
            return "EndpointNotFound"
        return "NothingChanged" if self.current_model(name) == model else self._add_revision(name, model)

    def _add_revision(self, name: str, state: str) -> None:
        self.past.setdefault(name, []).append(state)


def plan(bikes: Bikes, step: tuple[Any, ...], name: str) -> Outcome:
    """Plan a step of a sequence."""
    session = Session()
    at = {"web_service_id": bikes.service, "endpoint_name": name}
    match step:
        case ("add", _):
            return endpoints.plan_add(session, **at)
        case ("patch", _, model):
            location = bikes.location(model)
            words = {"resource_name": RESOURCE, "base_location": location["BaseLocation"]}
            words |= {"relative_location": location["RelativeLocation"], "sas_blob_token": location["SasBlobToken"]}
            return patching.plan_patch(session, **at, **words)
        case ("refresh", _):
            return patching.plan_refresh(session, **at)
        case ("overwrite", _):
            return patching.plan_refresh(session, **at, overwrite_resources=True)
        case ("rollback", _, to):
            return history.plan_rollback(session, to=to, **at)
        case ("remove", _):
            return endpoints.plan_remove(session, **at)
        case ("restore", _):
            return history.plan_restore(session, **at)
        case ("republish", model):
            experiment(model=bikes.blob(model).uri)
            return deploying.plan_deploy(session, experiment=SCORING, update=True)
    raise AssertionError(step)


def current_model(bikes: Bikes, name: str, known: dict[str, str]) -> str:
    """Return the name of an endpoint's current model, found by its digest."""
    session = Session()
    revision = session.store.services.latest(finding.endpoint_id(session, bikes.service, name))
    if revision is None or revision.removed:
        return REMOVED if revision is not None else NEVER
    (body,) = revision.models.values()
    return known.get(body["digest"], "another")


NAMES = st.sampled_from("ab")
STEPS = st.one_of(
    st.tuples(st.just("patch"), NAMES, st.sampled_from(sorted(MODELS))),
    st.tuples(st.just("rollback"), NAMES, st.integers(1, 6)),
    st.tuples(st.sampled_from(["add", "refresh", "overwrite", "remove", "restore"]), NAMES),
    st.tuples(st.just("republish"), st.sampled_from(sorted(MODELS))),
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
@given(st.lists(STEPS, min_size=10, max_size=25))
@example(
    [
        *(("add", "a"), ("patch", "a", "model001"), ("republish", "model002"), ("refresh", "a"), ("remove", "a")),
        *(("restore", "a"), ("overwrite", "a"), ("rollback", "a", 2), ("rollback", "a", 3), ("remove", "a")),
        *(("add", "a"), ("rollback", "a", 2), ("republish", "model003"), ("add", "b"), ("overwrite", "a")),
    ]
)
def test_endpoints_answer_as_the_rules_predict(mlmgmt: Command, bikes: Bikes, steps: list[tuple[Any, ...]]) -> None:
    # All sequences share one home: each has its own endpoints, and starts with the same default model.
    mark, known = next(_examples), {bikes.digest(model): model for model in MODELS}
    if current_model(bikes, finding.DEFAULT, known) != "model001":
        plan(bikes, ("republish", "model001"), "").apply()
    rules = Rules("model001")
    for step in steps:
        kind, *given_ = step
        expected = getattr(rules, kind)(*given_)
        name = "" if kind == "republish" else f"{step[1]}{mark}"
        try:
            outcome = plan(bikes, step, name)
            if outcome.nothing is None:
                outcome.apply()
            refused: tuple[str, ...] = ()
        except MlmgmtError as error:
            refused = error.codes()
        assert (expected in refused) if expected else not refused, (step, expected, refused)
        for letter in "ab":
            assert current_model(bikes, f"{letter}{mark}", known) == rules.current_model(letter), step
        assert current_model(bikes, finding.DEFAULT, known) == rules.default
    for letter in "ab":
        if rules.exists(letter):
            hundreds = MODELS[rules.current_model(letter)]
            assert score(mlmgmt, f"{letter}{mark}") == pytest.approx(answer(hundreds), abs=0.01)
    session = Session()
    for letter, past in rules.past.items():
        identity = finding.endpoint_id(session, bikes.service, f"{letter}{mark}")
        assert len(session.store.services.history(identity)) == len(past)
        if rules.exists(letter):
            webservices.removal(session, identity, None).apply()

"""Whatever is done to the endpoints of a web service, in whatever order: each answers as a few plain rules say."""

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
from tests.stories.classic_home import MODELS, RESOURCE, SCORING, Bikes, answer, experiment, scored

if TYPE_CHECKING:
    from mlmgmt.verbs.outcome import Outcome
    from tests.conftest import Command

NEVER, REMOVED = "never", "removed"
_examples = count()


@dataclass
class Rules:
    """What an endpoint should be: after each revision the model that answers, by name, or that it was removed.

    Args:
        default: the model of the default endpoint.
    """

    default: str
    past: dict[str, list[str]] = field(default_factory=dict)

    def now(self, name: str) -> str:
        return self.past[name][-1] if name in self.past else NEVER

    def stands(self, name: str) -> bool:
        return self.now(name) not in (NEVER, REMOVED)

    def add(self, name: str) -> str | None:
        return "EndpointExists" if self.stands(name) else self._became(name, self.default)

    def patch(self, name: str, model: str) -> str | None:
        return self._changed(name, model)

    def refresh(self, name: str) -> str | None:
        return None if self.stands(name) else "EndpointNotFound"

    def overwrite(self, name: str) -> str | None:
        if self.now(name) == self.default:
            return None
        return self._changed(name, self.default)

    def rollback(self, name: str, to: int) -> str | None:
        if not self.stands(name):
            return "EndpointNotFound"
        if to > len(self.past[name]):
            return "RevisionNotFound"
        earlier = self.past[name][to - 1]
        return "RevisionIsRemoval" if earlier == REMOVED else self._changed(name, earlier)

    def remove(self, name: str) -> str | None:
        return self._became(name, REMOVED) if self.stands(name) else "EndpointNotFound"

    def restore(self, name: str) -> str | None:
        if self.now(name) != REMOVED:
            return "WebServiceExists" if self.stands(name) else "EndpointNotFound"
        return self._became(name, self.past[name][-2])

    def republish(self, model: str) -> str | None:
        if model == self.default:
            return "NothingChanged"
        self.default = model
        return None

    def _changed(self, name: str, model: str) -> str | None:
        if not self.stands(name):
            return "EndpointNotFound"
        return "NothingChanged" if self.now(name) == model else self._became(name, model)

    def _became(self, name: str, state: str) -> None:
        self.past.setdefault(name, []).append(state)


def planned(bikes: Bikes, step: tuple[Any, ...], name: str) -> Outcome:
    """What a step of a sequence asks for."""
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


def now(bikes: Bikes, name: str, known: dict[str, str]) -> str:
    """The model that an endpoint answers with, by what its bytes are known as."""
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
def test_every_endpoint_answers_as_the_rules_say(mlmgmt: Command, bikes: Bikes, steps: list[tuple[Any, ...]]) -> None:
    # One home for all of the sequences: each has endpoints of its own, and begins with the same default model.
    mark, known = next(_examples), {bikes.digest(model): model for model in MODELS}
    if now(bikes, finding.DEFAULT, known) != "model001":
        planned(bikes, ("republish", "model001"), "").apply()
    rules = Rules("model001")
    for step in steps:
        kind, *given_ = step
        expected = getattr(rules, kind)(*given_)
        name = "" if kind == "republish" else f"{step[1]}{mark}"
        try:
            outcome = planned(bikes, step, name)
            if outcome.nothing is None:
                outcome.apply()
            refused: tuple[str, ...] = ()
        except MlmgmtError as error:
            refused = error.codes()
        assert (expected in refused) if expected else not refused, (step, expected, refused)
        for letter in "ab":
            assert now(bikes, f"{letter}{mark}", known) == rules.now(letter), step
        assert now(bikes, finding.DEFAULT, known) == rules.default
    for letter in "ab":
        if rules.stands(letter):
            hundreds = MODELS[rules.now(letter)]
            assert scored(mlmgmt, f"{letter}{mark}") == pytest.approx(answer(hundreds), abs=0.01)
    session = Session()
    for letter, past in rules.past.items():
        identity = finding.endpoint_id(session, bikes.service, f"{letter}{mark}")
        assert len(session.store.services.history(identity)) == len(past)
        if rules.stands(letter):
            webservices.removal(session, identity, None).apply()

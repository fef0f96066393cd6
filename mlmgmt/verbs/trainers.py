"""How a web service's model is trained: the definition given, the service recorded, or the experiment it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import reading
from mlmgmt.errors import Detail, NotFound
from mlmgmt.verbs import experiments, lookup, scoring, set_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

SERVICE_TAG = "trainingService"
"""The tag of a predictive service that names the web service which trains its model."""


@dataclass(frozen=True, slots=True)
class Trainer:
    """What trains a model.

    Args:
        service: the deployed training service, if it is one; a retraining is a job of it.
        digests: the models that the training graph itself refers to, by asset id.
    """

    document: dict[str, Any]
    service: Revision | None = None
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def output(self) -> str:
        """The output that carries the model, by the name of the port it comes from; the first one else."""
        package = self.document["properties"]["package"]
        outputs = {node: body["outputId"] for node, body in package["nodes"].items() if "outputId" in body}
        for edge in package.get("edges", ()):
            if edge["targetNodeId"] in outputs and "model" in str(edge.get("sourcePortId", "")).casefold():
                return str(outputs[edge["targetNodeId"]])
        return next(iter(outputs.values()), "output1")


def of(session: Session, standing: Revision, given: Source | None) -> Trainer:
    """What trains the model of a web service.

    Raises:
        NotFound: `TrainingDefinitionNotFound`: nothing is given and nothing recorded; or what is recorded is gone.
        BadRequest: the given definition is none.
    """
    if given is not None:
        return Trainer(reading.read(given.data, session.contract, source=given.name).document)
    tags = standing.document.get("tags") or {}
    if recorded := tags.get(SERVICE_TAG):
        return _service(lookup.existing(session, standing.resource.group, str(recorded).rsplit("/", 1)[-1]))
    if experiment := tags.get(set_up.TRAINING_TAG):
        return _of_experiment(session, standing, str(experiment))
    text = f"Nothing says how to train {standing.document['name']!r}."
    raise NotFound(
        text,
        target="TrainingDefinition",
        details=[Detail("TrainingDefinitionNotFound", text)],
        hint="Give --training-definition FILE; or deploy the training definition as a web service and name that in the "
        f"tag {SERVICE_TAG!r} of {standing.document['name']!r}.",
    )


def _service(revision: Revision) -> Trainer:
    return Trainer(revision.document, revision, scoring.digests_of(revision))


def _of_experiment(session: Session, standing: Revision, experiment: str) -> Trainer:
    """The web service that was deployed from the training experiment, in the same group or another; else the
    experiment itself, set up for retraining as it would be.
    """
    groups = [standing.resource.group, *(str(body["name"]) for body in session.store.groups.all())]
    for group in dict.fromkeys(groups):
        for other in session.store.services.in_group(session.group_id(group)):
            if (other.document.get("tags") or {}).get(set_up.EXPERIMENT_TAG) == experiment:
                session.tell(f"It is trained by the web service {other.document['name']!r}.")
                return _service(other)
    from mlmgmt.learning import set_up as drawing

    body = experiments.existing(session, experiment)
    session.tell(f"It is trained by the experiment {body['Description']!r}.")
    if "input" in body["Definition"]["properties"]:
        return Trainer(dict(body["Definition"]))
    return Trainer(drawing.retraining(body["Definition"]).document)

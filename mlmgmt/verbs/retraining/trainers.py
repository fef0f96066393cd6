"""Find what trains a web service's model: a given definition, a recorded service, or the experiment it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import reading
from mlmgmt.definition.tags import EXPERIMENT_TAG, SERVICE_TAG, TRAINING_TAG
from mlmgmt.errors import NotFound
from mlmgmt.verbs.experiments import experiments, running
from mlmgmt.verbs.services import lookup, siblings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.store.experiments import Experiment
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source


@dataclass(frozen=True, slots=True)
class Trainer:
    """What trains a model.

    Args:
        service: the training service, if one is deployed; each retraining is recorded as a job of it.
        digests: the models that the training graph itself uses, by asset id.
    """

    document: dict[str, Any]
    service: Revision | None = None
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def output(self) -> str:
        """The output with the model, found by the name of the port that it comes from; else the first output."""
        package = self.document["properties"]["package"]
        outputs = {node: body["outputId"] for node, body in package["nodes"].items() if "outputId" in body}
        for edge in package.get("edges", ()):
            if edge["targetNodeId"] in outputs and "model" in str(edge.get("sourcePortId", "")).casefold():
                return str(outputs[edge["targetNodeId"]])
        return next(iter(outputs.values()), "output1")


def find(session: Session, current: Revision, given: Source | None) -> Trainer:
    """Find what trains the model of a web service.

    Raises:
        NotFound: `TrainingDefinitionNotFound`: none is given or recorded, or the recorded one no longer exists.
        BadRequest: the given file is not a definition.
    """
    if given is not None:
        return Trainer(reading.read(given.data, session.contract, source=given.name).document)
    tags = current.document.get("tags") or {}
    if recorded := tags.get(SERVICE_TAG):
        group = current.resource.group or ""
        return _service(lookup.existing(session, *_group_and_name(str(recorded), group)))
    if experiment := tags.get(TRAINING_TAG):
        return _from_experiment(session, current, str(experiment))
    text = f"{current.document['name']!r} has no training definition."
    raise NotFound(
        text,
        detail="TrainingDefinitionNotFound",
        target="TrainingDefinition",
        hint="Use --training-definition FILE; or deploy the training definition as a web service, and set the tag "
        f"{SERVICE_TAG!r} of {current.document['name']!r} to its name.",
    )


def _group_and_name(named: str, group: str) -> tuple[str, str]:
    """Return the group and the name of a service, given by its name or its resource id."""
    parts = named.strip().strip("/").split("/")
    folded = [part.casefold() for part in parts]
    if "resourcegroups" in folded[:-1]:
        group = parts[folded.index("resourcegroups") + 1]
    return group, parts[-1]


def _service(revision: Revision) -> Trainer:
    return Trainer(revision.document, revision, revision.model_digests)


def _from_experiment(session: Session, current: Revision, experiment: str) -> Trainer:
    """Return the web service deployed from the training experiment, in any group; else the experiment itself, set up
    for retraining.
    """
    for other in siblings.all_services(session, current):
        if siblings.trains(other) and (other.document.get("tags") or {}).get(EXPERIMENT_TAG) == experiment:
            session.tell(f"Training with the web service {siblings.title(other)!r}.")
            return _service(other)
    from mlmgmt.learning import set_up as drawing

    body = _experiment(session, current, experiment)
    session.tell(f"Training with the experiment {body['Description']!r}.")
    if any("outputId" in node for node in body["Definition"]["properties"]["package"]["nodes"].values()):
        document = dict(body["Definition"])
    else:
        experiments.refuse_broken(body["Definition"], body["Description"])
        document = drawing.retraining(body["Definition"]).document
    return Trainer(document, digests=running.digests_of(session, document))


def _experiment(session: Session, current: Revision, experiment: str) -> Experiment:
    try:
        return experiments.existing(session, experiment)
    except NotFound:
        text = (
            f"The training experiment of {current.document['name']!r} was removed, and no web service was deployed "
            "from it."
        )
        hint = "Use --training-definition FILE."
        raise NotFound(text, detail="TrainingDefinitionNotFound", target="TrainingDefinition", hint=hint) from None

"""How a web service's model is trained: the definition given, the service recorded, or the experiment it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import reading
from mlmgmt.definition.tags import EXPERIMENT_TAG, SERVICE_TAG, TRAINING_TAG
from mlmgmt.errors import Detail, NotFound
from mlmgmt.ids import ResourceId
from mlmgmt.verbs.experiments import experiments
from mlmgmt.verbs.services import lookup, siblings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source


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
        resource = standing.resource
        group = resource.group if isinstance(resource, ResourceId) else ""
        return _service(lookup.existing(session, *_recorded(str(recorded), group)))
    if experiment := tags.get(TRAINING_TAG):
        return _of_experiment(session, standing, str(experiment))
    text = f"Nothing says how to train {standing.document['name']!r}."
    raise NotFound(
        text,
        target="TrainingDefinition",
        details=[Detail("TrainingDefinitionNotFound", text)],
        hint="Give --training-definition FILE; or deploy the training definition as a web service and name that in the "
        f"tag {SERVICE_TAG!r} of {standing.document['name']!r}.",
    )


def _recorded(named: str, group: str) -> tuple[str, str]:
    """The group and the name of a service that is named alone, or by its resource id."""
    parts = named.strip().strip("/").split("/")
    folded = [part.casefold() for part in parts]
    if "resourcegroups" in folded[:-1]:
        group = parts[folded.index("resourcegroups") + 1]
    return group, parts[-1]


def _service(revision: Revision) -> Trainer:
    return Trainer(revision.document, revision, revision.model_digests)


def _of_experiment(session: Session, standing: Revision, experiment: str) -> Trainer:
    """The web service that was deployed from the training experiment, in the same group or another; else the
    experiment itself, set up for retraining as it would be.
    """
    for other in siblings.all_services(session, standing):
        if siblings.trains(other) and (other.document.get("tags") or {}).get(EXPERIMENT_TAG) == experiment:
            session.tell(f"It is trained by the web service {siblings.title(other)!r}.")
            return _service(other)
    from mlmgmt.learning import set_up as drawing

    body = _kept(session, standing, experiment)
    session.tell(f"It is trained by the experiment {body['Description']!r}.")
    if any("outputId" in node for node in body["Definition"]["properties"]["package"]["nodes"].values()):
        document = dict(body["Definition"])
    else:
        experiments.refuse_broken(body["Definition"], body["Description"])
        document = drawing.retraining(body["Definition"]).document
    return Trainer(document, digests=experiments.digests_of(session, document))


def _kept(session: Session, standing: Revision, experiment: str) -> dict[str, Any]:
    try:
        return experiments.existing(session, experiment)
    except NotFound:
        text = (
            f"The experiment that {standing.document['name']!r} came from is gone, and no service was deployed of it."
        )
        details = [Detail("TrainingDefinitionNotFound", text)]
        hint = "Give --training-definition FILE."
        raise NotFound(text, target="TrainingDefinition", details=details, hint=hint) from None

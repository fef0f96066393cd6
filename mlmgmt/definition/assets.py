"""The assets of a definition, above all the one that retraining replaces: the trained model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

TRAINED_MODEL, TRANSFORMATION, DATASET, BUNDLE = "trained model", "transformation", "dataset", "script bundle"
RESULTS_PORT = "Results dataset"
"""The output port of every Resource, whatever its content."""
TRAINED_MODEL_SUFFIX, TRANSFORMATION_SUFFIX = ".ilearner", ".itransform"
SUFFIXES = {
    TRAINED_MODEL_SUFFIX: TRAINED_MODEL,
    TRANSFORMATION_SUFFIX: TRANSFORMATION,
    ".csv": DATASET,
    ".tsv": DATASET,
    ".arff": DATASET,
    ".zip": BUNDLE,
}
"""The kind of a Resource's content, by the suffix of its uri's path."""


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A trained model's place in a definition."""

    asset_id: str
    name: str
    uri: str

    def __str__(self) -> str:
        return f"{self.asset_id} {self.name!r}"


def kind_of(asset: Mapping[str, Any]) -> str | None:
    """Return the kind of a Resource's content, by the suffix of its uri's path in any letter case; None for others."""
    uri = (asset.get("locationInfo") or {}).get("uri")
    if asset.get("type") != "Resource" or not isinstance(uri, str):
        return None
    path = uri.split("?", 1)[0].split("#", 1)[0].casefold()
    return next((kind for suffix, kind in SUFFIXES.items() if path.endswith(suffix)), None)


def is_trained_model(asset: Mapping[str, Any]) -> bool:
    """Whether an asset is a trained model: a Resource whose uri's path ends in `.ilearner`."""
    return kind_of(asset) == TRAINED_MODEL


def trained_models(document: Mapping[str, Any]) -> list[TrainedModel]:
    """Return the trained models of a canonical document, in document order."""
    return of_kinds(document, TRAINED_MODEL)


def learnt_assets(document: Mapping[str, Any]) -> list[TrainedModel]:
    """Return the assets that were learnt from data: trained models and transformations."""
    return of_kinds(document, TRAINED_MODEL, TRANSFORMATION)


def of_kinds(document: Mapping[str, Any], *kinds: str) -> list[TrainedModel]:
    """Return the Resources of some kinds, in document order."""
    return [
        TrainedModel(asset_id, asset.get("name", ""), asset["locationInfo"]["uri"])
        for asset_id, asset in document.get("properties", {}).get("assets", {}).items()
        if isinstance(asset, dict) and kind_of(asset) in kinds
    ]


def find(document: Mapping[str, Any], wanted: str | None = None) -> TrainedModel:
    """Return the trained model with an id or name (exactly, else in any letter case), or the only one.

    Raises:
        NotFound: the definition has no trained model, or none with that id or name.
        BadRequest: `AmbiguousAsset`: several match.
    """
    models = trained_models(document)
    listed = "; ".join(map(str, models))
    if not models:
        message = "The definition has no trained model: no asset of type Resource whose uri ends in .ilearner."
        hint = "Name the predictive definition, which refers to a trained model; a training definition has none."
        raise NotFound(message, detail="NoTrainedModel", hint=hint)
    if wanted is None:
        found = models
    else:
        found = [model for model in models if wanted in (model.asset_id, model.name)]
        key = wanted.casefold()
        found = found or [model for model in models if key in (model.asset_id.casefold(), model.name.casefold())]
    if not found:
        message = f"No trained model has the id or name {wanted!r}."
        raise NotFound(message, detail="AssetNotFound", target="Asset", hint=f"There are: {listed}.")
    if len(found) > 1:
        message = f"{len(found)} trained models match; name one by its id."
        raise BadRequest(message, detail="AmbiguousAsset", target="Asset", hint=f"There are: {listed}.")
    return found[0]


def relocation(model: TrainedModel, uri: str) -> dict[str, Any]:
    """Return the change document that points one trained model to `uri`, and changes nothing else."""
    return {"properties": {"packageType": "Graph", "assets": {model.asset_id: {"locationInfo": {"uri": uri}}}}}

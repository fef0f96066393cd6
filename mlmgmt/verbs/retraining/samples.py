"""Samples: definitions and data to try the commands with, and a first model trained on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt import resources
from mlmgmt.definition import assets, reading
from mlmgmt.errors import NotFound
from mlmgmt.modules import delimited
from mlmgmt.verbs import userfiles
from mlmgmt.verbs.outcome import Outcome
from mlmgmt.verbs.retraining import comparing as evaluating
from mlmgmt.verbs.retraining import training
from mlmgmt.verbs.runs import artifacts
from mlmgmt.verbs.services import definitions

if TYPE_CHECKING:
    from mlmgmt.verbs.session import Session

FIRST = {"churn": "customers.csv", "breast-cancer": "patients.csv"}
NEW = {"churn": "new-customers.csv", "breast-cancer": "new-patients.csv"}


def plan_sample(session: Session, *, name: str, out: str = ".") -> Outcome:
    """Plan to write a sample: two definitions, the data of the first model, and new data to retrain with.

    Raises:
        NotFound: the folder.
    """
    folder = Path(out)
    if not folder.is_dir():
        raise NotFound(f"Folder {out} does not exist.", detail="FolderNotFound", target=out)
    session.require("Microsoft.Storage/storageAccounts/write", "the local storage account")
    files = _files(name)
    existing = [str(folder / file) for file in files if (folder / file).exists()]

    def commit() -> list[dict[str, Any]]:
        return _write(session, name, folder, files)

    question = f"{', '.join(existing)} would be overwritten. Go on?" if existing else None
    return Outcome(target=str(folder), before=None, after={}, commit=commit, question=question)


def _files(name: str) -> dict[str, bytes]:
    if name == "churn":
        data = {file: resources.fixture(f"churn/{file}").read_bytes() for file in (FIRST[name], NEW[name])}
    else:
        data = breast_cancer()
    kinds = {
        f"{name}-{kind}.json": resources.fixture(f"{name}/{name}-{kind}.json").read_bytes()
        for kind in ("predictive", "training")
    }
    return kinds | data


def breast_cancer() -> dict[str, bytes]:
    """Return the Wisconsin breast-cancer data that ships with scikit-learn: 569 tumours, benign or malignant, each with
    30 measurements. The first 150 rows train the first model; the other 419 are the new data.
    """
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer(as_frame=True)
    frame = bunch.frame.drop(columns="target")
    frame["diagnosis"] = [str(bunch.target_names[value]) for value in bunch.target]
    files = {FIRST["breast-cancer"]: frame.iloc[:150], NEW["breast-cancer"]: frame.iloc[150:]}
    return {file: delimited.from_frame(part) for file, part in files.items()}


def _write(session: Session, name: str, folder: Path, files: dict[str, bytes]) -> list[dict[str, Any]]:
    predictive, trainer = f"{name}-predictive.json", f"{name}-training.json"
    document = reading.read(files[trainer], session.contract, source=trainer).document
    scorer = reading.read(files[predictive], session.contract, source=predictive).document
    data = userfiles.Source(FIRST[name], files[FIRST[name]])
    fitted = training.fit(session, document, data, None, None)
    model = assets.find(scorer)
    evaluation = evaluating.evaluate(session, scorer, model, fitted.trained, fitted.held, {})
    facts = artifacts.facts_of(
        session, fitted.trained, data=data.name, seen=fitted.seen, service=None, evaluation=evaluation
    )
    blob, model_file = training.pack(session, name, fitted, facts)
    session.store.blobs.write(blob, model_file)
    source = userfiles.Source(predictive, files[predictive])
    files = files | {predictive: definitions.replace_model_uri(source, model, blob.uri)}
    for file, content in files.items():
        userfiles.write(str(folder / file), content, overwrite=True)
    notes = {
        predictive: f"the predictive definition, with a first model trained on {facts['rows']} rows",
        trainer: "the training definition",
        FIRST[name]: "the data of the first model",
        NEW[name]: "new data to retrain with",
    }
    return [{"File": str(folder / file), "What": notes[file]} for file in files]

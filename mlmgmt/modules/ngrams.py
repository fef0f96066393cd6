"""Text Analytics: Extract N-Gram Features from Text."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import exp, log
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlmgmt.counts import count_of
from mlmgmt.modules import columns, feature_scores, features
from mlmgmt.modules.base import Arguments, Dataset, Module, ModuleFailure, Parameter, Port
from mlmgmt.modules.text_analytics import CELLS, COLUMN, text_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MODE, READ_ONLY, SELECT = "Vocabulary mode", "ReadOnly", "Use filter-based feature selection"
INPUT_VOCABULARY, RESULT_VOCABULARY = "Input vocabulary", "Result vocabulary"
_TEXT, _WEIGHTING, _TARGET = "Text column", "Weighting function", "Target column"
_CREATE, _UPDATE, _MERGE = "Create", "Update", "Merge"
_SENTENCE_END, _BEGIN = "|||", "<s>"
_SELECTED = (SELECT, ("True",))
_WITHOUT_COUNTS = tuple(name for name in feature_scores.METHODS if name != feature_scores.COUNT_BASED)


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """N-grams in their order, each with the number of texts that have it and its inverse document frequency."""

    names: list[str]
    counts: list[int]
    idf: list[float]

    @property
    def dataset(self) -> Dataset:
        """The table that Studio saves: `IDF` is the natural logarithm of the number of texts by `DF`."""
        return Dataset(
            pd.DataFrame(
                {
                    "Id": pd.array(range(len(self.names)), dtype="Int64"),
                    "Ngram": pd.array(self.names, dtype="str"),
                    "DF": pd.array(self.counts, dtype="Int64"),
                    "IDF": np.array(self.idf, dtype="float64"),
                }
            )
        )


def _extract(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset, Dataset]:
    dataset: Dataset = inputs["Dataset"]
    name = _text_column(dataset, arguments[_TEXT])
    texts = features.texts(dataset.frame[name])
    found = [Counter(_ngrams(text or "", arguments)) for text in texts]
    vocabulary = _vocabulary(inputs.get(INPUT_VOCABULARY), found, arguments)
    if (len(texts) + COLUMN) * len(vocabulary.names) > CELLS:
        grams, rows = count_of(len(vocabulary.names), "n-gram"), count_of(len(texts), "row")
        message = f"{grams} of {rows} are too many for a table here."
        hint = "Raise the minimum document frequency, or select fewer features."
        raise ModuleFailure(message, number="0007", target="N-Grams size", hint=hint)
    weights = _weights(found, vocabulary, arguments[_WEIGHTING])
    if arguments.get(SELECT) and arguments[MODE] != READ_ONLY:
        chosen = _select(dataset, weights, arguments)
        vocabulary = _Vocabulary(*([values[place] for place in chosen] for values in _lists(vocabulary)))
        weights = weights[:, chosen]
    if arguments["Normalize n-gram feature vectors"]:
        lengths = np.linalg.norm(weights, axis=1, keepdims=True)
        weights = weights / np.where(lengths == 0, 1.0, lengths)
    return _with_features(dataset, name, found, vocabulary, weights), vocabulary.dataset


def _lists(vocabulary: _Vocabulary) -> tuple[list[Any], list[Any], list[Any]]:
    return vocabulary.names, vocabulary.counts, vocabulary.idf


def _text_column(dataset: Dataset, selection: str | None) -> str:
    chosen = text_columns(dataset, selection, _TEXT)
    if len(chosen) != 1:
        message = f"Exactly one text column can be used at a time, not {len(chosen)}: {', '.join(map(repr, chosen))}."
        raise ModuleFailure(message, number="0022", target=_TEXT)
    return chosen[0]


def _ngrams(text: str, arguments: Arguments) -> Iterator[str]:
    """Yield the n-grams of a text, its words joined with `_`.

    Words are separated by white space and used exactly as written, as in Feature Hashing. No n-gram crosses the end of
    a sentence, which Preprocess Text marks. With a skip of k, up to k words may be left out inside an n-gram.
    """
    least, most = arguments["Minimum word length"], arguments["Maximum word length"]
    size, skip = arguments["N-Grams size"], arguments["K-Skip size"]
    for sentence in text.split(_SENTENCE_END):
        words = [word for word in sentence.replace("|", " ").split() if least <= len(word) <= most]
        if words and arguments["Mark begin-of-sentence"]:
            words.insert(0, _BEGIN)
        for count in range(1, size + 1):
            for start in range(len(words) - count + 1):
                rest = range(start + 1, min(start + count + skip, len(words)))
                for places in combinations(rest, count - 1):
                    if sum(right - left - 1 for left, right in pairwise((start, *places))) <= skip:
                        yield "_".join(words[place] for place in (start, *places))


def _vocabulary(given: Dataset | None, found: list[Counter[str]], arguments: Arguments) -> _Vocabulary:
    mode = arguments[MODE]
    if given is None and mode != _CREATE:
        message = f"The vocabulary mode {mode} needs a vocabulary at the port {INPUT_VOCABULARY!r}."
        raise ModuleFailure(message, number="0003", target=INPUT_VOCABULARY)
    known = _read_vocabulary(given.frame) if given is not None and mode != _CREATE else None
    if known is not None and mode == READ_ONLY:
        return known
    counts = Counter(name for texts in found for name in texts)
    total = len(found)
    least = arguments["Minimum n-gram document absolute frequency"]
    most = arguments["Maximum n-gram document ratio"]
    # In the order of their first appearance.
    names = [name for name, count in counts.items() if least <= count and count / total <= most]
    if known is not None:
        return _merge(known, counts, names, total)
    return _Vocabulary(names, [counts[name] for name in names], [log(total / counts[name]) for name in names])


def _merge(known: _Vocabulary, counts: Mapping[str, int], names: Iterable[str], total: int) -> _Vocabulary:
    """Return a vocabulary with more n-grams, and the document frequencies of all texts.

    Args:
        counts: the document frequencies in the new texts.
        names: the n-grams of the new texts that are frequent enough to be added; known ones stay.
        total: the number of new texts.
    """
    # The number of texts of a vocabulary is not saved; it follows from a document frequency and its logarithm.
    before = max((round(count * exp(idf)) for count, idf in zip(known.counts, known.idf, strict=True)), default=0)
    merged = {name: count + counts.get(name, 0) for name, count in zip(known.names, known.counts, strict=True)}
    for name in names:
        merged.setdefault(name, counts[name])
    idf = [log(max(1.0, (before + total) / count)) for count in merged.values()]
    return _Vocabulary(list(merged), list(merged.values()), idf)


def _read_vocabulary(frame: pd.DataFrame) -> _Vocabulary:
    """Read the table that `_Vocabulary.dataset` describes.

    Raises:
        ModuleFailure: a column is missing or has another type, or an n-gram is missing or given twice.
    """
    for name in ("Id", "Ngram", "DF", "IDF"):
        if name not in frame.columns:
            raise _bad_vocabulary(f"has no column {name!r}")
    names = [str(name) if name is not None else "" for name in features.texts(frame["Ngram"])]
    if "" in names:
        raise _bad_vocabulary(f"has no n-gram in row {names.index('') + 1}")
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise _bad_vocabulary(f"has the n-gram {repeated[0]!r} twice")
    numbers = [pd.to_numeric(frame[name], errors="coerce") for name in ("DF", "IDF")]
    if not all(np.isfinite(values.to_numpy("float64", na_value=np.nan)).all() for values in numbers):
        raise _bad_vocabulary("has a DF or an IDF that is not a number")
    if (numbers[0] < 1).any() or (numbers[0] % 1 != 0).any():
        raise _bad_vocabulary("has a DF that is not a whole number of texts")
    return _Vocabulary(names, [int(count) for count in numbers[0]], [float(value) for value in numbers[1]])


def _bad_vocabulary(what: str) -> ModuleFailure:
    hint = "A vocabulary has the columns Id, Ngram, DF and IDF, as the module's second output."
    return ModuleFailure(f"The vocabulary {what}.", number="0018", target=INPUT_VOCABULARY, hint=hint)


def _weights(
    found: list[Counter[str]], vocabulary: _Vocabulary, weighting: str
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the weight of each n-gram (columns) in each text (rows)."""
    places = {name: place for place, name in enumerate(vocabulary.names)}
    weights = np.zeros((len(found), len(places)))
    for row, names in enumerate(found):
        for name, count in names.items():
            place = places.get(name)
            if place is not None:
                weights[row, place] = count if weighting.startswith("TF") else 1.0
    return weights * np.array(vocabulary.idf) if "IDF" in weighting and places else weights


def _select(dataset: Dataset, weights: np.ndarray[Any, np.dtype[np.float64]], arguments: Arguments) -> list[int]:
    """Return the places of the n-grams that say most about the target, in the order of the vocabulary."""
    method = arguments["Feature scoring method"]
    if method == feature_scores.COUNT_BASED:
        least = arguments["Minimum number of non-zero elements"]
        return [int(place) for place in np.flatnonzero((weights != 0).sum(axis=0) >= least)]
    target = columns.select_one(dataset, arguments[_TARGET], parameter=_TARGET)
    scores = feature_scores.scores(method, weights, dataset.frame[target])
    best = np.argsort(-scores, kind="stable")[: arguments["Number of desired features"]]
    return sorted(int(place) for place in best)


def _with_features(
    dataset: Dataset,
    name: str,
    found: Iterable[Counter[str]],
    vocabulary: _Vocabulary,
    weights: np.ndarray[Any, np.dtype[np.float64]],
) -> Dataset:
    frame, known = dataset.frame, set(vocabulary.names)
    mine = [[gram for gram in names if gram in known] for names in found]
    listed, number = f"{name}.NgramsString", f"{name}.NumUniqueNgrams"
    added = pd.DataFrame(
        {
            listed: pd.array([",".join(grams) for grams in mine], dtype="str"),
            number: pd.array([len(grams) for grams in mine], dtype="Int64"),
        },
        index=frame.index,
    )
    names = [f"{name}.[{gram}]" for gram in vocabulary.names]
    table = pd.DataFrame(weights, index=frame.index, columns=names, dtype="float64")
    if taken := sorted(set(frame.columns) & {*names, listed, number}):
        raise ModuleFailure(f"The column {taken[0]!r} already exists.", number="0018", target=taken[0])
    # The text of the n-grams describes a row for people; for a learner, every text would be another level.
    made = dataset.with_frame(pd.concat([frame, added, table], axis=1))
    return Dataset(made.frame, {**made.roles, listed: "None", number: "None"})


EXTRACT_N_GRAM_FEATURES = Module(
    name="Extract N-Gram Features from Text",
    guid="a8a662d089bb48c985629b9589124c4a",
    inputs=(Port("Dataset"), Port(INPUT_VOCABULARY, optional=True, look_up=True)),
    outputs=(Port("Results dataset"), Port(RESULT_VOCABULARY)),
    parameters=(
        Parameter(_TEXT, "columns"),
        Parameter(MODE, "choice", _CREATE, choices=(_CREATE, READ_ONLY, _UPDATE, _MERGE)),
        Parameter("N-Grams size", "integer", "1", minimum=1, maximum=10),
        Parameter("K-Skip size", "integer", "0", minimum=0, maximum=10),
        Parameter(
            _WEIGHTING,
            "choice",
            "Binary Weight",
            choices=("Binary Weight", "TF Weight", "IDF Weight", "TF-IDF Weight", "Graph Weight"),
            refused={"Graph Weight": "the weights of a graph of words are not computed."},
        ),
        Parameter("Minimum word length", "integer", "3", minimum=1),
        Parameter("Maximum word length", "integer", "25", minimum=1),
        Parameter("Minimum n-gram document absolute frequency", "integer", "5", minimum=1),
        Parameter("Maximum n-gram document ratio", "float", "1", minimum=0, maximum=1),
        Parameter("Detect out-of-vocabulary rows", "boolean", "True", without_effect="no column marks unknown words."),
        Parameter("Mark begin-of-sentence", "boolean", "False"),
        Parameter("Normalize n-gram feature vectors", "boolean", "False"),
        Parameter(SELECT, "boolean", "True"),
        Parameter("Feature scoring method", "choice", "Fisher Score", choices=feature_scores.METHODS, when=_SELECTED),
        Parameter(_TARGET, "columns", when=("Feature scoring method", _WITHOUT_COUNTS)),
        Parameter("Number of desired features", "integer", "1", minimum=1, when=_SELECTED),
        Parameter("Minimum number of non-zero elements", "integer", "1", minimum=1, when=_SELECTED),
    ),
    run=_extract,
    category="Text Analytics",
    maps_to="counts of words as written; scores of features by scipy and sklearn.feature_selection",
)

MODULES = (EXTRACT_N_GRAM_FEATURES,)

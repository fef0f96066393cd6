"""Extract N-Gram Features from Text, compared with scikit-learn's CountVectorizer and with scipy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import chi2

from mlmgmt.modules import feature_scores
from mlmgmt.modules.base import Dataset, ModuleFailure
from mlmgmt.modules.ngrams import EXTRACT_N_GRAM_FEATURES
from tests.conftest import Command  # noqa: TC001
from tests.learning.graphs import definition
from tests.learning.making import given, names, selection

TEXTS = [
    "good book with good story",
    "bad book",
    None,
    "the very best story ||| ever told by him",
    "bad bad story with bad people",
    "good people | told story",
]
ALL = {"Minimum n-gram document absolute frequency": 1, "Use filter-based feature selection": "False"}


def table(texts: list[str | None] | None = None) -> Dataset:
    rows = TEXTS if texts is None else texts
    stars = pd.array([(5, 1, 3, 5, 1, 4)[row % 6] for row in range(len(rows))], dtype="Int64")
    frame = pd.DataFrame({"text": pd.array(rows, dtype="str"), "stars": stars}, index=range(7, 7 + len(rows)))
    return Dataset(frame, {"stars": "Label"})


def extract(dataset: Dataset | None = None, vocabulary: Dataset | None = None, **more: Any) -> tuple[Dataset, Dataset]:
    parameters = {"Text column": selection(names("text")), **ALL, **more}
    inputs = {"Dataset": table() if dataset is None else dataset, "Input vocabulary": vocabulary}
    features, found = given(EXTRACT_N_GRAM_FEATURES, inputs, parameters)
    return features, found


def weights(features: Dataset) -> pd.DataFrame:
    chosen = [name for name in features.frame.columns if name.startswith("text.[")]
    return features.frame[chosen].rename(columns=lambda name: name[len("text.[") : -1])


def words_of(text: str) -> list[str]:
    return [word for word in text.split() if 3 <= len(word) <= 25]


def expected(size: int, *, binary: bool) -> pd.DataFrame:
    """The counts by scikit-learn, of texts without marks between sentences."""
    vectorizer = CountVectorizer(
        tokenizer=words_of, token_pattern=None, lowercase=False, ngram_range=(1, size), binary=binary
    )
    counts = vectorizer.fit_transform([text or "" for text in PLAIN]).toarray()
    return pd.DataFrame(counts, columns=[name.replace(" ", "_") for name in vectorizer.get_feature_names_out()])


PLAIN = [None if text is None else text.replace("|||", "").replace("|", "") for text in TEXTS]


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(("weighting", "binary"), [("Binary Weight", True), ("TF Weight", False)])
def test_weights_are_those_of_count_vectorizer(size: int, weighting: str, binary: bool) -> None:
    features, found = extract(table(PLAIN), **{"N-Grams size": size, "Weighting function": weighting})
    right = expected(size, binary=binary)
    mine = weights(features)
    assert sorted(mine.columns) == sorted(right.columns)
    np.testing.assert_array_equal(mine[right.columns].to_numpy(), right.to_numpy())
    counts = dict(zip(found.frame["Ngram"], found.frame["DF"], strict=True))
    assert counts == dict((expected(size, binary=True) > 0).sum())
    assert list(found.frame.columns) == ["Id", "Ngram", "DF", "IDF"]
    np.testing.assert_allclose(found.frame["IDF"], np.log(len(TEXTS) / found.frame["DF"].astype("float64")))


def test_idf_and_normalized_weights() -> None:
    plain, found = extract(**{"Weighting function": "TF Weight"})
    idf = found.frame["IDF"].to_numpy()
    weighted, _ = extract(**{"Weighting function": "TF-IDF Weight"})
    np.testing.assert_allclose(weights(weighted), weights(plain).to_numpy() * idf)
    once, _ = extract(**{"Weighting function": "IDF Weight"})
    np.testing.assert_allclose(weights(once), (weights(plain).to_numpy() > 0) * idf)
    # The reference shows 0.301511 for a text of eleven n-grams.
    eleven = " ".join(f"word{letter}" for letter in "abcdefghijk")
    unit, _ = extract(table([eleven, "other"]), **{"Normalize n-gram feature vectors": "True"})
    assert weights(unit).iloc[0].tolist() == pytest.approx([0.301511] * 11 + [0.0], abs=1e-6)
    # A text without n-grams stays at 0.
    empty, _ = extract(table(["word", None]), **{"Normalize n-gram feature vectors": "True"})
    assert weights(empty)["word"].tolist() == [1.0, 0.0]


def test_words_sentences_and_skips() -> None:
    pairs = {"N-Grams size": 2}
    assert "story_ever" not in weights(extract(**pairs)[0]).columns
    assert "people_told" in weights(extract(**pairs)[0]).columns
    started = weights(extract(**pairs, **{"Mark begin-of-sentence": "True"})[0]).columns
    assert {"<s>_ever", "<s>_the"} <= set(started)
    skipped = weights(extract(table(["one two three four"]), **pairs, **{"K-Skip size": 1})[0]).columns
    assert set(skipped) == {
        *("one", "two", "three", "four"),
        *("one_two", "two_three", "three_four", "one_three", "two_four"),
    }
    short = weights(extract(**{"Minimum word length": 4, "Maximum word length": 5})[0]).columns
    assert set(short) == {"good", "book", "with", "story", "very", "best", "ever", "told"}
    frequent = weights(extract(**{"Minimum n-gram document absolute frequency": 3})[0]).columns
    assert list(frequent) == ["story"]
    rare = weights(extract(**{"Maximum n-gram document ratio": 0.34})[0]).columns
    assert "story" not in rare
    assert "good" in rare


def test_rows_roles_and_index_stay_and_the_text_of_the_n_grams_is_no_feature() -> None:
    features, _ = extract()
    assert list(features.frame.index) == list(range(7, 13))
    assert features.roles == {"stars": "Label", "text.NgramsString": "None", "text.NumUniqueNgrams": "None"}
    assert features.frame["text.NgramsString"].iloc[1] == "bad,book"
    assert features.frame["text.NumUniqueNgrams"].tolist() == [4, 2, 0, 7, 4, 4]


def test_a_vocabulary_is_used_as_it_was_saved() -> None:
    _, found = extract(**{"Weighting function": "TF-IDF Weight"})
    read_only = {"Vocabulary mode": "ReadOnly", "Weighting function": "TF-IDF Weight"}
    again, same = extract(table(["good good unknown"]), found, **read_only)
    assert list(weights(again).columns) == list(found.frame["Ngram"])
    pd.testing.assert_frame_equal(same.frame, found.frame)
    idf = dict(zip(found.frame["Ngram"], found.frame["IDF"], strict=True))
    assert weights(again)["good"].tolist() == pytest.approx([2 * idf["good"]])
    assert weights(again).drop(columns="good").to_numpy().sum() == 0
    for mode in ("Update", "Merge"):
        _, both = extract(table(["good new", "new"]), found, **{"Vocabulary mode": mode})
        counts = dict(zip(both.frame["Ngram"], both.frame["DF"], strict=True))
        assert (counts["good"], counts["new"], counts["story"]) == (3, 2, 4)
        rows = len(TEXTS) + 2
        merged = dict(zip(both.frame["Ngram"], both.frame["IDF"], strict=True))
        assert merged["good"] == pytest.approx(np.log(rows / 3))


def test_an_update_adds_the_counts_of_all_texts_to_what_is_known() -> None:
    known = Dataset(pd.DataFrame({"Id": [0], "Ngram": ["good"], "DF": [10], "IDF": [np.log(2)]}))
    texts = ["good", "good", "good", "fine"]
    update = {"Vocabulary mode": "Update", "Minimum n-gram document absolute frequency": 5}
    _, both = extract(table([*texts]), known, **update)
    assert both.frame["Ngram"].tolist() == ["good"], "one that is known stays, and a rare one is not added"
    assert (both.frame["DF"].iloc[0], both.frame["IDF"].iloc[0]) == (13, pytest.approx(np.log(24 / 13)))


def test_the_maximum_ratio_is_exact() -> None:
    texts = ["good"] * 29 + ["fine"] * 71
    _, found = extract(table([*texts]), **{"Maximum n-gram document ratio": "0.29"})
    assert found.frame["Ngram"].tolist() == ["good"]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"Id": [0], "Ngram": ["a"]}, "has no column 'DF'"),
        ({"Ngram": ["a"], "DF": [1], "IDF": [0.0]}, "has no column 'Id'"),
        ({"Id": [0, 1], "Ngram": ["a", "a"], "DF": [1, 1], "IDF": [0.0, 0.0]}, "has the n-gram 'a' twice"),
        ({"Id": [0, 1], "Ngram": ["a", None], "DF": [1, 1], "IDF": [0.0, 0.0]}, "has no n-gram in row 2"),
        ({"Id": [0], "Ngram": ["a"], "DF": ["x"], "IDF": [0.0]}, "a DF or an IDF that is not a number"),
        ({"Id": [0], "Ngram": ["a"], "DF": [1], "IDF": [np.inf]}, "a DF or an IDF that is not a number"),
        ({"Id": [0], "Ngram": ["a"], "DF": [-1], "IDF": [0.0]}, "a DF that is not a whole number of texts"),
    ],
)
def test_a_table_that_is_no_vocabulary_is_refused(frame: dict[str, list[Any]], words: str) -> None:
    with pytest.raises(ModuleFailure, match=words):
        extract(None, Dataset(pd.DataFrame(frame)), **{"Vocabulary mode": "ReadOnly"})
    with pytest.raises(ModuleFailure, match="needs a vocabulary at the port 'Input vocabulary'"):
        extract(**{"Vocabulary mode": "ReadOnly"})
    with pytest.raises(ModuleFailure, match="weights of a graph of words are not computed"):
        extract(**{"Weighting function": "Graph Weight"})


def test_feature_selection_keeps_the_best_in_their_order() -> None:
    values, _ = extract()
    matrix = weights(values).to_numpy()
    score = chi2(matrix, table().frame["stars"])[0]
    best = sorted(np.argsort(-score, kind="stable")[:3])
    chosen = {
        "Use filter-based feature selection": "True",
        "Feature scoring method": "Chi Squared",
        "Number of desired features": 3,
        "Target column": selection(names("stars")),
    }
    features, found = extract(**chosen)
    assert list(found.frame["Ngram"]) == list(weights(values).columns[best])
    assert list(weights(features).columns) == list(found.frame["Ngram"])
    counted, _ = extract(
        **{**chosen, "Feature scoring method": "Count Based", "Minimum number of non-zero elements": 4}
    )
    assert list(weights(counted).columns) == ["story"]


def test_scores_are_those_of_scipy_and_of_their_definitions() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(60, 3))
    values[:, 2] = 1.0
    target = pd.Series(values[:, 0] + random.normal(size=60))
    pearson = feature_scores.scores("Pearson Correlation", values, target)
    assert pearson[:2] == pytest.approx([abs(stats.pearsonr(values[:, i], target).statistic) for i in range(2)])
    spearman = feature_scores.scores("Spearman Correlation", values, target)
    assert spearman[:2] == pytest.approx([abs(stats.spearmanr(values[:, i], target).statistic) for i in range(2)])
    kendall = feature_scores.scores("Kendall Correlation", values, target)
    assert kendall[:2] == pytest.approx([abs(stats.kendalltau(values[:, i], target).statistic) for i in range(2)])
    classes = pd.Series(np.where(target > 0, "yes", "no"))
    fisher = feature_scores.scores("Fisher Score", values, classes)
    groups = [values[(classes == level).to_numpy()] for level in ("no", "yes")]
    # The F statistic is the Fisher score times the ratio of the degrees of freedom.
    f = stats.f_oneway(groups[0][:, :2], groups[1][:, :2]).statistic
    assert fisher[:2] == pytest.approx(f * (2 - 1) / (60 - 2))
    for method in feature_scores.METHODS[:-1]:
        # What never varies says nothing, and rows without a target do not count.
        found = feature_scores.scores(method, np.abs(values), classes)
        assert found[2] == pytest.approx(0, abs=1e-12)
        more = pd.concat([classes, pd.Series([None])], ignore_index=True)
        assert feature_scores.scores(method, np.abs(np.vstack([values, [9, 9, 1]])), more) == pytest.approx(found)


def test_a_predictive_service_keeps_the_vocabulary_of_its_model(mlmgmt: Command, home: Path) -> None:
    rows = [("good fun story", 1), ("bad dull story", 0), ("good fun people", 1), ("bad people dull", 0)] * 6
    pd.DataFrame(rows, columns=["text", "liked"]).to_csv("reviews.csv", index=False)
    grams = {"Text column": selection(names("text")), **ALL, "N-Grams size": 2}
    body = definition(
        {
            "data": "https://elsewhere.blob.core.windows.net/data/reviews.csv",
            "grams": ("Extract N-Gram Features from Text", grams),
            "keep": (
                "Select Columns in Dataset",
                {"Select Columns": selection(ALL_BUT_TEXT, names("text", exclude=True))},
            ),
            "learner": "Two-Class Logistic Regression",
            "train": ("Train Model", {"Label column": selection(names("liked"))}),
        },
        [
            "data > grams.Dataset",
            "grams.Results dataset > keep",
            "keep > train.Dataset",
            "learner > train.Untrained model",
        ],
    )
    Path("made.json").write_text(json.dumps(body))
    mlmgmt("import-experiment made.json -n Reviews --data reviews.csv", ok=True)
    mlmgmt("set-up-web-service Reviews --predictive -f predictive.json", ok=True)
    kept = json.loads(Path("predictive.json").read_text())["properties"]
    (node,) = [node for node in kept["package"]["nodes"].values() if "Vocabulary mode" in node.get("parameters", {})]
    assert node["parameters"]["Vocabulary mode"]["value"] == "ReadOnly"
    assert "Reviews [vocabulary]" in [asset["name"] for asset in kept["assets"].values()]
    assert mlmgmt("test predictive.json -Strict -o json", ok=True).json["Passed"]
    mlmgmt("new -g retail -l southcentralus -n reviews -DefinitionFile predictive.json -Force", ok=True)
    Path("new.csv").write_text("text,liked\ngood unknown words,\nbad,\n")
    table = mlmgmt("score -g retail -n reviews --input new.csv", ok=True).json["Results"]["output1"]["value"]
    place = table["ColumnNames"].index("Scored Labels")
    assert [row[place] for row in table["Values"]] == ["1", "0"]


ALL_BUT_TEXT = {"ruleType": "AllColumns", "exclude": False}

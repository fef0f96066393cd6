"""Feature Hashing and Preprocess Text."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, HashingVectorizer

from mlmgmt.modules import text_analytics
from mlmgmt.modules.base import Dataset, ModuleFailure
from mlmgmt.modules.text_analytics import FEATURE_HASHING, PREPROCESS_TEXT
from tests.learning.making import ALL, call, given, names, selection

TEXTS = ["I loved this book", "This book was great", None, "I hated this book I"]


def table() -> Dataset:
    frame = pd.DataFrame(
        {
            "text": pd.array(TEXTS, dtype="str"),
            "stars": pd.array([3, 1, 2, 1], dtype="Int64"),
            "title": pd.array(["a b", "", "c", None], dtype="str"),
        },
        index=[4, 5, 6, 9],
    )
    return Dataset(frame, {"stars": "Label"})


def count_hashes(texts: list[str | None], bits: int, grams: int) -> np.ndarray[Any, Any]:
    hashing = HashingVectorizer(
        n_features=2**bits,
        ngram_range=(1, grams),
        tokenizer=lambda text: text.split(),
        token_pattern=None,
        lowercase=False,
        alternate_sign=False,
        norm=None,
    )
    return np.asarray(hashing.transform([text or "" for text in texts]).toarray())


@pytest.mark.parametrize(("bits", "grams"), [(10, 2), (4, 1), (6, 3)])
def test_hashed_features_count_words_and_their_runs(bits: int, grams: int) -> None:
    parameters = {"Target column": selection(names("text")), "Hashing bitsize": bits, "N-grams": grams}
    (result,) = given(FEATURE_HASHING, {"Dataset": table()}, parameters)
    added = [f"text_HashingFeature.{index}" for index in range(2**bits)]
    assert list(result.frame.columns) == ["text", "stars", "title", *added]
    np.testing.assert_array_equal(result.frame[added].to_numpy(), count_hashes(TEXTS, bits, grams))
    assert list(result.frame.index) == [4, 5, 6, 9]
    assert result.roles == {"stars": "Label"}
    # Four words and three pairs; a missing text has none.
    assert list(result.frame[added].sum(axis=1)) == [sum(max(0, n - k) for k in range(grams)) for n in (4, 4, 0, 5)]


def test_hashing_takes_every_text_feature_by_default() -> None:
    (result,) = given(FEATURE_HASHING, {"Dataset": table()}, {"Hashing bitsize": 2, "N-grams": 0})
    added = [f"{name}_HashingFeature.{index}" for name in ("text", "title") for index in range(4)]
    assert list(result.frame.columns) == ["text", "stars", "title", *added]
    labelled = Dataset(table().frame, {"title": "Label"})
    (one,) = given(FEATURE_HASHING, {"Dataset": labelled}, {"Hashing bitsize": 1})
    assert list(one.frame.columns)[3:] == ["text_HashingFeature.0", "text_HashingFeature.1"]


def test_hashing_twice_keeps_the_first_features() -> None:
    parameters = {"Target column": "title", "Hashing bitsize": 1}
    (once,) = given(FEATURE_HASHING, {"Dataset": table()}, parameters)
    (twice,) = given(FEATURE_HASHING, {"Dataset": once}, parameters)
    assert list(twice.frame.columns)[-2:] == ["title_HashingFeature2.0", "title_HashingFeature2.1"]


def test_a_pipe_is_not_hashed() -> None:
    frame = pd.DataFrame({"text": ["a | b ||| c", "a b c"]})
    (result,) = given(FEATURE_HASHING, {"Dataset": Dataset(frame)}, {"Hashing bitsize": 5})
    assert list(result.frame.iloc[0, 1:]) == list(result.frame.iloc[1, 1:])


@pytest.mark.parametrize(
    ("frame", "parameters", "number"),
    [
        (table().frame, {"Hashing bitsize": 30}, "0007"),
        (table().frame, {"Hashing bitsize": 20}, "0007"),
        (table().frame, {"Hashing bitsize": 0}, "0005"),
        (table().frame, {"Hashing bitsize": 32}, "0007"),
        (table().frame, {"N-grams": -1}, "0005"),
        (table().frame, {"N-grams": 11}, "0007"),
        (table().frame, {"Target column": selection(names("stars"))}, "0017"),
        (table().frame, {"Target column": selection(names("none"))}, "0001"),
        (table().frame[["stars"]], {}, "0020"),
        (pd.DataFrame([["a", "b"]], columns=["x", "x"]), {}, "0018"),
        (pd.DataFrame({"x": ["a"] * 200_000}), {}, "0007"),
    ],
)
def test_what_cannot_be_hashed_is_refused(frame: pd.DataFrame, parameters: dict[str, Any], number: str) -> None:
    with pytest.raises(ModuleFailure) as refused:
        given(FEATURE_HASHING, {"Dataset": Dataset(frame)}, parameters)
    assert refused.value.number == number


@pytest.mark.parametrize("module", [FEATURE_HASHING, PREPROCESS_TEXT])
@pytest.mark.parametrize(
    "frame",
    [
        table().frame.iloc[:0],
        pd.DataFrame({"text": [np.nan, np.nan]}),
        pd.DataFrame({"text": pd.Categorical(["good book", None])}),
        pd.DataFrame({"text": pd.array(["", " "], dtype="str")}),
    ],
    ids=["no rows", "missing", "categorical", "blank"],
)
def test_empty_missing_and_categorical_texts_can_be_read(module: Any, frame: pd.DataFrame) -> None:
    key = next(parameter.key for parameter in module.parameters if parameter.type == "columns")
    (result,) = given(module, {"Dataset": Dataset(frame)}, {key: "text"})
    assert len(result.frame) == len(frame)
    assert list(result.frame.columns)[: frame.shape[1]] == list(frame.columns)


OFF = dict.fromkeys(
    [parameter.key for parameter in PREPROCESS_TEXT.parameters if parameter.default in ("True", "False")], "False"
)


def clean(text: str, stop_words: pd.DataFrame | None = None, **on: str) -> Any:
    """Clean one text with every option off except these."""
    inputs = {"Dataset": Dataset(pd.DataFrame({"text": [text]}))}
    if stop_words is not None:
        inputs["Stop words"] = Dataset(stop_words)
    parameters = OFF | {key.replace("_", " "): value for key, value in on.items()}
    (result,) = given(PREPROCESS_TEXT, inputs, parameters)
    return result.frame["Preprocessed text"][0]


def test_preprocess_text_has_the_seventeen_keys() -> None:
    assert len(PREPROCESS_TEXT.parameters) == 17
    assert [port.name for port in PREPROCESS_TEXT.inputs if port.optional] == ["Stop words"]


def test_with_every_option_off_only_white_space_changes() -> None:
    assert clean("  It's  A\tTEST, 12 &c. a@b.de http://x.y ") == "It's A TEST, 12 &c. a@b.de http://x.y"


@pytest.mark.parametrize(
    ("option", "text", "wanted"),
    [
        ("Normalize case to lowercase", "AM am É", "am am É"),
        ("Remove numbers", "3 cats, 4.5 dogs, b2b", "cats, dogs, bb"),
        ("Remove special characters", "well-known, John's #1_x!", "well | known | John | s | 1 | x |"),
        ("Remove duplicate characters", "sooo good!!!! 1000", "soo good!! 1000"),
        ("Remove email addresses", "write to bob.x@mail.de, or not", "write to , or not"),
        ("Remove URLs", "see http://a.b/c?d=1, HTTPS://x.y ftp://z www.q.de.", "see , ."),
        ("Expand verb contractions", "wouldn't stay there", "would not stay there"),
        ("Expand verb contractions", "I'm sure Won't he's they\u2019ll can't John's", None),
        ("Normalize backslashes to slashes", r"a\b\\c", "a/b//c"),
        ("Split tokens on special characters", "MS-WORD a&b_c 1.5 it's - x", "MS WORD a b c 1.5 it's - x"),
        ("Detect sentences", "Hi Mr. Smith. How are you? 1.5 \u201cfine.\u201d Bye", None),
        ("Remove stop words", "The book, and it WAS great", "book, great"),
    ],
)
def test_each_option_works_alone(option: str, text: str, wanted: str | None) -> None:
    special = {
        "Expand verb contractions": "I am sure Will not he is they will can not John's",
        "Detect sentences": "Hi Mr. Smith. ||| How are you? ||| 1.5 \u201cfine.\u201d ||| Bye",
    }
    assert clean(text, **{option.replace(" ", "_"): "True"}) == (special[option] if wanted is None else wanted)


def test_options_work_together_by_default() -> None:
    text = r"The WORLD!! wouldn't stay in C:\dir, MS---WORD 3.5. Soooo bob@x.com http://a.b"
    frame = pd.DataFrame({"text": pd.array([text, None], dtype="str")}, index=[3, 4])
    (result,) = call(PREPROCESS_TEXT, {"Dataset": Dataset(frame, {"text": "None"})}, Text_column_to_clean="text")
    assert result.frame["Preprocessed text"][3] == "world | ||| stay c dir | ms word | ||| soo"
    assert pd.isna(result.frame["Preprocessed text"][4])
    assert result.frame["Preprocessed text"].dtype == "str"
    assert list(result.frame.index) == [3, 4]
    assert result.roles == {"text": "None"}
    assert result.frame["text"][3] == text


def test_several_columns_are_cleaned() -> None:
    (result,) = call(PREPROCESS_TEXT, {"Dataset": table()})
    assert list(result.frame.columns)[3:] == ["Preprocessed text", "Preprocessed title"]


def test_english_stop_words_are_those_of_scikit_learn() -> None:
    assert clean(" ".join(sorted(ENGLISH_STOP_WORDS)), Remove_stop_words="True") == ""
    words = pd.DataFrame({"word": ["Book", " x ", None, "isn't"]})
    assert clean("the BOOK isn\u2019t x a", words, Remove_stop_words="True") == "the a"
    assert clean("the book", words) == "the book"


def test_other_languages_need_a_list_of_stop_words() -> None:
    words = pd.DataFrame({"word": ["der", "die"]})
    assert clean("der Hund", words, Language="german", Remove_stop_words="True") == "Hund"
    assert clean("der Hund isn't", Language="German", Expand_verb_contractions="True") == "der Hund isn't"
    with pytest.raises(ModuleFailure, match="stop words for Dutch") as refused:
        clean("de hond", Language="Dutch", Remove_stop_words="True")
    assert refused.value.target == "Language"
    with pytest.raises(ModuleFailure, match="'Klingon'"):
        clean("x", Language="Klingon")


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), "0022"),
        (pd.DataFrame({"a": ["", None]}), "0003"),
        (pd.DataFrame({"a": []}), "0003"),
        (pd.DataFrame({"a": ["two words"]}), "0018"),
    ],
)
def test_a_list_of_stop_words_is_one_column_of_words(words: pd.DataFrame, number: str) -> None:
    with pytest.raises(ModuleFailure) as refused:
        clean("x", words, Remove_stop_words="True")
    assert (refused.value.number, refused.value.target) == (number, "Stop words")


def test_an_option_that_no_library_supports_is_refused() -> None:
    key = "Remove by part of speech"
    with pytest.raises(ModuleFailure, match=key) as refused:
        given(PREPROCESS_TEXT, {"Dataset": table()}, {key: "true"})
    assert refused.value.target == key


@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        ("English", "cats were running to better geese", "cat be run to good goose"),
        ("German", "Häuser gingen", "Haus gehen"),
        ("French", "les chevaux mangeaient", "le cheval manger"),
        ("Spanish", "casas", "casa"),
        ("Italian", "mangiavano", "mangiare"),
        ("Dutch", "huizen", "huis"),
    ],
)
def test_words_are_replaced_by_their_base_forms(language: str, text: str, wanted: str) -> None:
    assert clean(text, Lemmatization="True", Language=language, Remove_stop_words="False") == wanted
    assert clean(text, Language=language, Remove_stop_words="False").casefold() == text.casefold()


def test_base_forms_are_found_after_stop_words_are_removed() -> None:
    assert clean("The cats were not running.", Lemmatization="True", Remove_stop_words="True") == "cat run."


@pytest.mark.parametrize(
    ("expression", "replacement", "wanted"),
    [
        (r"(\d+)-(\d+)", "$2.$1", "2.1 x"),
        (r"(\d+)-(?P<last>\d+)", "${last}$$", "2$ x"),
        (r"(\d+)-(\d+)", r"\2", "2 x"),
        ("x", None, "1-2"),
        ("[[x]", "y", "1-2 y"),
    ],
)
def test_a_custom_expression_replaces(expression: str, replacement: str | None, wanted: str) -> None:
    more = {"Custom_regular_expression": expression}
    if replacement is not None:
        more["Custom_replacement_string"] = replacement
    assert clean("1-2 x", **more) == wanted


def test_a_custom_expression_is_applied_first() -> None:
    more = {"Custom_regular_expression": "X", "Custom_replacement_string": "7Y"}
    assert clean("X", Remove_numbers="True", Normalize_case_to_lowercase="True", **more) == "y"


@pytest.mark.parametrize(
    ("parameters", "target"),
    [
        ({"Custom regular expression": "("}, "Custom regular expression"),
        ({"Custom regular expression": "(" * 900 + ")" * 900}, "Custom regular expression"),
        ({"Custom regular expression": "x" * 1001}, "Custom regular expression"),
        ({"Custom regular expression": "x", "Custom replacement string": "$1"}, "Custom replacement string"),
        ({"Custom regular expression": "x", "Custom replacement string": "${no}"}, "Custom replacement string"),
        ({"Custom regular expression": "x", "Custom replacement string": "\\"}, "Custom replacement string"),
        ({"Text column to clean": "stars"}, "stars"),
        ({"Text column to clean": selection(ALL)}, "stars"),
    ],
)
def test_what_cannot_be_preprocessed_is_refused(parameters: dict[str, str], target: str) -> None:
    with pytest.raises(ModuleFailure) as refused:
        given(PREPROCESS_TEXT, {"Dataset": table()}, parameters)
    assert refused.value.target == target


def test_a_column_is_not_overwritten() -> None:
    frame = pd.DataFrame({"text": ["a"], "Preprocessed text": ["b"]})
    with pytest.raises(ModuleFailure, match="already"):
        call(PREPROCESS_TEXT, {"Dataset": Dataset(frame)}, Text_column_to_clean="text")


@pytest.mark.parametrize("part", ["a", "a@", "@", "a-", "_", "www.", "a'", "1,", ". ", "http://", "n't", "aa.!"])
def test_long_texts_are_quick(part: str) -> None:
    began = time.monotonic()
    (result,) = call(PREPROCESS_TEXT, {"Dataset": Dataset(pd.DataFrame({"text": [part * 30_000]}))})
    assert isinstance(result.frame["Preprocessed text"][0], str)
    assert time.monotonic() - began < 2


def test_the_limits_have_not_changed() -> None:
    assert (text_analytics.CELLS, text_analytics.PATTERN) == (200_000_000, 1_000)

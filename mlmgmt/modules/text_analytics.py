"""Text Analytics: Feature Hashing and Preprocess Text."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlmgmt.counts import count_of
from mlmgmt.modules import columns, features
from mlmgmt.modules.base import Arguments, Dataset, Module, ModuleFailure, Parameter, Port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CELLS = 200_000_000
"""How many cells a table of hashed features may have; every column counts as `COLUMN` more of them."""
COLUMN = 200
PATTERN = 1_000
"""The greatest length of a custom regular expression, in characters."""

_CATEGORY = "Text Analytics"


def text_columns(dataset: Dataset, selection: str | None, parameter: str) -> list[str]:
    """Return the selected columns, all of them text; without a selection, every feature that is text.

    Raises:
        ModuleFailure: there is no such column, or a selected one is not text.
    """
    frame = dataset.frame
    if not frame.columns.is_unique:
        names = ", ".join(repr(str(name)) for name in frame.columns[frame.columns.duplicated()].unique())
        raise ModuleFailure(f"Several columns are called {names}.", number="0018", target="Dataset")
    if selection is None:
        chosen = [
            name
            for name in frame.columns
            if columns.studio_type(frame[name]) == "String" and dataset.role(name) == "Feature"
        ]
    else:
        chosen = columns.select(dataset, selection, parameter=parameter)
    if not chosen:
        raise ModuleFailure("No text column was found to work on.", number="0020", target=parameter)
    for name in chosen:
        if not _is_text(frame[name]):
            message = f"The column {name!r} is {columns.studio_type(frame[name])}, not text."
            raise ModuleFailure(message, number="0017", target=name, hint="Leave it out of the selection.")
    return chosen


def _is_text(series: pd.Series[Any]) -> bool:
    if isinstance(series.dtype, pd.CategoricalDtype):
        return columns.studio_type(pd.Series(series.cat.categories)) == "String"
    return columns.studio_type(series) == "String" or bool(series.isna().all())


# Feature Hashing


def _feature_hashing(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset]:
    """Turn each text into the counts of its words and runs of words, by their hash.

    Words are separated by white space and used exactly as written. A pipe is not a word, because Preprocess Text marks
    with pipes what it removed. The reference does not say what a feature's value is; here it is always a count, so
    hashes have no sign and rows are not scaled.
    """
    from sklearn.feature_extraction.text import HashingVectorizer

    dataset: Dataset = inputs["Dataset"]
    frame = dataset.frame
    chosen = text_columns(dataset, arguments["Target column"], "Target column")
    size = 2 ** arguments["Hashing bitsize"]
    if (len(frame) + COLUMN) * size * len(chosen) > CELLS:
        message = f"{size * len(chosen):,} features of {count_of(len(frame), 'row')} are too many for a table here."
        raise ModuleFailure(message, number="0007", target="Hashing bitsize", hint="Choose fewer bits.")
    hashing = HashingVectorizer(
        n_features=size,
        ngram_range=(1, max(1, arguments["N-grams"])),
        lowercase=False,
        token_pattern=r"[^\s|]+",  # noqa: S106
        alternate_sign=False,
        norm=None,
    )
    parts = [frame]
    for name in chosen:
        texts = ["" if text is None else text for text in features.texts(frame[name])]
        counts = hashing.transform(texts).toarray() if texts else None
        parts.append(pd.DataFrame(counts, index=frame.index, columns=_hashed_names(frame, name, size), dtype="float64"))
    return (dataset.with_frame(pd.concat(parts, axis=1)),)


def _hashed_names(frame: pd.DataFrame, name: str, size: int) -> list[str]:
    taken, word, number = set(frame.columns), f"{name}_HashingFeature", 1
    while any(f"{word}.{index}" in taken for index in range(size)):
        number += 1
        word = f"{name}_HashingFeature{number}"
    return [f"{word}.{index}" for index in range(size)]


FEATURE_HASHING = Module(
    name="Feature Hashing",
    guid="c9a826602d9c411d81224d9e0b3ce92a",
    inputs=(Port("Dataset"),),
    outputs=(Port("Transformed dataset"),),
    parameters=(
        Parameter("Target column", "columns", label="Target columns"),
        Parameter("Hashing bitsize", "integer", "10", minimum=1, maximum=31),
        Parameter("N-grams", "integer", "2", minimum=0, maximum=10),
    ),
    run=_feature_hashing,
    category=_CATEGORY,
    maps_to="sklearn.feature_extraction.text.HashingVectorizer of words as written; the values are counts",
)


# Preprocess Text

# Every pattern takes linear time: a match starts only at a boundary, or takes all the characters that it can.
_URL = re.compile(r"\b(?:https?://|ftps?://|www\.)\S*[^\s.,;:!?)]", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![^\s@])[^\s@]+@[^\s@]*[^\s@.,;:!?)]")
_SENTENCE_END = re.compile(
    r"(?<!\bMr\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bMrs\.)(?<!\be\.g\.)(?<!\bi\.e\.)"
    r"""(?:(?<=[.!?…])|(?<=[.!?…]["'”\u2019)]))\s+"""
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SPECIAL = re.compile(r"(?:[^\w\s]|_)+")
_REPEATED = re.compile(r"([^\s\d])\1{2,}")
_WORD_END = re.compile(r"(?<=[^\W_])(?!(?<=\d)[.,]\d)(?:[^\w\s'\u2019]|_)+(?=[^\W_])")
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_UPPER_TO_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_CONTRACTIONS = tuple(
    (re.compile(pattern.replace("'", r"['\u2019]"), re.IGNORECASE), expansion)
    for pattern, expansion in (
        (r"\b(w)on't\b", r"\1ill not"),
        (r"\b(sha)n't\b", r"\1ll not"),
        (r"\b(can)'t\b", r"\1 not"),
        (r"\b(ai)n't\b", "is not"),
        (r"(\w)n't\b", r"\1 not"),
        (r"\b(let)'s\b", r"\1 us"),
        (r"\b(it|he|she|that|what|there|here|who|where|how)'s\b", r"\1 is"),
        (r"(\w)'re\b", r"\1 are"),
        (r"(\w)'ve\b", r"\1 have"),
        (r"(\w)'ll\b", r"\1 will"),
        (r"(\w)'d\b", r"\1 would"),
        (r"\b(i)'m\b", r"\1 am"),
    )
)
_GROUP = re.compile(r"\$(?:(\$)|(\d+)|\{(\w+)\})")

_LANGUAGES = {"English": "en", "Spanish": "es", "French": "fr", "Dutch": "nl", "German": "de", "Italian": "it"}
_COLUMN_KEY, _EXPRESSION, _REPLACEMENT = (
    "Text column to clean",
    "Custom regular expression",
    "Custom replacement string",
)
_OPTIONS = (
    "Detect sentences",
    "Normalize case to lowercase",
    "Remove numbers",
    "Remove special characters",
    "Remove duplicate characters",
    "Remove email addresses",
    "Remove URLs",
    "Expand verb contractions",
    "Normalize backslashes to slashes",
    "Split tokens on special characters",
)


@dataclass(frozen=True, slots=True)
class _Cleaner:
    """Cleans texts.

    The reference does not give the full order. Here it is: the custom expression; backslashes, addresses and
    contractions, which need the original text; then, in each sentence, words, numbers and characters.
    """

    options: Arguments
    custom: Callable[[str], str] | None
    stop_words: frozenset[str]

    def __call__(self, text: str) -> str:
        options = self.options
        if self.custom is not None:
            text = self.custom(text)
        if options["Normalize backslashes to slashes"]:
            text = text.replace("\\", "/")
        if options["Remove URLs"]:
            text = _URL.sub(" ", text)
        if options["Remove email addresses"]:
            text = _ADDRESS.sub(" ", text)
        if options["Expand verb contractions"] and options["Language"] == "English":
            for pattern, expansion in _CONTRACTIONS:
                text = pattern.sub(expansion, text)
        sentences = _SENTENCE_END.split(text) if options["Detect sentences"] else [text]
        cleaned = (" ".join(self._sentence(sentence).split()) for sentence in sentences)
        return " ||| ".join(sentence for sentence in cleaned if sentence)

    def _sentence(self, text: str) -> str:
        options = self.options
        if options["Split tokens on special characters"]:
            text = _WORD_END.sub(" ", text)
        if self.stop_words:
            text = _WORD.sub(self._unless_stopped, text)
        if options["Lemmatization"]:
            text = _WORD.sub(self._base_form, text)
        if options["Normalize case to lowercase"]:
            text = text.translate(_UPPER_TO_LOWER)
        if options["Remove numbers"]:
            text = _NUMBER.sub("", text)
        if options["Remove duplicate characters"]:
            text = _REPEATED.sub(r"\1\1", text)
        if options["Remove special characters"]:
            text = _SPECIAL.sub(" | ", text)
        return text

    def _base_form(self, word: re.Match[str]) -> str:
        from simplemma import lemmatize

        return lemmatize(word[0], lang=_LANGUAGES[self.options["Language"]])

    def _unless_stopped(self, word: re.Match[str]) -> str:
        return "" if word[0].casefold().replace("\u2019", "'") in self.stop_words else word[0]


def _preprocess_text(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset]:
    dataset: Dataset = inputs["Dataset"]
    chosen = text_columns(dataset, arguments[_COLUMN_KEY], _COLUMN_KEY)
    stop_words = _stop_words(inputs.get("Stop words"), arguments)
    clean = _Cleaner(arguments, _custom(arguments), stop_words)
    frame = dataset.frame
    for name in chosen:
        added = f"Preprocessed {name}"
        if added in frame.columns:
            raise ModuleFailure(f"The column {added!r} already exists.", number="0018", target=added)
        texts = [None if text is None else clean(text) for text in features.texts(frame[name])]
        frame = frame.assign(**{added: pd.Series(texts, index=frame.index, dtype="str")})
    return (dataset.with_frame(frame),)


def _stop_words(given: Dataset | None, arguments: Arguments) -> frozenset[str]:
    if not arguments["Remove stop words"]:
        return frozenset()
    if given is not None:
        return _own_stop_words(given.frame)
    if arguments["Language"] != "English":
        message = f"mlmgmt has no stop words for {arguments['Language']}."
        hint = "Connect one to the port 'Stop words', or set 'Remove stop words' to False."
        raise ModuleFailure(message, target="Language", hint=hint)
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS)


def _own_stop_words(frame: pd.DataFrame) -> frozenset[str]:
    if frame.shape[1] != 1:
        message = f"A list of stop words must have exactly one column, not {frame.shape[1]}."
        raise ModuleFailure(message, number="0022", target="Stop words")
    words = {
        text.strip().casefold().replace("\u2019", "'") for text in features.texts(frame.iloc[:, 0]) if text is not None
    }
    words.discard("")
    if not words:
        raise ModuleFailure("The list of stop words is empty.", number="0003", target="Stop words")
    if several := sorted(word for word in words if len(word.split()) > 1):
        message = f"A row of the stop words must have one word, but {several[0]!r} has several."
        raise ModuleFailure(message, number="0018", target="Stop words")
    return frozenset(words)


def _custom(arguments: Arguments) -> Callable[[str], str] | None:
    """Return the custom replacement, or None. Its string may write a group as in .NET, `$1`, or in Python, `\\1`."""
    expression, replacement = arguments[_EXPRESSION], arguments[_REPLACEMENT] or ""
    if expression is None:
        return None
    if len(expression) > PATTERN:
        message = f"The expression has {len(expression):,} characters; the limit is {PATTERN:,}."
        raise ModuleFailure(message, number="0007", target=_EXPRESSION)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pattern = re.compile(expression)
    except (re.error, RecursionError, OverflowError) as error:
        message = f"{expression!r} is not a regular expression: {error}."
        raise ModuleFailure(message, target=_EXPRESSION, hint="Use the syntax of Python's re module.") from None
    template = _GROUP.sub(lambda found: "$" if found[1] else rf"\g<{found[2] or found[3]}>", replacement)
    try:
        pattern.sub(template, "")
    except (re.error, IndexError) as error:
        message = f"{replacement!r} does not fit the expression: {error}."
        raise ModuleFailure(message, target=_REPLACEMENT) from None
    return lambda text: pattern.sub(template, text)


def _unsupported(key: str, reason: str) -> Parameter:
    """Return an option that can only be off. Off is its default, so that a graph that leaves it out can run."""
    return Parameter(key, "choice", "False", choices=("True", "False"), refused={"True": reason})


PREPROCESS_TEXT = Module(
    name="Preprocess Text",
    guid="bf9e794a9e2b4662902a0e73b255c135",
    inputs=(Port("Dataset"), Port("Stop words", optional=True, look_up=True)),
    outputs=(Port("Results dataset"),),
    parameters=(
        Parameter("Language", "choice", "English", choices=tuple(_LANGUAGES)),
        _unsupported("Remove by part of speech", "no library here finds the parts of speech; set it to False."),
        Parameter(_COLUMN_KEY, "columns"),
        Parameter("Remove stop words", "boolean", "True"),
        # Studio's default is True. Every graph from there states it; those made here without it keep their answers.
        Parameter("Lemmatization", "boolean", "False"),
        *(Parameter(key, "boolean", "True") for key in _OPTIONS),
        Parameter(_EXPRESSION),
        Parameter(_REPLACEMENT),
    ),
    run=_preprocess_text,
    category=_CATEGORY,
    maps_to="Python's re; simplemma; sklearn.feature_extraction.text.ENGLISH_STOP_WORDS",
)

MODULES = (FEATURE_HASHING, PREPROCESS_TEXT)

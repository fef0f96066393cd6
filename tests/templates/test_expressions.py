"""Expressions: which texts are expressions, and what is said of wrong ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.evaluation import is_expression
from mlmgmt.templates.expressions import Access, Call, Literal, parse, text_of
from mlmgmt.templates.functions import FUNCTIONS
from mlmgmt.templates.limits import DEEPEST_EXPRESSION, LONGEST_EXPRESSION


@pytest.mark.parametrize(
    "text",
    [
        "[parameters('title')]",
        "[concat('a', parameters('b'))]",
        "[resourceGroup().location]",
        "[variables('v')['a'][0].b]",
        "[copyIndex()]",
        "[listKeys('s', '2016-01-01').keys[0].value]",
        "[REFERENCE('x')]",
        "[ parameters ( 'a' ) ]",
        "[cidrSubnet('10.0.0.0/16', 24, 0)]",
    ],
)
def test_calls_of_template_functions_are_expressions(text: str) -> None:
    assert is_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "]",
        "[]",
        "[ ]",
        '["age"]',
        "[0,1]",
        "[1]",
        "[^a-z]",
        "[draft]",
        "[a]",
        "['x']",
        "['x', 'y']",
        "[[parameters('a')]",
        "[parameters('a')",
        "parameters('a')",
        " [parameters('a')]",
        "[parameters('a')] ",
        "[parameters('a'), parameters('b')]",
        "[unknown('a')]",
        "[my.function('a')]",
        '[parameters("a")]',
        "[concat('a',)]",
        "[" + "concat(" * 1000 + ")" * 1000 + "]",
        "[concat('" + "a" * LONGEST_EXPRESSION + "')]",
        "[df['age'] > 3]",
        "[[1, 2], [3, 4]]",
    ],
)
def test_other_texts_are_not_expressions(text: str) -> None:
    assert not is_expression(text)


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ("[concat('a']", 12, "',' or ')'"),
        ("[concat('a)]", 9, "no closing quotation mark"),
        ("[concat]", 8, "'(' after 'concat'"),
        ("[concat('a').]", 14, "the name of a member"),
        ("[concat(1.5)]", 9, "json('1.5')"),
        ("[concat(99999999999999999999)]", 9, "out of range"),
        ("[a ? b]", 4, "'?'"),
        ("[" + "not(" * (DEEPEST_EXPRESSION + 1) + "]", 2 + 4 * DEEPEST_EXPRESSION, "nests more than"),
    ],
)
def test_an_error_names_the_character(text: str, position: int, part: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse(text)
    assert part in caught.value.message
    assert caught.value.position == position


def test_an_expression_may_nest_as_deep_as_the_limit() -> None:
    # The innermost call is empty, so that each level is a call.
    assert is_expression("[" + "concat(" * DEEPEST_EXPRESSION + ")" * DEEPEST_EXPRESSION + "]")


NAMES = st.from_regex(r"[a-z][A-Za-z0-9_]{0,6}", fullmatch=True)
LITERALS = st.one_of(st.text(max_size=8), st.integers(-(2**63), 2**63 - 1)).map(Literal)


def calls(inner: st.SearchStrategy[Literal | Call | Access]) -> st.SearchStrategy[Literal | Call | Access]:
    call = st.builds(Call, NAMES, st.lists(inner, max_size=3).map(tuple))
    keys = st.lists(st.one_of(inner, NAMES.map(Literal)), min_size=1, max_size=3).map(tuple)
    return call | st.builds(Access, call, keys)


@given(st.recursive(LITERALS, calls, max_leaves=12))
@settings(max_examples=25, deadline=None)
def test_the_text_of_an_expression_reads_as_the_same_expression(tree: Literal | Call | Access) -> None:
    text = text_of(tree)
    assert text_of(parse(f"[{text}]")) == text


def refusal(text: str) -> TemplateError | None:
    try:
        parse(text)
    except TemplateError as error:
        return error
    return None


@given(st.text(alphabet="[]()'.,ab1 -+\"?", max_size=40))
@settings(max_examples=150, deadline=None)
def test_every_text_is_read_or_refused(text: str) -> None:
    error = refusal(f"[{text}]")
    assert error is None or (error.message and error.position is not None)


def test_the_names_of_functions_are_found_without_letter_case() -> None:
    assert all(name == name.lower() for name in FUNCTIONS)

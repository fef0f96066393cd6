"""Functions beyond the recorded entries: what .NET is known to do, and what is refused because it is not known."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmgmt.templates import lenient_json, utf16
from mlmgmt.templates.comparing import same
from mlmgmt.templates.dates import read_date, read_duration
from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.json_text import json_text, number_text
from mlmgmt.templates.unique import guid, unique_string
from tests.templates.test_limits import value

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
@settings(max_examples=60, deadline=None)
def test_json_text_reads_as_the_same_value(made: Any) -> None:
    assert same(lenient_json.read(json.dumps(made)), made)
    assert same(lenient_json.read(json_text(made)), made)


@given(st.text(alphabet="{}[]:,'\"\\/*au0123456789.-+eENI \n", max_size=30))
@settings(max_examples=150, deadline=None)
def test_every_text_is_read_as_json_or_refused(text: str) -> None:
    try:
        lenient_json.read(text)
    except TemplateError:
        return


@given(st.text(max_size=12))
@settings(max_examples=60, deadline=None)
def test_texts_of_units_are_the_same_texts(text: str) -> None:
    assert utf16.joined(utf16.units(text)) == text
    assert utf16.length(text) == len(text.encode("utf-16-le")) // 2


@given(st.lists(st.text(max_size=12), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_unique_texts_have_thirteen_letters_and_guids_are_version_5(parts: list[str]) -> None:
    assert len(unique_string(*parts)) == 13
    assert set(unique_string(*parts)) <= set("abcdefghijklmnopqrstuvwxyz234567")
    assert uuid.UUID(guid(*parts)).version == 5


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (-0.0, "-0"),
        (0.0001, "0.0001"),
        (0.00001, "1E-05"),
        (123456789012345.0, "123456789012345"),
        (1e15, "1E+15"),
        (123456789012345680.0, "1.2345678901234568E+17"),
        (-1.5e-300, "-1.5E-300"),
        (5e-324, "5E-324"),
        (0.1 + 0.2, "0.30000000000000004"),
    ],
)
def test_numbers_are_written_as_dotnet_writes_them(number: float, text: str) -> None:
    assert number_text(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=100, deadline=None)
def test_a_written_number_is_the_same_number(number: float) -> None:
    assert float(number_text(number)) == number


@pytest.mark.parametrize(
    ("text", "days"), [("P1Y", 365), ("P1M", 30), ("P12M", 365), ("P14M", 425), ("-P1DT24H", -2), ("PT1440M", 1)]
)
def test_durations_count_days(text: str, days: int) -> None:
    assert read_duration(text) == days * 864_000_000_000


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2020-04-07T14:53:14.5Z", "2020-04-07 14:53:14.5"),
        ("4/7/2020 12:53 AM", "2020-04-07T00:53"),
        ("04/07/2020", "2020-04-07"),
        ("20200407T145314Z", "2020-04-07T16:53:14+02:00"),
    ],
)
def test_the_same_date_in_other_forms(one: str, other: str) -> None:
    assert read_date(one).in_utc == read_date(other).in_utc


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("[format('{0:P0} {1:#,##0} {2:0.##} {3:#.00}', json('0.125'), 1234567, json('2.5'), json('0.5'))]",
         "13% 1,234,567 2.5 .50"),
        ("[format('{0:E0} {0:e3} {0:F1}', json('99.95'))]", "1E+002 9.995e+001 100.0"),
        ("[format('{0:X} {0:B4} {1:D}', -1, -5)]", f"{'F' * 16} {'1' * 64} -5"),
        ("[indexOf('a\U0001f600Éb', 'éB')]", 3),
        ("[lastIndexOf('Straße, straße', 'STRA')]", 8),
        ("[substring('a\U0001f600b', 1, 2)]", "\U0001f600"),
        ("[split('a.b|c', createArray('.', '|'))]", ["a", "b", "c"]),
        ("[map(createArray(1, 2), lambda('x', map(createArray(10), lambda('y', add(lambdaVariables('x'),"
         " lambdaVariables('y'))))))]", [[11], [12]]),
        ("[sort(createArray('b', 'A', 'a'), lambda('x', 'y', less(lambdaVariables('x'), lambdaVariables('y'))))]",
         ["a", "A", "b"]),
        ("[union(createObject('a', null()), createObject('a', null()))]", {"a": None}),
    ],
)  # fmt: skip
def test_values_that_follow_from_the_recorded_ones(expression: str, expected: Any) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "[less('ü', 'ù')]",
        "[less('\u03b1', '\u03b2')]",
        "[less('ß', 'SS')]",
        "[startsWith('Ωm', 'ω')]",
        "[indexOf('\u0131l\u0131k', 'I')]",
        "[toLower('\u212a')]",
        "[items(createObject('a_b', 1, 'aB', 2))]",
        "[union(createObject('a', null()), createObject('a', 1))]",
        "[shallowMerge(createArray(createObject('a', 1), createObject('A', 2)))]",
        "[toObject(createArray('a', 'A'), lambda('x', lambdaVariables('x')))]",
        "[groupBy(createArray('a', 'A'), lambda('x', lambdaVariables('x')))]",
        "[format('{0:G5}', 1)]",
        "[format('{0:yyyy}', 1)]",
        "[format('{0:0.0}', json('-0.01'))]",
        "[format('{0}', createArray('\"'))]",
        "[uri('http://a.b/c', '[d]')]",
        "[uri('http://a.b/c', '%41')]",
        "[uri('http://user@a.b/c', 'd')]",
        "[uri('http://a.b/c', 'ftp://d/e')]",
        "[dataUriToString('data:,a+b')]",
        "[dataUriToString('data:;charset=latin1,a')]",
        "[base64ToString('SGVs\nbG8=')]",
        "[dateTimeAdd('7 April 2020', 'P1D')]",
        "[dateTimeAdd('2020-02-30', 'P1D')]",
        "[dateTimeAdd('2020-02-28', 'P1D', 'yyyy gg')]",
        "[json('[1,')]",
        "[json('{\"a\":[1')]",
        "[json('[1 2]')]",
        "[json('09')]",
        "[int('1_000')]",
        "[float('Infinity')]",
        "[tryGet(createObject('a', null()), 'a', 'b')]",
        "[min(createArray(1), 2)]",
        "[fail('stop')]",
    ],
)
def test_what_is_not_known_is_refused(expression: str) -> None:
    function = expression[1:].partition("(")[0]
    with pytest.raises(TemplateError, match=rf"^resources\[0\]\.properties\.v, character \d+: {function}\(\): "):
        value(expression)

"""The page of a run over many keys, for people and browsers."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlmgmt.pages import many
from mlmgmt.pages.evaluation import is_page
from tests.browser import needs_browser
from tests.retraining.test_evaluation_page import HOSTILE, NASTY, CheckedHtml

if TYPE_CHECKING:
    from tests.browser import Browser

ERROR = "Root Mean Squared Error"


def row(key: str, new: float | None = None, old: float | None = None, **more: Any) -> dict[str, Any]:
    decision = "Failed" if new is None else "Patched"
    metrics = None if new is None else {"Mean Absolute Error": 0.7 * new, ERROR: new}
    model = None if new is None else hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
    return {
        "Key": key,
        "Endpoint": key if new is not None else None,
        "Rows": 1800,
        "Metrics": metrics,
        "Metric": new,
        "OldMetric": old,
        "Decision": decision,
        "Reason": "ColumnNotFound: the column cnt does not exist" if new is None else None,
        "Model": model,
        "DataDigest": "0" * 64,
        "Seconds": 0.25,
    } | more


def run(rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    decisions = [one["Decision"] for one in rows]
    return {
        "Title": "Bike Rental Scoring",
        "Service": "Bike Rental Scoring",
        "Training": "Bike Rental Training",
        "StartedOn": "2026-11-21T18:00:00Z",
        "Seconds": 3725.4,
        "Backend": "loky, 2 processes",
        "Metric": ERROR if any(one["Metric"] is not None for one in rows) else None,
        "Counts": {name: decisions.count(name) for name in dict.fromkeys(decisions)},
        "Rows": rows,
    } | more


def rows_of_run(count: int, *, old: bool = True, fail: int = 9) -> list[dict[str, Any]]:
    """Return the rows of a run in which every ninth key failed."""
    random = np.random.default_rng(count)
    before = np.exp(random.normal(4.6, 0.6, count)).round(3).tolist()
    after = (np.array(before) * random.normal(0.93, 0.09, count)).round(3).tolist()
    return [
        row(f"rentalloc{place + 1:03}")
        if place % fail == fail - 1
        else row(f"rentalloc{place + 1:03}", after[place], before[place] if old else None)
        for place in range(count)
    ]


def save(rows: list[dict[str, Any]], **more: Any) -> str:
    Path("page.html").write_bytes(many.page(run(rows, **more)))
    return Path("page.html").read_text()


class Cells(HTMLParser):
    """Reads the lines of the table of keys as text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.lines: list[list[str]] = []
        self._inside = False
        self.feed(text[text.index("<table>") : text.index("</table>")])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.lines.append([])
        self._inside |= tag in ("td", "th")
        if tag in ("td", "th"):
            self.lines[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside &= tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.lines[-1][-1] += data


def test_the_table_is_readable_without_scripts() -> None:
    rows = [row("north", 90.5, 100.0), row("south", 120.0, 100.0, Decision="NotBetter", Reason="worse"), row("west")]
    text = save(rows)
    header, *lines = Cells(text).lines
    names = ["Key", "Endpoint", "Rows", ERROR, "Old", "Change", "Decision", "Reason"]
    assert header == [*names, "Mean Absolute Error", "Model", "Seconds"]
    digest = hashlib.sha256(b"north").hexdigest()[:12]
    assert lines == [
        ["north", "north", "1,800", "90.50", "100", "\u22129.500", "Patched", "", "63.35", digest, "0.25"],
        ["south", "south", "1,800", "120", "100", "+20", "NotBetter", "worse", "84", lines[1][-2], "0.25"],
        ["west", "", "1,800", "", "", "", "Failed", "ColumnNotFound: the column cnt does not exist", "", "", "0.25"],
    ]
    for words in ("Bike Rental Training", "2026-11-21 18:00:00 UTC", "1 h 2 min 5 s", "loky, 2 processes"):
        assert words in text
    assert '<td class="n better">' in text
    assert '<p class="filter" hidden>' in text


@pytest.mark.parametrize(("count", "old"), [(0, True), (1, True), (10, False), (60, True), (200, True), (200, False)])
def test_the_page_fetches_nothing_and_allows_only_its_own_style_and_script(count: int, old: bool) -> None:
    text = save(rows_of_run(count, old=old))
    CheckedHtml(text)
    assert is_page("page.html")
    Path("old.html").write_text(re.sub('<meta name="generator".*?>\n', "", text))
    assert is_page("old.html")
    assert not re.search(r"https?:|url\(|@import", text)
    policy = str(re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1])  # type: ignore[index]
    assert policy.startswith("default-src 'none'; ")
    for tag, source in [("style", "style-src"), ("script", "script-src")]:
        inside = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert len(inside) == (1 if count or tag == "style" else 0)
        for one in inside:
            digest = base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()
            assert f"{source} 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


@needs_browser
def test_each_of_a_few_keys_has_a_line(browser: Browser) -> None:
    """The old and the new dot are at the places of the numbers, and the greatest gain comes first."""
    rows = rows_of_run(60)
    save(rows)
    browser.open("page.html")
    known = {one["Key"]: one for one in rows if one["Metric"] is not None}
    ordered = sorted(known, key=lambda key: known[key]["Metric"] - known[key]["OldMetric"])
    assert browser.texts(".pair .name") == ordered
    places = browser.run(
        "[...document.querySelectorAll('.pair')]"
        ".map(pair => ['.was', '.now'].map(dot => pair.querySelector(dot).cx.baseVal.value))"
    )
    values = [[known[key]["OldMetric"], known[key]["Metric"]] for key in ordered]
    # All dots are on one linear scale.
    slope, start = np.polyfit(np.ravel(values), np.ravel(places), 1)
    assert np.allclose(np.array(values) * slope + start, places, atol=0.02)
    assert slope > 0
    worse = browser.run("[...document.querySelectorAll('.pair')].filter(g => g.querySelector('.worse')).length")
    assert worse == sum(new > old for old, new in values)
    assert "6 keys without a value" in browser.texts(".note")[0]
    assert browser.complaints() == []


@needs_browser
def test_many_keys_are_shown_as_a_scatter_plot_and_a_histogram(browser: Browser) -> None:
    rows = rows_of_run(300)
    save(rows)
    browser.open("page.html")
    known = [one for one in rows if one["Metric"] is not None]
    assert len(browser.texts("figure .dot")) == len(known)
    first = known[0]
    assert browser.texts("figure .dot title")[0].startswith(f"{first['Key']}: ")
    better = sum(one["Metric"] < one["OldMetric"] for one in known)
    assert f"{better} better, {len(known) - better} worse" in browser.texts("figcaption")[1]
    # The diagonal goes through the points at which old and new are equal.
    line = "document.querySelector('.reference')"
    ends = browser.run(f"['x1', 'y1', 'x2', 'y2'].map(name => {line}[name].baseVal.value)")
    dots = browser.run(
        "[...document.querySelectorAll('.dot')].map(dot => [dot.cx.baseVal.value, dot.cy.baseVal.value])"
    )
    below = [y > ends[1] + (x - ends[0]) / (ends[2] - ends[0]) * (ends[3] - ends[1]) for x, y in dots]
    clear = [abs(one["Metric"] - one["OldMetric"]) > 0.02 * one["OldMetric"] + 1 for one in known]
    assert [b for b, c in zip(below, clear, strict=True) if c] == [
        one["Metric"] < one["OldMetric"] for one, c in zip(known, clear, strict=True) if c
    ]
    save(rows_of_run(300, old=False))
    browser.open("page.html")
    assert browser.run("document.querySelectorAll('figure').length") == 1
    assert "Old" not in browser.texts("thead th")


def keys_on_page(browser: Browser) -> list[str]:
    return browser.texts(".keys tbody th")


@needs_browser
def test_headers_sort_by_mouse_and_keyboard(browser: Browser) -> None:
    rows = rows_of_run(40)
    rows[3] |= {"Metric": 1e-7, "OldMetric": 12345678.9}
    save(rows)
    browser.open("page.html")
    assert keys_on_page(browser) == [one["Key"] for one in rows]
    click = "[...document.querySelectorAll('.keys thead button')].find(b => b.textContent === {}).click()"
    browser.run(click.format(json.dumps(ERROR)))
    known = sorted((one for one in rows if one["Metric"] is not None), key=lambda one: one["Metric"])
    without = [one["Key"] for one in rows if one["Metric"] is None]
    assert keys_on_page(browser) == [*(one["Key"] for one in known), *without]
    sorted_by = "[...document.querySelectorAll('.keys [aria-sort]')].map(h => [h.textContent, h.ariaSort])"
    assert browser.run(sorted_by) == [[ERROR, "ascending"]]
    browser.run(click.format(json.dumps(ERROR)))
    assert keys_on_page(browser) == [*(one["Key"] for one in reversed(known)), *without]
    assert browser.run(sorted_by) == [[ERROR, "descending"]]

    browser.run("document.querySelector('.keys thead button').focus()")
    for kind, text in (("keyDown", "\r"), ("keyUp", "")):
        browser.call("Input.dispatchKeyEvent", type=kind, text=text, key="Enter", windowsVirtualKeyCode=13)
    assert keys_on_page(browser) == sorted(one["Key"] for one in rows)
    assert browser.run(sorted_by) == [["Key", "ascending"]]
    assert browser.complaints() == []


TYPED = """(async text => {
  const input = document.querySelector('.filter input');
  input.value = text;
  input.dispatchEvent(new Event('input'));
  await new Promise(done => setTimeout(done, 250));
  return document.querySelector('.filter output').textContent;
})"""


@needs_browser
def test_of_thousands_of_keys_the_first_are_shown_and_all_can_be_found(browser: Browser) -> None:
    rows = rows_of_run(1200)
    save(rows)
    browser.open("page.html")
    assert browser.texts(".filter output") == ["the first 1,000 of 1,200"]
    assert len(keys_on_page(browser)) == 1000
    failed = [one["Key"] for one in rows if one["Decision"] == "Failed"]
    assert browser.run(f"{TYPED}('FAILED')") == f"{len(failed)} of 1,200"
    assert keys_on_page(browser) == failed
    assert browser.run(f"{TYPED}('failed loc1170')") == "1 of 1,200"
    assert browser.run(f"{TYPED}('')") == "the first 1,000 of 1,200"
    browser.run("document.querySelector('.filter button').click()")
    assert len(keys_on_page(browser)) == 1200
    assert browser.run("document.querySelector('.filter button').hidden")


@needs_browser
def test_without_scripts_all_rows_are_there(browser: Browser) -> None:
    save(rows_of_run(1200))
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open("page.html")
        rows = "[...document.querySelectorAll('.keys tbody tr')]"
        assert browser.run(f"{rows}.filter(row => row.getBoundingClientRect().height > 0).length") == 1200
        assert browser.run("getComputedStyle(document.querySelector('.filter')).display") == "none"
        assert browser.run("document.querySelectorAll('.keys button').length") == 0
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


@needs_browser
def test_names_are_never_code(browser: Browser) -> None:
    names = [HOSTILE, *NASTY, "</script><b>x", "=1+1", "</title>", "\ud800", "東" * 40]
    rows = [row(name, 2.0 + place, 3.0, Reason=name, Endpoint=name) for place, name in enumerate(names)]
    rows[0]["Metrics"] |= {HOSTILE: 1.0}
    text = save(rows, Title=HOSTILE, Service=HOSTILE, Training=NASTY[0], Backend=NASTY[1], StartedOn=NASTY[3])
    CheckedHtml(text)
    browser.open("page.html")
    assert browser.complaints() == []
    assert browser.requests() == [Path("page.html").resolve().as_uri()]
    assert browser.run("[document.title, window.owned]") == [f"Retraining of {HOSTILE}", None]
    assert browser.run("document.querySelectorAll('img, td b, h1 svg').length + document.scripts.length") == 1
    shown = [name.replace("\ud800", "?") for name in names]
    assert keys_on_page(browser) == shown
    assert browser.texts(".keys .reason") == shown
    assert HOSTILE in browser.texts("thead th")
    assert sorted(browser.texts(".pair title")) == sorted(
        f"{name}: 3 \u2192 {2 + place}" for place, name in enumerate(shown)
    )
    inside = "[...document.querySelectorAll('.pair .name')].every(n => n.getBBox().x > -20)"
    assert browser.run(inside)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([(None, None)], "No new model was evaluated."),
        ([(float("nan"), 1.0), (float("inf"), 2.0)], "No new model was evaluated."),
        ([(0.0, 0.0)] * 3, "Greatest gain first."),
        ([(1e300, -1e300), (1.0, 2.0)], "Not drawn: 1 key"),
        ([(1e-320, 5e-324), (-1e99, 1e99)], "Greatest gain first."),
        ([(1.0 + place, 2.0) for place in range(9)] + [(1e9, 2.0)], "1 beyond the edge is drawn at it"),
        ([(1.0 + place, 2.0) for place in range(90)] + [(1e9, 2.0)], "1 beyond the edge is drawn at it"),
        ([(5.0, 5.0)] * 90, "90 same"),
        ([(5.0, None)] * 90, "the median is 5"),
        ([(1e6 + place * 1e-6, 1e6) for place in range(90)], "89 worse, 1 same"),
        ([(float(place), None) for place in range(90)] + [(1.0, 2.0)], "Not drawn: 90 keys without both values."),
    ],
)
def test_every_number_can_be_drawn(values: list[tuple[float | None, float | None]], said: str) -> None:
    rows = [row(f"key {place}", new, old) for place, (new, old) in enumerate(values)]
    text = save(rows, Metric=ERROR)
    CheckedHtml(text)
    assert said in text
    numbers = re.findall(r' (?:cx|cy|x1|x2|y1|y2|x|y|width|height)="([^"]*)"', text[: text.index("<table>")])
    assert all(-30 < float(number) < 1200 for number in numbers)


def test_of_some_metrics_more_is_better() -> None:
    rows = [row("a", 0.9, 0.8), row("b", 0.7, 0.8)]
    for one in rows:
        one["Metrics"] = {"AUC": one["Metric"]}
    text = save(rows, Metric="AUC")
    assert "more is better" in text
    assert text.index('"gap better"') < text.index('"gap worse"')
    assert re.findall(r'<td class="n (\w+)">', text) == ["better", "worse"]

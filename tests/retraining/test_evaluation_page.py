"""The evaluation as people see it: the page in a real headless browser, and the tables on a terminal."""

from __future__ import annotations

import base64
import csv
import json
import os
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlmgmt.modules.columns import selection_of
from tests.browser import needs_browser
from tests.learning.graphs import definition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser import Browser
    from tests.conftest import Command

Table = list[dict[str, Any]]


class CheckedHtml(HTMLParser):
    """Checks HTML as it reads it: every tag is closed in order, and no id or attribute occurs twice."""

    VOID = frozenset({"meta", "link", "br", "img", "input", "hr", "base"})
    INSIDE = {"tr": {"thead", "tbody"}, "td": {"tr"}, "th": {"tr"}, "li": {"ul"}, "caption": {"table"}}  # noqa: RUF012

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        assert text.startswith("<!DOCTYPE html>\n")
        self.feed(text)
        self.close()
        assert self.open == []
        assert len(self.ids) == len(set(self.ids))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, attrs)
        assert not [name for name in names if name.startswith("on") or name in ("style", "href", "src")], (tag, attrs)
        self.ids += [str(value) for name, value in attrs if name == "id"]
        self.tags.add(tag)
        if tag in self.INSIDE:
            assert self.open[-1] in self.INSIDE[tag], (tag, self.open)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert "svg" in self.open, tag
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


# Services with one module that trains and one that scores.
LEARNERS = {
    "binary": "Two-Class Logistic Regression",
    "multiclass": "Multiclass Logistic Regression",
    "regression": "Linear Regression",
    "spread": "Decision Forest Regression",
    "clustering": "K-Means Clustering",
}
LABELS = {"binary": "bought", "multiclass": "kind", "regression": "amount", "spread": "amount", "clustering": ""}


def rows(task: str, count: int = 160, seed: int = 1, *, classes: int = 10, names: tuple[str, ...] = ()) -> Table:
    """Return rows with two numbers, a colour and a label; for a clustering, with two numbers."""
    random = np.random.default_rng(seed)
    length, width, colour = random.normal(size=count), random.normal(size=count), random.choice(["red", "blue"], count)
    pull = 2 * length + width + (colour == "red") + random.normal(0, 0.8, count)
    words = names or ("yes", "no")
    kinds = [f"kind {place:03}" for place in range(classes)]
    # Each kind occurs often enough to be in both parts of a random split.
    turn = np.where(np.arange(count) < 4 * classes, np.arange(count) % classes, ((pull + 6) / 12 * classes).astype(int))
    labels = {
        "bought": [words[0] if value > 0.5 else words[1] for value in pull],
        "kind": [kinds[min(max(int(place), 0), classes - 1)] for place in turn],
        "amount": (1e6 * pull).round(2).tolist(),
    }
    table: Table = [
        {"length": a, "width": b} for a, b in zip(length.round(3).tolist(), width.round(3).tolist(), strict=True)
    ]
    label = LABELS[task]
    for place, row in enumerate(table):
        row |= {"colour": str(colour[place]), label: labels[label][place]} if label else {}
    return table


def save(path: str, table: Table) -> str:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    return path


def kinds_of(table: Table, label: str) -> dict[str, str]:
    kinds = {name: "number" if isinstance(value, float) else "string" for name, value in table[0].items()}
    return {name: f"{kind}?" if name == label else kind for name, kind in kinds.items()}


def deploy(mlmgmt: Command, task: str, table: Table, *, label: str | None = None, name: str = "shop") -> str:
    """Deploy a service without its model, and return the start of the command that retrains it."""
    label = LABELS[task] if label is None else label
    kinds = kinds_of(table, label)
    if task == "clustering":
        rule = {"isFilter": True, "rules": [{"ruleType": "AllColumns", "exclude": False}]}
        trainer = ("Train Clustering Model", {"Column set": json.dumps(rule)})
        scorer, answer = "Assign Data to Clusters", "Results dataset"
    else:
        trainer, scorer, answer = (
            ("Train Model", {"Label column": selection_of(label)}),
            "Score Model",
            "Scored dataset",
        )
    learner: Any = LEARNERS[task]
    if task == "spread":
        learner = (learner, {"Number of decision trees": 8})
    nodes = {"in": "input:rows", "learner": learner, "train": trainer, "out": "output:model"}
    edges = ["learner.Untrained model > train.Untrained model", "in > train.Dataset", "train.Trained model > out"]
    training = definition(nodes, edges, inputs={"rows": kinds}, outputs={"model": {}})
    nodes = {
        "in": "input:rows",
        "model": f"https://elsewhere.blob.core.windows.net/models/{name}.ilearner",
        "score": scorer,
        "out": "output:scores",
    }
    edges = ["model.Results dataset > score.Trained model", "in > score.Dataset", f"score.{answer} > out"]
    predictive = definition(nodes, edges, inputs={"rows": kinds}, outputs={"scores": {}})
    Path(f"{name}-training.json").write_text(json.dumps(training))
    Path(f"{name}.json").write_text(json.dumps(predictive))
    mlmgmt(f"new -g retail -l southcentralus -n {name} -DefinitionFile {name}.json -SkipModelCheck -Force", ok=True)
    return f"retrain -g retail -n {name} --training-definition {name}-training.json "


def metrics_on_page(browser: Browser) -> dict[str, list[float | None]]:
    """Return the table of metrics in the browser: the full number of each model, or None."""
    cells = browser.run(
        "[...document.querySelectorAll('.metrics tbody tr')].map(row => [row.querySelector('th').textContent,"
        " [...row.querySelectorAll('td.n')].map(cell => cell.querySelector('data')?.value ?? cell.textContent)])"
    )
    return {name: [None if value == "none" else float(value) for value in values] for name, values in cells}


@needs_browser
@pytest.mark.parametrize("task", LEARNERS)
def test_the_page_shows_the_numbers_of_the_command(mlmgmt: Command, home: Path, browser: Browser, task: str) -> None:
    old, new = save("old.csv", rows(task)), save("new.csv", rows(task, 240, 2))
    retrain = deploy(mlmgmt, task, rows(task))
    alone = mlmgmt(retrain + f"--data {old} --update -Force --report page.html", ok=True).json["Evaluation"]
    assert alone["Deployed"] is None
    browser.open("page.html")
    assert metrics_on_page(browser) == {name: [value] for name, value in alone["New"].items()}
    assert "could not be evaluated" in browser.texts(".warning")[0]

    both = mlmgmt(retrain + f"--data {new} --report page.html", ok=True).json["Evaluation"]
    browser.open("page.html")
    assert metrics_on_page(browser) == {name: [both["Deployed"][name], both["New"][name]] for name in both["New"]}
    assert browser.requests() == [Path("page.html").resolve().as_uri()]
    assert browser.complaints() == []
    assert browser.texts(".warning") == []
    page = Path("page.html").read_text()
    assert "script" not in CheckedHtml(page).tags
    assert "http:" not in page
    assert "url(" not in page
    facts = browser.run("[...document.querySelectorAll('.facts tr')].map(r => [...r.cells].map(c => c.textContent))")
    named_facts = {line[0]: line[1:] for line in facts}
    assert named_facts["Data"] == ["old.csv", "new.csv"]
    assert named_facts["Rows"] == ["120", "180"]
    assert named_facts["scikit-learn"][0] == named_facts["scikit-learn"][1] != ""
    drawn = {
        "binary": ("polyline.old, polyline.new", 4),
        "multiclass": (".confusion", 2),
        "regression": ("figure svg .dot", 60),
        "spread": ("figure svg .dot", 60),
        "clustering": (".strip .bar", 2),
    }
    selector, count = drawn[task]
    assert len(browser.texts(selector)) == count
    seen = f"[...document.querySelectorAll('{selector}')].every(e => e.getBoundingClientRect().height > 0)"
    assert browser.run(seen)


@needs_browser
def test_the_curves_agree_with_scikit_learn(mlmgmt: Command, home: Path, browser: Browser) -> None:
    from sklearn.metrics import roc_auc_score, roc_curve

    table = rows("binary")
    retrain = deploy(mlmgmt, "binary", table)
    test = save("test.csv", rows("binary", 90, 5))
    mlmgmt(retrain + f"--data {save('data.csv', table)} --test-data {test} --update -Force --report page.html", ok=True)
    answer = mlmgmt("score -g retail -n shop --input test.csv", ok=True).json["Results"]["scores"]["value"]
    chances = [float(row[answer["ColumnNames"].index("Scored Probabilities")]) for row in answer["Values"]]
    truth = [row["bought"] == "yes" for row in rows("binary", 90, 5)]
    browser.open("page.html")
    places = browser.run("[...document.querySelector('polyline.new').points].map(p => [p.x, p.y])")
    frame = browser.run(
        "(f => [f.x, f.y, f.width, f.height].map(l => l.baseVal.value))(document.querySelector('.frame'))"
    )
    points = [((x - frame[0]) / frame[2], 1 - (y - frame[1]) / frame[3]) for x, y in places]
    false_positives, true_positives, _ = roc_curve(truth, chances)
    assert np.allclose(points, np.column_stack([false_positives, true_positives]), atol=1e-4)
    assert metrics_on_page(browser)["AUC"][0] == pytest.approx(roc_auc_score(truth, chances))


HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
NASTY = [
    '"><script>window.owned = 1</script>',
    "{{7*7}} {% raw %} ${7*7}",
    "\u202egnp.elif\u05d0\u05d1",
    "😀 & 'q' \\ </td>",
]


@needs_browser
def test_names_are_never_code(mlmgmt: Command, home: Path, browser: Browser) -> None:
    words = ("</style><b>yes", "ن\u202eo😀")
    table = [
        {
            HOSTILE: row["length"],
            NASTY[0]: row["width"],
            NASTY[1]: row["colour"],
            NASTY[2]: 1.5,
            NASTY[3]: row["bought"],
        }
        for row in rows("binary", 200, 4, names=words)
    ]
    retrain = deploy(mlmgmt, "binary", table, label=NASTY[3], name="new.service-1").split()
    path = save("<svg onload=alert(1)> {{7*7}} &amp; \u202ex.csv", table)
    mlmgmt([*retrain, "--data", path, "--update", "-Force"], ok=True)
    mlmgmt([*retrain, "--data", path, "--report", "page.html"], ok=True)
    browser.open("page.html")
    assert browser.complaints() == []
    assert browser.run("[document.title, window.owned]") == ["Evaluation of new.service-1", None]
    assert browser.run("document.querySelectorAll('img, script, b, body svg[onload], h1 svg').length") == 0
    assert browser.texts("header p bdi") == [NASTY[3], path]
    assert sorted(browser.texts(".importance th")) == sorted([HOSTILE, *NASTY[:3]])
    assert sorted(browser.texts(".confusion:first-of-type tbody th")[:2]) == sorted(words)
    assert "49" not in browser.texts("header p")[0]
    CheckedHtml(Path("page.html").read_text())


class Visits(BaseHTTPRequestHandler):
    seen: set[str] = set()  # noqa: RUF012

    def do_GET(self) -> None:
        self.seen.add(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[str]:
    Visits.seen = set()
    with ThreadingHTTPServer(("127.0.0.1", 0), Visits) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@needs_browser
def test_the_policy_of_the_page_blocks_injected_code(
    mlmgmt: Command, churn: Path, browser: Browser, elsewhere: str
) -> None:
    """Code that got into the page neither runs nor loads anything; without the policy, all of it would."""
    mlmgmt("evaluate -g retail -n churn --data new-customers.csv --report page.html", ok=True)
    page = Path("page.html").read_text()
    injected = (
        f"<script>window.owned = 1</script><img src='{elsewhere}/image' onerror='window.owned = 2'>"
        f"<link rel=stylesheet href='{elsewhere}/style'><script src='{elsewhere}/script'></script>"
        f"<iframe src='{elsewhere}/frame'></iframe><object data='{elsewhere}/object'></object>"
        f"<video src='{elsewhere}/video'></video><style>#hit {{ width: 7px }} @import '{elsewhere}/import';</style>"
        f"<p id=hit style=\"height: 7px; background: url('{elsewhere}/background')\">x</p>"
    )
    Path("injected.html").write_text(page.replace("<main>", "<main>" + injected))
    policy = next(line for line in page.splitlines() if "Content-Security-Policy" in line)
    Path("open.html").write_text(page.replace(policy, "").replace("<main>", "<main>" + injected))
    look = "[window.owned ?? 0, getComputedStyle(document.getElementById('hit')).height === '7px']"
    browser.open("injected.html")
    assert browser.run(look) == [0, False]
    assert Visits.seen == set()
    assert any("Content Security Policy" in entry["entry"]["text"] for entry in browser.complaints())
    browser.open("open.html")
    owned, styled = browser.run(look)
    assert owned > 0
    assert styled
    assert Visits.seen >= {"/image", "/style", "/script", "/frame", "/background"}


LOOKS = """(() => {
  const light = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255).map(
      x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4); return 0.2126*v[0] + 0.7152*v[1] + 0.0722*v[2]; };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const contrast = e => { const ink = light(getComputedStyle(e).color);
      return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05); };
  const all = s => [...document.querySelectorAll(s)];
  const crossing = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const cut = [], over = [];
  for (const svg of all('figure svg')) {
    const texts = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
    for (const [text, box] of texts) if (box.left < 0 || box.right > innerWidth) cut.push(text);
    texts.forEach(([text, box], i) => texts.slice(i + 1).forEach(
        ([other, its]) => { if (crossing(box, its)) over.push([text, other]); }));
  }
  for (const cell of all('td, th, p, h1, li, figcaption'))
    if (!cell.closest('.wide') && cell.getBoundingClientRect().right > innerWidth) cut.push(cell.textContent);
  for (const cell of all('.metrics td')) if (cell.getClientRects()[0].height > 60) cut.push(cell.textContent);
  return {wide: document.documentElement.scrollWidth - innerWidth, cut, over,
          faint: all('h1, h2, p, th, td:not([class*=heat]), figcaption, li').filter(e => contrast(e) < 4.5).length,
          paper: paper < 0.2 ? 'dark' : 'light'};
})()"""


@needs_browser
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_windows_of_all_sizes_show_the_whole_page(mlmgmt: Command, home: Path, browser: Browser, task: str) -> None:
    """On phone and desktop, light and dark, nothing is cut off, overlapping or too faint to read."""
    longest = "a column whose name goes on and on " * 6 + "W" * 80
    table = [{longest if name == "length" else name: v for name, v in row.items()} for row in rows(task)]
    retrain = deploy(mlmgmt, task, table)
    data = save("data.csv", table)
    mlmgmt(retrain + f"--data {data} --update -Force", ok=True)
    mlmgmt(retrain + f"--data {data} --report page.html", ok=True)
    for width in (380, 1400):
        for dark in (False, True):
            browser.open("page.html", width=width, dark=dark)
            expected = {"wide": 0, "cut": [], "over": [], "faint": 0, "paper": "dark" if dark else "light"}
            assert browser.run(LOOKS) == expected
    assert longest in browser.texts(".importance th")
    assert len(base64.b64decode(browser.call("Page.printToPDF", printBackground=True)["data"])) > 5_000


@needs_browser
@pytest.mark.parametrize(
    "values", [[0.5], [1e-7, -2e-7, 3e-7], [1e12, 1.000001e12, 1e12], [5.0, 5.0, 5.0], [0.0, 1e200]]
)
def test_axes_are_readable_whatever_the_numbers(browser: Browser, apart: Path, values: list[float]) -> None:
    from jinja2 import Environment, FileSystemLoader

    from mlmgmt.modules.curves import RegressionCurves
    from mlmgmt.pages import plots

    counts, edges = np.histogram(values, bins=20)
    points = [(value * 2, value, value) for value in values]
    figures = plots.plots(RegressionCurves(points, edges.tolist(), counts.tolist()), None)
    environment = Environment(loader=FileSystemLoader(Path(plots.__file__).parent), autoescape=True)
    drawing = environment.get_template("parts.html.j2").make_module().drawing
    area = {"left": plots.LEFT, "right": plots.RIGHT, "top": plots.TOP, "bottom": plots.BOTTOM}
    style = "<style>svg { width: 350px } .tick { font: 10px sans-serif } .axis { font: 12px sans-serif }</style>"
    Path("figure.html").write_text(style + "".join(drawing(plot, area, plot.title) for plot in figures))
    browser.open("figure.html")
    looks = browser.run(LOOKS)
    assert (looks["cut"], looks["over"]) == ([], [])
    for plot in figures:
        assert 2 <= len(plot.x_ticks) <= 9
        assert len({tick.text for tick in plot.x_ticks}) == len(plot.x_ticks)
        assert len({tick.text for tick in plot.y_ticks}) == len(plot.y_ticks)
    inside = [plots.LEFT <= x <= plots.RIGHT and plots.TOP <= y <= plots.BOTTOM for x, y in figures[0].dots]
    assert inside == [True] * len(values)


@needs_browser
def test_rows_of_one_class_have_no_curves_and_the_page_says_so(mlmgmt: Command, home: Path, browser: Browser) -> None:
    table = rows("binary")
    retrain = deploy(mlmgmt, "binary", table)
    mlmgmt(retrain + f"--data {save('data.csv', table)} --update -Force", ok=True)
    save("some.csv", [row for row in table if row["bought"] == "yes"][:3])
    metrics = mlmgmt("evaluate -g retail -n shop --data some.csv --report page.html", ok=True).json["Evaluation"]
    assert (metrics["Rows"], metrics["Deployed"]["AUC"]) == (3, None)
    browser.open("page.html")
    assert metrics_on_page(browser) == {name: [value] for name, value in metrics["Deployed"].items()}
    assert any("All rows are of one class" in text for text in browser.texts(".warning"))
    assert browser.texts("svg") == []
    counts = [text.split(".")[0] for text in browser.texts(".confusion td.n")]
    assert counts[:2] == ["0", "0"]
    assert browser.complaints() == []


@needs_browser
def test_of_many_classes_the_most_frequent_mistakes_are_shown(mlmgmt: Command, home: Path, browser: Browser) -> None:
    table = rows("multiclass", 600, classes=40)
    retrain = deploy(mlmgmt, "multiclass", table)
    data = save("data.csv", table)
    mlmgmt(retrain + f"--data {data} --test-data {data} --update -Force --report page.html", ok=True)
    answer = mlmgmt("score -g retail -n shop --input data.csv", ok=True).json["Results"]["scores"]["value"]
    place = answer["ColumnNames"].index("Scored Labels")
    pairs = [(row["kind"], line[place]) for row, line in zip(table, answer["Values"], strict=True)]
    browser.open("page.html")
    assert browser.texts(".confusion") == []
    lines = browser.run(
        "[...document.querySelectorAll('.mistakes tbody tr')].map(r => [...r.cells].map(c => c.innerText))"
    )
    assert len(lines) == 30
    for actual, predicted, count, _ in lines:
        assert actual != predicted
        assert pairs.count((actual, predicted)) == int(count)
    worst = max(pairs.count(pair) for pair in set(pairs) if pair[0] != pair[1])
    assert int(lines[0][2]) == worst


class TestEvaluate:
    """`evaluate`, with valid and invalid arguments."""

    EVALUATE = "evaluate -g retail -n churn --data new-customers.csv "

    def test_the_deployed_model_is_measured_as_scikit_learn_would(self, mlmgmt: Command, churn: Path) -> None:
        from sklearn.metrics import log_loss, roc_auc_score

        answer = mlmgmt(self.EVALUATE, ok=True).json["Evaluation"]
        scores = mlmgmt("score -g retail -n churn --input new-customers.csv", ok=True).json["Results"]["output1"]
        chances = [float(row[1]) for row in scores["value"]["Values"]]
        with open("new-customers.csv", newline="") as file:
            truth = [row["churned"] == "Yes" for row in csv.DictReader(file)]
        assert (answer["Rows"], answer["New"]) == (2400, None)
        assert answer["Deployed"]["AUC"] == pytest.approx(roc_auc_score(truth, chances))
        assert answer["Deployed"]["Average Log Loss"] == pytest.approx(log_loss(truth, chances))

    def test_a_warning_says_how_many_rows_a_model_was_trained_on(self, mlmgmt: Command, churn: Path) -> None:
        done = mlmgmt("evaluate -g retail -n churn --data customers.csv", ok=True)
        assert "The deployed model was trained on 1,125 of these 1,500 rows" in done.err
        report = mlmgmt("retrain -g retail -n churn --training-definition churn-training.json --data new-customers.csv")
        uri = report.json["BaseLocation"] + report.json["RelativeLocation"]
        done = mlmgmt(self.EVALUATE + f"--location {uri} --report page.html", ok=True)
        assert "The new model was trained on 1,800 of these 2,400 rows" in done.err
        assert "The new model was trained on 1,800 of these 2,400 rows" in Path("page.html").read_text()
        assert mlmgmt(self.EVALUATE, ok=True).err == ""

    def test_another_model_is_compared_with_the_deployed_one(self, mlmgmt: Command, churn: Path) -> None:
        report = mlmgmt(
            "retrain -g retail -n churn --training-definition churn-training.json --data new-customers.csv", ok=True
        ).json
        uri = report["BaseLocation"] + report["RelativeLocation"]
        deployed = mlmgmt(self.EVALUATE, ok=True).json["Evaluation"]["Deployed"]
        both = mlmgmt([*self.EVALUATE.split(), "--location", uri + report["SasBlobToken"]], ok=True).json["Evaluation"]
        assert both["Deployed"] == deployed
        assert both["New"] != deployed
        table = mlmgmt(self.EVALUATE + f"--location {uri} -o table", ok=True).out
        assert table.split("\n")[1].split() == ["On", "2,400", "rows", "Deployed", "New"]
        assert f"{both['New']['AUC']:.4f}" in table
        refused = mlmgmt([*self.EVALUATE.split(), "--location", uri + report["SasBlobToken"].replace("sig=", "sig=A")])
        assert (refused.status, "signature" in refused.err.casefold()) == (1, True)
        assert len(mlmgmt("history -g retail -n churn", ok=True).json) == 1

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            (lambda text: text.replace(",churned", ",left"), "InputMismatchError"),
            (lambda text: text.replace(",Yes", ",Perhaps"), "UnknownLabel"),
            (lambda text: text.replace(",Yes", ",").replace(",No", ","), "Error0134"),
            (lambda text: text.splitlines()[0] + "\n", "InputParseError"),
            (lambda text: "", "InputParseError"),
            (lambda text: text.replace("age,", "years,"), "InputMismatchError"),
        ],
    )
    def test_rows_that_cannot_be_evaluated_are_refused(
        self, mlmgmt: Command, churn: Path, change: Any, code: str
    ) -> None:
        Path("bad.csv").write_text(change(Path("new-customers.csv").read_text()))
        refused = mlmgmt("evaluate -g retail -n churn --data bad.csv --report page.html")
        assert refused.status == 1
        assert code in refused.err
        assert not Path("page.html").exists()

    def test_some_rows_without_a_label_do_not_count(self, mlmgmt: Command, churn: Path) -> None:
        header, *lines = Path("new-customers.csv").read_text().splitlines()
        Path("some.csv").write_text("\n".join([header, *lines[:50]]) + "\n")
        bare = [line.rsplit(",", 1)[0] + "," for line in lines[50:80]]
        Path("more.csv").write_text("\n".join([header, *lines[:50], *bare]) + "\n")
        some, more = (
            mlmgmt(f"evaluate -g retail -n churn --data {name}.csv", ok=True).json["Evaluation"]["Deployed"]
            for name in ("some", "more")
        )
        assert some == more

    @pytest.mark.parametrize(
        ("location", "code"),
        [
            ("churn.ilearner", "InvalidBlob"),
            ("file:///etc/passwd", "InvalidBlob"),
            ("BASE/models/../../x.ilearner", "InvalidBlob"),
            ("BASE/models/missing.ilearner", "BlobNotFound"),
            ("https://elsewhere.blob.core.windows.net/models/churn.ilearner", "AccountNotRegistered"),
            ("BASE/models/table.ilearner", "InvalidModelFormat"),
            ("BASE/models/strange.ilearner", "UntrustedModel"),
        ],
    )
    def test_a_location_that_is_not_a_model_is_refused(
        self, mlmgmt: Command, churn: Path, location: str, code: str
    ) -> None:
        account = next((churn / "storage").iterdir())
        base = f"https://{account.name}.blob.core.windows.net"
        (account / "models").mkdir(exist_ok=True)
        model = next(account.rglob("*.ilearner"))
        strange = bytearray(model.read_bytes())
        strange[-1] ^= 1
        (account / "models" / "strange.ilearner").write_bytes(bytes(strange))
        (account / "models" / "table.ilearner").write_text("a,b\n1,2\n")
        location = location.replace("BASE", base)
        refused = mlmgmt([*self.EVALUATE.split(), "--location", location, "-o", "json"])
        assert refused.status == 1
        assert code in refused.err

    def test_a_transformation_is_not_a_trained_model(self, mlmgmt: Command, churn: Path) -> None:
        """Its file has the same format as that of a model."""
        save("data.csv", [row | ({"length": ""} if place % 9 == 0 else {}) for place, row in enumerate(rows("binary"))])
        mlmgmt("new-experiment Shop --task binary --label bought --data data.csv", ok=True)
        mlmgmt("set-up-web-service Shop --predictive --output-file shop.json", ok=True)
        account = next((churn / "storage").iterdir())
        place = next(account.rglob("*.itransform"))
        uri = f"https://{account.name}.blob.core.windows.net/{place.relative_to(account).as_posix()}"
        refused = mlmgmt([*self.EVALUATE.split(), "--location", uri])
        assert refused.status == 1
        assert "does not contain a trained model" in refused.err

    def test_a_model_of_another_task_is_evaluated_without_the_deployed_one(self, mlmgmt: Command, home: Path) -> None:
        """The rows must have its label. A warning says why the deployed model is not evaluated."""
        table = [row | {"amount": 1.0 * place} for place, row in enumerate(rows("binary"))]
        data = save("data.csv", table)
        kinds = [{name: row[name] for name in ("length", "width", "colour", "bought", "amount")} for row in table]
        deploy(mlmgmt, "regression", kinds, name="price")
        retrain = "retrain -g retail -n price --training-definition price-training.json "
        priced = mlmgmt(retrain + f"--data {data}", ok=True).json
        deployed = deploy(mlmgmt, "binary", kinds)
        mlmgmt(deployed + f"--data {data} --update -Force", ok=True)
        uri = priced["BaseLocation"] + priced["RelativeLocation"]
        done = mlmgmt(f"evaluate -g retail -n shop --data {data} --location {uri} --report page.html", ok=True)
        assert done.json["Evaluation"]["Deployed"] is None
        assert "Root Mean Squared Error" in done.json["Evaluation"]["New"]
        assert "could not be evaluated: it is for another task (binary)" in done.err
        save("unlabelled.csv", [{name: row[name] for name in ("length", "width", "colour", "bought")} for row in table])
        refused = mlmgmt(f"evaluate -g retail -n shop --data unlabelled.csv --location {uri}")
        assert (refused.status, "amount" in refused.err) == (1, True)

    def test_a_model_that_is_missing_is_refused_with_a_hint(self, mlmgmt: Command, home: Path) -> None:
        deploy(mlmgmt, "binary", rows("binary"))
        save("data.csv", rows("binary"))
        refused = mlmgmt("evaluate -g retail -n shop --data data.csv")
        assert refused.status == 1
        assert "ModelPackageNotFound" in refused.err
        assert "Hint" in refused.err

    def test_a_reader_may_evaluate(self, mlmgmt: Command, churn: Path) -> None:
        mlmgmt("Connect-AzAccount -AccountId eve@example.com -Role Reader", ok=True)
        assert mlmgmt(self.EVALUATE + "--report page.html", ok=True).json["Report"] == "page.html"

    def test_only_an_earlier_page_is_overwritten(self, mlmgmt: Command, churn: Path, apart: Path) -> None:
        before = Path("new-customers.csv").read_bytes()
        Path("mine.html").write_text("<!DOCTYPE html>\n<p>mine, about <footer><p>mlmgmt pages</p>" + " " * 2000)
        for path, code in [
            ("new-customers.csv", "FileExists"),
            ("mine.html", "FileExists"),
            (".", "NotAFile"),
            ("nowhere/page.html", "FolderNotFound"),
        ]:
            refused = mlmgmt(self.EVALUATE + f"--report {path}")
            assert (refused.status, code in refused.err) == (1, True), path
        assert Path("new-customers.csv").read_bytes() == before
        for _ in range(2):
            mlmgmt(self.EVALUATE + "--report page.html", ok=True)
        CheckedHtml(Path("page.html").read_text())

    def test_a_folder_without_write_permission_is_refused(
        self, mlmgmt: Command, churn: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        may = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and may(path, mode))
        refused = mlmgmt(self.EVALUATE + "--report page.html")
        assert (refused.status, "AccessDenied" in refused.err) == (1, True)


class TestReportOfARetraining:
    RETRAIN = "retrain -g retail -n churn --training-definition churn-training.json --data new-customers.csv "

    def changed(self, mlmgmt: Command, home: Path) -> tuple[int, int]:
        return len(mlmgmt("history -g retail -n churn", ok=True).json), len(
            list((home / "storage").rglob("*.ilearner"))
        )

    def test_the_page_is_written_even_if_the_model_is_not_better(self, mlmgmt: Command, churn: Path) -> None:
        mlmgmt(self.RETRAIN + "--update -Force", ok=True)
        before = self.changed(mlmgmt, churn)
        refused = mlmgmt(self.RETRAIN + "--update -Force --only-if-better AUC --report page.html")
        assert refused.status == 3
        CheckedHtml(text := Path("page.html").read_text())
        assert "What an update changes" in text
        assert self.changed(mlmgmt, churn) == before

    @pytest.mark.parametrize("more", ["-WhatIf", "--update -WhatIf", "--update"])
    def test_without_agreement_only_the_page_and_the_new_model_are_written(
        self, mlmgmt: Command, churn: Path, more: str
    ) -> None:
        """Without a terminal to ask on, an update is declined; the new model is kept."""
        before = self.changed(mlmgmt, churn)
        done = mlmgmt(self.RETRAIN + f"{more} --report page.html")
        assert done.status == (0 if "-WhatIf" in more else 1)
        CheckedHtml(Path("page.html").read_text())
        kept = 0 if "-WhatIf" in more else 1
        assert self.changed(mlmgmt, churn) == (before[0], before[1] + kept)

    def test_a_page_that_cannot_be_written_stops_the_command_before_training(
        self, mlmgmt: Command, churn: Path
    ) -> None:
        before = self.changed(mlmgmt, churn)
        refused = mlmgmt(self.RETRAIN + "--report customers.csv -Verbose --update -Force")
        assert (refused.status, "FileExists" in refused.err) == (1, True)
        assert "Train Model" not in refused.err
        assert self.changed(mlmgmt, churn) == before


@pytest.mark.parametrize("task", LEARNERS)
def test_a_terminal_shows_both_models(mlmgmt: Command, home: Path, task: str) -> None:
    retrain = deploy(mlmgmt, task, rows(task))
    mlmgmt(retrain + f"--data {save('old.csv', rows(task))} --update -Force", ok=True)
    data = save("new.csv", rows(task, 200, 2))
    answer = mlmgmt(retrain + f"--data {data}", ok=True).json["Evaluation"]
    lines = [line.split() for line in mlmgmt(retrain + f"--data {data} -o table", ok=True).out.splitlines()]
    assert ["On", "50", "rows", "held", "out", "Deployed", "New"] in lines
    for name, value in answer["New"].items():
        old, words = answer["Deployed"][name], name.split()
        if old is None and value is None:
            assert not [line for line in lines if line[: len(words)] == words]
            continue
        cells = next(line[len(words) :] for line in lines if line[: len(words)] == words)
        assert [read(cell) for cell in cells[:2]] == [
            None if v is None else pytest.approx(v, 1e-3) for v in (old, value)
        ]
        if old is not None and old != value:
            less = name in ("Average Log Loss", "Negative Log Likelihood") or "Error" in name
            less |= name.endswith("to Cluster Center") or name.startswith("Maximal")
            assert cells[2] == ("better" if (value < old) is less else "worse")
        else:
            assert cells[2:] == []


def read(cell: str) -> float | None:
    return None if cell == "none" else float(cell.replace(",", ""))


def test_a_name_cannot_send_control_codes_to_the_terminal(mlmgmt: Command, home: Path) -> None:
    label = "kind\x1b[31m"
    table = [{"length": row["length"], label: row["bought"]} for row in rows("binary")]
    retrain = deploy(mlmgmt, "binary", table, label=label)
    mlmgmt(retrain + f"--data {save('data.csv', table)} --update -Force", ok=True)
    save("bad.csv", [row | {label: "\x1b]0;owned\x07"} for row in table])
    refused = mlmgmt("evaluate -g retail -n shop --data bad.csv -o table")
    assert refused.status == 1
    assert "\x1b" not in refused.err
    assert "\x07" not in refused.err
    assert "kind\\x1b[31m" in refused.err

"""The evaluation page: one self-contained HTML file, without scripts, that fetches nothing."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlmgmt
from mlmgmt.errors import Conflict, Detail
from mlmgmt.verbs import plots, userfiles
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.verbs.evaluation import Evaluation, Scores
    from mlmgmt.verbs.session import Session

_PAGES = Path(mlmgmt.__file__).parent / "pages"
_MOST_IMPORTANT = 20
_MARK = b"<footer><p>mlmgmt "


def page(
    session: Session,
    evaluation: Evaluation,
    *,
    title: str,
    subtitle: str,
    names: tuple[str, str],
    facts: Sequence[Mapping[str, Any]],
    changes: Sequence[Mapping[str, Any]] | None,
    warnings: Sequence[str] = (),
) -> bytes:
    """The page of an evaluation.

    Args:
        names: what the deployed model and the new one are called.
        facts: the manifests of the models shown, the deployed one first where there are two.
        changes: what an update with the new model changes in the definition; None where there is nothing to update.
    """
    import jinja2

    from mlmgmt.modules.curves import curves
    from mlmgmt.modules.evaluation import HEADLINE
    from mlmgmt.modules.importance import importance

    new, old = evaluation.new_scores, evaluation.old_scores
    assert new is not None
    drawn_new, drawn_old = (
        curves(side.truth, side.scores, side.trained.scored) if side is not None else None for side in (new, old)
    )
    shown = plots.plots(drawn_new, drawn_old)
    style = (_PAGES / "evaluation.css").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    confusions = [plots.confusion(drawn_old, names[0]), plots.confusion(drawn_new, names[1])]
    text = environment.get_template("evaluation.html.j2").render(
        title=title,
        subtitle=subtitle,
        style=_Trusted(style),
        style_hash=b64encode(sha256(style.encode()).digest()).decode(),
        rows=evaluation.rows,
        compared=evaluation.old is not None,
        old_name=names[0],
        new_name=names[1],
        metrics=_metrics(evaluation),
        plots=shown,
        legend=any(line["class"] == "old" for plot in shown for line in plot.lines),
        confusions=[one for one in confusions if one is not None],
        importances=_importances(importance(new.trained, new.rows, new.truth)),
        importance_metric=HEADLINE[new.trained.task],
        fact_names=names if evaluation.old is not None else names[1:],
        facts=_facts(facts),
        changes=changes,
        warnings=[*warnings, *_warnings(evaluation)],
        footer=f"mlmgmt {mlmgmt.__version__}, {stamp(session.clock())[:19].replace('T', ' ')} UTC",
    )
    return text.encode()


class _Trusted(str):
    """The page's own style, which is not escaped."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if abs(value) < float("inf") else "none"


def _metrics(evaluation: Evaluation) -> list[dict[str, str]]:
    from mlmgmt.modules.evaluation import more_is_better

    lines = []
    for name, value in evaluation.new.items():
        before = evaluation.old.get(name) if evaluation.old is not None else None
        verdict = ""
        if before is not None and value != before and abs(value - before) < float("inf"):
            verdict = "better" if (value > before) is more_is_better(name) else "worse"
        lines.append({"name": name, "old": _figure(before), "new": _figure(value), "verdict": verdict})
    return lines


def _importances(found: Sequence[tuple[str, float]]) -> list[dict[str, Any]]:
    most = max((value for _, value in found), default=0.0)
    return [
        {"name": name, "value": f"{value:.4g}", "width": round(200 * max(value, 0.0) / most, 1) if most > 0 else 0}
        for name, value in found[:_MOST_IMPORTANT]
    ]


def _facts(manifests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    def row(name: str, read: Any) -> dict[str, Any]:
        return {"name": name, "values": ["" if (value := read(body)) is None else str(value) for body in manifests]}

    return [
        row("Learner", lambda body: body.get("learner")),
        row("Trained on", lambda body: str(body.get("trainedOn") or "")[:19].replace("T", " ")),
        row("Data", lambda body: body.get("data")),
        row("Rows", lambda body: f"{body['rows']:,}" if isinstance(body.get("rows"), int) else None),
        row("Label", lambda body: (body.get("label") or {}).get("name")),
        row("scikit-learn", lambda body: (body.get("versions") or {}).get("scikit-learn")),
    ]


def _warnings(evaluation: Evaluation) -> list[str]:
    found = []
    if evaluation.unable:
        found.append(f"The deployed model could not be evaluated: {evaluation.unable.rstrip('.')}.")
    if evaluation.overlap:
        found.append(
            f"The deployed model was trained on {evaluation.overlap} of these {evaluation.rows} rows; its figures "
            "flatter it."
        )
    return found


def titles(scores: Scores, service: str) -> tuple[str, str]:
    """The title and the line below it."""
    what = f"predicts {scores.trained.label}" if scores.trained.label else "assigns clusters"
    return f"Evaluation of {service}", f"{scores.trained.learner}, {what}"


def require_writable(path: str) -> None:
    """Refuse early what cannot be written. A page that was made before is overwritten; any other file is not.

    Raises:
        Conflict: `FileExists`.
        BadRequest: `AccessDenied`.
    """
    userfiles.require_writable(path)
    if Path(path).is_file() and _MARK not in Path(path).read_bytes():
        message = f"{path} exists, and is no evaluation page."
        raise Conflict(message, target=path, details=[Detail("FileExists", message)], hint="Give another name.")

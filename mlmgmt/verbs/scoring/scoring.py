"""Scoring rows with a deployed web service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.counts import count_of
from mlmgmt.definition.document import decode
from mlmgmt.errors import BadRequest, WrongUsage
from mlmgmt.modules import delimited
from mlmgmt.verbs import named_values, userfiles
from mlmgmt.verbs.runs import models
from mlmgmt.verbs.scoring import remote, request_response
from mlmgmt.verbs.services import addresses
from mlmgmt.verbs.storage.sources import GraphAccess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    from mlmgmt.learning.scorer import Scorer
    from mlmgmt.learning.tables import Cells
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.services.addresses import Address
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source


def score(
    session: Session,
    *,
    rows: Source | None = None,
    parameters: Sequence[str] = (),
    output_file: str | None = None,
    force: bool = False,
    server: str | None = None,
    api_key: str | None = None,
    **address: Unpack[Address],
) -> dict[str, Any] | None:
    """Score the rows of a CSV file, or of a request-response body, with the deployed model.

    Args:
        rows: None for a service without inputs.
        parameters: web service parameters, as `NAME=VALUE`; they take precedence over those in a body.
        output_file: a CSV file for the scores of the first output; then nothing is returned.
        force: overwrite that file.
        server: the origin of a running server that does the scoring; see `remote.score` for its errors.
        api_key: the key to send to the server; default: this home's primary key.

    Returns:
        the request-response answer with details: `Results` by output, each a table with names, types and cells as
        text; and `models`, the digest of each model in use.

    Raises:
        NotFound: the service, or `ModelPackageNotFound`: its model is not available here.
        BadRequest: the rows do not fit the service's input, or a module fails.
        WrongUsage: `MissingMandatoryParameter`: the service has inputs, but no rows are given; or there is a key but no
            server.
    """
    if api_key is not None and server is None:
        message = "-ApiKey needs -Server."
        raise WrongUsage(
            message, detail="MissingMandatoryParameter", target="Server", hint="Without -Server no key is needed."
        )
    current = addresses.existing(session, **address)
    if output_file is not None:
        userfiles.refuse_overwriting(output_file, overwrite=force)
    values = named_values.named_values(parameters)
    if server is None:
        answer = score_revision(session, current, rows, values)
    else:
        answer = _score_at(session, current, rows, values, server, api_key)
    if output_file is None:
        return answer
    table = next(iter(answer["Results"].values()))["value"]
    count = len(table["Values"])
    userfiles.write(output_file, delimited.from_rows([table["ColumnNames"], *table["Values"]]), overwrite=True)
    session.tell(f"Wrote the scores of {count_of(count, 'row')} to {output_file}.")
    return None


def score_revision(
    session: Session, revision: Revision, rows: Source | None, values: Mapping[str, str]
) -> dict[str, Any]:
    """Score rows with one revision; see `score`."""
    scorer = scorer_of(session, revision)
    target = str(revision.document["name"]) if rows is None else rows.name
    if not scorer.plan.outputs():
        raise _no_table(revision, target)
    inputs, parameters = _read_inputs(rows, scorer.plan.needs_inputs(), values)
    session.stage("scoring")
    found, notes = scorer.answer(inputs, parameters)
    for note in notes:
        session.warn(note)
    if not found:
        raise _no_table(revision, target)
    return request_response.results(found) | {"models": revision.model_digests}


def _score_at(
    session: Session,
    revision: Revision,
    rows: Source | None,
    values: Mapping[str, str],
    server: str,
    api_key: str | None,
) -> dict[str, Any]:
    from mlmgmt.learning.plan import GraphPlan

    inputs, parameters = _read_inputs(rows, GraphPlan(revision.document).needs_inputs(), values)
    answer = remote.score(session, revision, inputs, parameters, server=server, api_key=api_key)
    if not answer["Results"]:
        raise _no_table(revision, str(revision.document["name"]) if rows is None else rows.name)
    return answer


def _read_inputs(
    rows: Source | None, needed: list[str], values: Mapping[str, str]
) -> tuple[dict[str, Cells], dict[str, Any]]:
    """Return the cells of each input, and the parameters: those in `values`, then the others in a body."""
    if rows is not None:
        inputs, parameters = read_rows(rows, needed)
        named = {name.casefold() for name in values}
        kept = {name: value for name, value in parameters.items() if name.casefold() not in named}
        return inputs, {**kept, **values}
    if needed:
        message = f"-InputFile is missing or empty. The service needs rows for {', '.join(map(repr, needed))}."
        raise WrongUsage(message, detail="MissingMandatoryParameter", target="InputFile", hint="--input FILE")
    return {}, dict(values)


def _no_table(revision: Revision, rows: str) -> BadRequest:
    message = f"{revision.document['name']!r} cannot score: its outputs are not tables."
    hint = "To run a web service that trains or exports: mlmgmt retrain, or mlmgmt batch submit"
    return BadRequest(message, detail="IncompatibleModel", target=rows, hint=hint)


def scorer_of(session: Session, revision: Revision) -> Scorer:
    """Return a scorer for one revision."""
    from mlmgmt.learning.scorer import Scorer

    labels = {str(body["label"]["name"]) for body in revision.models.values() if "label" in body}
    read = models.reader(session, revision.document, revision.model_digests)
    return Scorer(revision.document, read, outside=GraphAccess(session), labels=labels)


def read_rows(rows: Source, needed: list[str]) -> tuple[dict[str, Cells], dict[str, Any]]:
    """Read the cells of each input, and the global parameters, from a CSV file or a JSON request.

    Raises:
        BadRequest: `InvalidInputNames`, `InputParseError`, and those of `request_response.parse`.
    """
    from mlmgmt.learning import tables

    try:
        data = decode(rows.data, largest=len(rows.data))
    except BadRequest:
        data = rows.data
    if not data.lstrip().startswith(b"{"):
        if len(needed) != 1:
            message = f"The service has {len(needed)} inputs; a CSV file can be used only for one."
            hint = 'Use a request-response body: {"Inputs": {...}}.'
            raise BadRequest(message, detail="InvalidInputNames", target=rows.name, hint=hint)
        return {needed[0]: tables.read_csv(rows.data, rows.name)}, {}
    return request_response.parse(data, needed, rows.name)

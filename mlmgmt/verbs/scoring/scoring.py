"""Scoring rows with a deployed web service."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from mlmgmt.definition.document import decode
from mlmgmt.errors import BadRequest, Detail, WrongUsage
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
    """Score the rows of a CSV file, or of a request-response body, with the model that is deployed.

    Args:
        rows: none for a service that has no inputs.
        parameters: web service parameters, as `NAME=VALUE`; they go before those in a body.
        output_file: a CSV file for the scores of the first output, instead of an answer.
        force: overwrite that file.
        server: the origin of a running server that is asked instead; see `scoring_remote.answer` for its errors.
        api_key: the key shown to the server; this home's own when left out.

    Returns:
        the request-response answer with details: `Results` by output, each a table with names, types and cells as
        text; and `models`, the digest of each model that answered.

    Raises:
        NotFound: the service, or `ModelPackageNotFound`: its model is not available here.
        BadRequest: the rows do not fit the service's input, or a module fails.
        WrongUsage: `MissingMandatoryParameter`: there are no rows, and the service has inputs; or there is a key
            without a server.
    """
    if api_key is not None and server is None:
        message = "-ApiKey is for a server, and -Server is missing."
        details = [Detail("MissingMandatoryParameter", message)]
        raise WrongUsage(message, target="Server", details=details, hint="Without -Server no key is needed.")
    standing = addresses.existing(session, **address)
    if output_file is not None:
        userfiles.refuse_overwriting(output_file, overwrite=force)
    values = named_values.named_values(parameters)
    if server is None:
        answer = score_revision(session, standing, rows, values)
    else:
        answer = _score_at(session, standing, rows, values, server, api_key)
    if output_file is None:
        return answer
    table = next(iter(answer["Results"].values()))["value"]
    userfiles.write(output_file, _csv(table), overwrite=True)
    session.tell(f"{len(table['Values']):,} rows of scores are in {output_file}.")
    return None


def _csv(table: Mapping[str, Any]) -> bytes:
    text = io.StringIO()
    # A bare carriage return ends a line for whoever reads it, unless it is quoted.
    bare = any(isinstance(cell, str) and "\r" in cell for row in table["Values"] for cell in row)
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if bare else csv.QUOTE_MINIMAL)
    writer.writerows([table["ColumnNames"], *table["Values"]])
    return text.getvalue().encode()


def score_revision(
    session: Session, standing: Revision, rows: Source | None, values: Mapping[str, str]
) -> dict[str, Any]:
    """Score rows with one revision; see `score`."""
    scorer = scorer_of(session, standing)
    target = str(standing.document["name"]) if rows is None else rows.name
    if not scorer.plan.outputs():
        raise _no_table(standing, target)
    inputs, parameters = _given(rows, scorer.plan.needs_inputs(), values)
    session.stage("scoring")
    found, notes = scorer.answer(inputs, parameters)
    for note in notes:
        session.tell(f"Warning: {note}")
    if not found:
        raise _no_table(standing, target)
    return request_response.results(found) | {"models": standing.model_digests}


def _score_at(
    session: Session,
    standing: Revision,
    rows: Source | None,
    values: Mapping[str, str],
    server: str,
    api_key: str | None,
) -> dict[str, Any]:
    from mlmgmt.learning.plan import Plan

    inputs, parameters = _given(rows, Plan(standing.document).needs_inputs(), values)
    answer = remote.answer(session, standing, inputs, parameters, server=server, api_key=api_key)
    if not answer["Results"]:
        raise _no_table(standing, str(standing.document["name"]) if rows is None else rows.name)
    return answer


def _given(
    rows: Source | None, needed: list[str], values: Mapping[str, str]
) -> tuple[dict[str, Cells], dict[str, Any]]:
    """The cells of each input, and the parameters: `values`, and those of a body that they do not name."""
    if rows is not None:
        inputs, parameters = read_rows(rows, needed)
        named = {name.casefold() for name in values}
        kept = {name: value for name, value in parameters.items() if name.casefold() not in named}
        return inputs, {**kept, **values}
    if needed:
        message = f"-InputFile is missing, or what is piped is empty; the service reads {', '.join(map(repr, needed))}."
        details = [Detail("MissingMandatoryParameter", message)]
        raise WrongUsage(message, target="InputFile", details=details, hint="Give it rows: --input FILE")
    return {}, dict(values)


def _no_table(standing: Revision, rows: str) -> BadRequest:
    message = f"{standing.document['name']!r} gives no table: its outputs are not rows."
    hint = "A definition that trains or exports is run by: mlmgmt retrain, or mlmgmt batch submit"
    return BadRequest(message, target=rows, details=[Detail("IncompatibleModel", message)], hint=hint)


def scorer_of(session: Session, standing: Revision) -> Scorer:
    """One revision made ready to score."""
    from mlmgmt.learning.scorer import Scorer

    labels = {str(body["label"]["name"]) for body in standing.models.values() if "label" in body}
    read = models.reader(session, standing.document, standing.model_digests)
    return Scorer(standing.document, read, outside=GraphAccess(session), labels=labels)


def read_rows(rows: Source, needed: list[str]) -> tuple[dict[str, Cells], dict[str, Any]]:
    """The cells for each input, and the global parameters, from a CSV file or a JSON request.

    Raises:
        BadRequest: `InvalidInputNames`, `InputParseError`, and those of `request_response.parsed`.
    """
    from mlmgmt.learning import tables

    try:
        data = decode(rows.data, largest=len(rows.data))
    except BadRequest:
        data = rows.data
    if not data.lstrip().startswith(b"{"):
        if len(needed) != 1:
            message = f"The service has {len(needed)} inputs; a CSV file serves exactly one."
            hint = 'Give a request-response body: {"Inputs": {...}}.'
            raise BadRequest(message, target=rows.name, details=[Detail("InvalidInputNames", message)], hint=hint)
        return {needed[0]: tables.read_csv(rows.data, rows.name)}, {}
    return request_response.parsed(data, needed, rows.name)

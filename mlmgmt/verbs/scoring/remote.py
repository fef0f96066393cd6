"""Scoring over HTTP: the same rows, asked of a running server of this home."""

from __future__ import annotations

import http.client
import re
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

import orjson

from mlmgmt.errors import (
    AuthorizationFailed,
    BadRequest,
    Busy,
    Conflict,
    Detail,
    HomeError,
    MethodNotAllowed,
    MlmgmtError,
    NotFound,
    TooLarge,
    Unauthorized,
    WrongUsage,
)
from mlmgmt.verbs.services import lookup

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlmgmt.ids import ServiceId
    from mlmgmt.learning.tables import Cells
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8777
"""Where `mlmgmt serve` listens unless it is told otherwise."""
DEFAULT_ORIGIN = f"http://{DEFAULT_HOST}:{DEFAULT_PORT}"
EXECUTE = "/execute?api-version=2.0&details=true"
"""What stands behind a web service's address in a request for scores."""
_DONE = (200, 201, 202, 204)
_PATIENCE = 300.0
"""Seconds to wait for the next bytes of an answer."""
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.IGNORECASE)
_MODEL = re.compile(r"(.+?)=([0-9a-f]{64})(?:, |$)")
_CLASSES = {
    kind.http_status: kind
    for kind in (
        BadRequest,
        Unauthorized,
        AuthorizationFailed,
        NotFound,
        MethodNotAllowed,
        Conflict,
        TooLarge,
        Busy,
    )
}


class Answer(NamedTuple):
    """What a server answered: the status, two headers of this program's own, and the body."""

    status: int
    models: str
    warnings: str
    body: bytes

    @property
    def value(self) -> Any:
        """The body's JSON; None where it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


def origin_of(text: str | None) -> str:
    """A server's origin, such as `http://127.0.0.1:8777`, as `-Server` gives it; the usual one when it is None.

    Raises:
        WrongUsage: `BadParameterValue`: it has no scheme, or more than a host and a port.
    """
    given = (text or DEFAULT_ORIGIN).strip().removesuffix("/")
    try:
        # A port beyond 65535 is refused only when it is looked at.
        usable = _ORIGIN.fullmatch(given) is not None and urlsplit(given).port != 0
    except ValueError:
        usable = False
    if not usable:
        message = f"{given[:80]!r} is not the address of a server."
        details = [Detail("BadParameterValue", message, "Server")]
        raise WrongUsage(message, target="Server", details=details, hint=f"It looks like {DEFAULT_ORIGIN}")
    return given


def address(resource: ServiceId, origin: str) -> str:
    """The address of the scoring API at a server, such as `{origin}/subscriptions/{32 hex}/services/{guid}`."""
    return origin + quote(resource.scoring_path)


def authority(session: Session) -> Path:
    """The certificate of the home's own authority, which stands once `mlmgmt serve -Tls` ran."""
    return session.store.home.trust / "tls" / "ca.pem"


def answer(
    session: Session,
    standing: Revision,
    inputs: Mapping[str, Cells],
    parameters: Mapping[str, Any],
    *,
    server: str,
    api_key: str | None = None,
) -> dict[str, Any]:
    """What a server answers to rows.

    Args:
        inputs: the cells of each input, in the order of its columns.
        server: the origin; see `origin_of`.
        api_key: a key of the web service; this home's primary key when None.

    Returns:
        `Results` by output, each a table with names, types and cells as text; and `models`, as its header says.

    Raises:
        MlmgmtError: the server's own refusal: its codes, message, details and hint.
        NotFound: `ServerNotReachable`; or `KeysNotFound`.
        BadRequest: `ServerNotTrusted`, `ServerAnswerNotUnderstood`.
        HomeError: `ServerAnswerNotUnderstood` with a status that names no refusal.
        AuthorizationFailed: the caller is a Reader, who has no keys.
    """
    origin = origin_of(server)
    key = api_key or _key(session, standing)
    tables = {name: {"ColumnNames": list(cells.columns), "Values": cells.rows} for name, cells in inputs.items()}
    body = orjson.dumps({"Inputs": tables, "GlobalParameters": dict(parameters)})
    session.stage("scoring")
    found = ask(session, origin, address(standing.resource, "") + EXECUTE, key, body)
    value = found.value
    if not isinstance(value, dict) or not isinstance(value.get("Results"), dict):
        raise not_understood(origin)
    if found.warnings:
        session.tell(f"Warning: {found.warnings}")
    return {"Results": value["Results"], "models": dict(_MODEL.findall(found.models))}


def _key(session: Session, standing: Revision) -> str:
    return lookup.keys_of(session, standing)["Primary"]


def ask(session: Session, origin: str, path: str, key: str, body: bytes = b"", *, method: str = "POST") -> Answer:
    """One request to the scoring API of a server.

    Args:
        path: with its query.

    Raises:
        MlmgmtError: the server's own refusal, and what else `answer` raises.
    """
    # Whoever asks without TLS needs no home to know an authority from.
    ca = authority(session) if urlsplit(origin).scheme.casefold() == "https" else None
    found = _asked(origin, path, key, body, ca, method)
    if found.status not in _DONE:
        raise _refused(found.status, found.value, origin)
    return found


def _asked(origin: str, path: str, key: str, body: bytes, ca: Path | None, method: str) -> Answer:
    try:
        token = key.encode("ascii").decode()
    except UnicodeEncodeError:
        message = "An API key is made of plain letters, digits and signs."
        details = [Detail("ScoreRequestUnauthorized", message)]
        raise Unauthorized(message, target="ApiKey", details=details) from None
    connection = _connection(origin, ca)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Connection": "close"}
    try:
        connection.connect()
        # A server may refuse before it has read all, and its answer says why.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body, headers)
        response = connection.getresponse()
        told = response.headers
        return Answer(
            response.status, told.get("x-mlmgmt-models", ""), told.get("x-mlmgmt-warnings", ""), response.read()
        )
    except ssl.SSLError as error:
        raise _not_trusted(origin, ca, error) from None
    except http.client.HTTPException:
        raise not_understood(origin) from None
    except OSError as error:
        raise _not_reachable(origin, error) from None
    except ValueError:
        message = "An API key has no blanks or line ends in it."
        details = [Detail("ScoreRequestUnauthorized", message)]
        raise Unauthorized(message, target="ApiKey", details=details) from None
    finally:
        connection.close()


def _connection(origin: str, ca: Path | None) -> http.client.HTTPConnection:
    parts = urlsplit(origin)
    host = parts.hostname or ""
    if ca is None:
        return http.client.HTTPConnection(host, parts.port, timeout=_PATIENCE)
    context = ssl.create_default_context()
    if ca.is_file():
        try:
            context.load_verify_locations(ca)
        except ssl.SSLError as error:
            raise _not_trusted(origin, ca, error) from None
    return http.client.HTTPSConnection(host, parts.port, timeout=_PATIENCE, context=context)


def _refused(status: int, value: Any, origin: str) -> MlmgmtError:
    """A server's refusal as the error it was there."""
    body = value.get("error") if isinstance(value, dict) else None
    if not isinstance(body, dict) or not isinstance(body.get("message"), str):
        return not_understood(origin, status)
    kind = _CLASSES.get(status, HomeError)
    details = [
        Detail(str(detail.get("code", "")), str(detail.get("message", "")), detail.get("target"))
        for detail in body.get("details") or ()
        if isinstance(detail, dict)
    ]
    code = str(body.get("code") or kind.code)
    return kind(body["message"], target=body.get("target"), details=details, hint=body.get("hint"), code=code)


def _not_reachable(origin: str, error: OSError) -> NotFound:
    why = "it took too long" if isinstance(error, TimeoutError) else error.strerror or str(error)
    message = f"No server answers at {origin}: {why}."
    hint = "Start one with: mlmgmt serve; it says at which address it listens."
    return NotFound(message, target="Server", details=[Detail("ServerNotReachable", message)], hint=hint)


def _not_trusted(origin: str, ca: Path | None, error: ssl.SSLError) -> BadRequest:
    why = getattr(error, "verify_message", "") or error.reason or str(error)
    message = f"There is no trusted connection to {origin}: {why}."
    hint = f"The authority that is trusted for this home: {ca}; a server without -Tls is asked by http."
    return BadRequest(message, target="Server", details=[Detail("ServerNotTrusted", message)], hint=hint)


def not_understood(origin: str, status: int | None = None) -> BadRequest | HomeError:
    """The refusal of an answer that no server of web services gives."""
    said = f" (status {status})" if status is not None else ""
    message = f"What answers at {origin} is no server of web services{said}."
    details = [Detail("ServerAnswerNotUnderstood", message)]
    kind = BadRequest if status is None or status < 500 else HomeError
    return kind(message, target="Server", details=details, hint="See where yours listens: mlmgmt serve says it.")

"""Scoring over HTTP: send requests to a running server, and turn its answers into results or errors."""

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
"""Where `mlmgmt serve` listens by default."""
DEFAULT_ORIGIN = f"http://{DEFAULT_HOST}:{DEFAULT_PORT}"
EXECUTE = "/execute?api-version=2.0&details=true"
"""Path and query of a scoring request, after the web service's address."""
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
    """A server's answer: the status, the two headers that only mlmgmt sends, and the body."""

    status: int
    models: str
    warnings: str
    body: bytes

    @property
    def value(self) -> Any:
        """The body's JSON; None if it is not JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


def origin_of(text: str | None) -> str:
    """Return the server's origin that `-Server` gives, such as `http://127.0.0.1:8777`; by default `DEFAULT_ORIGIN`.

    Raises:
        WrongUsage: `BadParameterValue`: it has no scheme, or more than a scheme, host and port.
    """
    given = (text or DEFAULT_ORIGIN).strip().removesuffix("/")
    try:
        # urlsplit refuses a port above 65535 only when the port is read.
        usable = _ORIGIN.fullmatch(given) is not None and urlsplit(given).port != 0
    except ValueError:
        usable = False
    if not usable:
        message = f"{given[:80]!r} is not the address of a server."
        raise WrongUsage(message, detail="BadParameterValue", at="Server", hint=f"It looks like {DEFAULT_ORIGIN}")
    return given


def address(resource: ServiceId, origin: str) -> str:
    """Return the address of a web service at a server: `{origin}/subscriptions/{32 hex}/services/{guid}`."""
    return origin + quote(resource.scoring_path)


def authority(session: Session) -> Path:
    """Return the path of the home's CA certificate, which `mlmgmt serve -Tls` makes on its first start."""
    return session.store.home.trust / "tls" / "ca.pem"


def score(
    session: Session,
    revision: Revision,
    inputs: Mapping[str, Cells],
    parameters: Mapping[str, Any],
    *,
    server: str,
    api_key: str | None = None,
) -> dict[str, Any]:
    """Score rows at a server.

    Args:
        inputs: the cells of each input, in the order of its columns.
        server: the origin; see `origin_of`.
        api_key: a key of the web service; this home's primary key when None.

    Returns:
        `Results` by output, each a table with names, types and cells as text; and `models`, the digests of the models.

    Raises:
        MlmgmtError: the server's own error, with its codes, message, details and hint.
        NotFound: `ServerNotReachable`; or `KeysNotFound`.
        BadRequest: `ServerNotTrusted`, `ServerAnswerNotUnderstood`.
        HomeError: `ServerAnswerNotUnderstood` with a status of 500 or more.
        AuthorizationFailed: the caller is a Reader, who has no keys.
    """
    origin = origin_of(server)
    key = api_key or _key(session, revision)
    tables = {name: {"ColumnNames": list(cells.columns), "Values": cells.rows} for name, cells in inputs.items()}
    body = orjson.dumps({"Inputs": tables, "GlobalParameters": dict(parameters)})
    session.stage("scoring")
    found = ask(session, origin, address(revision.resource, "") + EXECUTE, key, body)
    value = found.value
    if not isinstance(value, dict) or not isinstance(value.get("Results"), dict):
        raise not_understood(origin)
    if found.warnings:
        session.warn(found.warnings)
    return {"Results": value["Results"], "models": dict(_MODEL.findall(found.models))}


def _key(session: Session, revision: Revision) -> str:
    return lookup.keys_of(session, revision)["Primary"]


def ask(session: Session, origin: str, path: str, key: str, body: bytes = b"", *, method: str = "POST") -> Answer:
    """Send one request to the scoring API of a server.

    Args:
        path: the path with its query.

    Raises:
        MlmgmtError: the server's own error, and those of `score`.
    """
    # Without TLS no CA certificate is needed, and then no home either.
    ca = authority(session) if urlsplit(origin).scheme.casefold() == "https" else None
    found = _send(origin, path, key, body, ca, method)
    if found.status not in _DONE:
        raise _error_of(found.status, found.value, origin)
    return found


def _send(origin: str, path: str, key: str, body: bytes, ca: Path | None, method: str) -> Answer:
    try:
        token = key.encode("ascii").decode()
    except UnicodeEncodeError:
        message = "-ApiKey contains characters that an API key cannot have."
        raise Unauthorized(message, detail="ScoreRequestUnauthorized", target="ApiKey") from None
    connection = _connection(origin, ca)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Connection": "close"}
    try:
        connection.connect()
        # A server may refuse and close before it has read the whole body; its answer says why.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body, headers)
        response = connection.getresponse()
        received = response.headers
        return Answer(
            response.status, received.get("x-mlmgmt-models", ""), received.get("x-mlmgmt-warnings", ""), response.read()
        )
    except ssl.SSLError as error:
        raise _not_trusted(origin, ca, error) from None
    except http.client.HTTPException:
        raise not_understood(origin) from None
    except OSError as error:
        raise _not_reachable(origin, error) from None
    except ValueError:
        message = "-ApiKey must not contain line breaks."
        raise Unauthorized(message, detail="ScoreRequestUnauthorized", target="ApiKey") from None
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


def _error_of(status: int, value: Any, origin: str) -> MlmgmtError:
    """Return the error that the server raised."""
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
    hint = "Start one: mlmgmt serve. It prints the address at which it listens."
    return NotFound(f"No server answers at {origin}: {why}.", detail="ServerNotReachable", target="Server", hint=hint)


def _not_trusted(origin: str, ca: Path | None, error: ssl.SSLError) -> BadRequest:
    why = getattr(error, "verify_message", "") or error.reason or str(error)
    message = f"The certificate of {origin} is not trusted: {why}."
    hint = f"This home trusts the CA certificate {ca}. If the server runs without -Tls, use http instead of https."
    return BadRequest(message, detail="ServerNotTrusted", target="Server", hint=hint)


def not_understood(origin: str, status: int | None = None) -> BadRequest | HomeError:
    """Return the error for an answer that a mlmgmt server does not give."""
    said = f" (status {status})" if status is not None else ""
    message = f"{origin} did not answer like a mlmgmt server{said}."
    details = [Detail("ServerAnswerNotUnderstood", message)]
    kind = BadRequest if status is None or status < 500 else HomeError
    return kind(message, target="Server", details=details, hint="Check the address: mlmgmt serve prints it.")

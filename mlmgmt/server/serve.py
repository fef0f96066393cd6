"""`mlmgmt serve`: serve the home over HTTP on this machine."""

from __future__ import annotations

import os
import signal
import socket
import ssl
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, HomeError, WrongUsage
from mlmgmt.protocol.operations import OPERATIONS
from mlmgmt.server.http.settings import Settings
from mlmgmt.verbs.scoring.remote import DEFAULT_HOST, DEFAULT_PORT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlmgmt.verbs.session import Session

_BACKLOG = 2048
_KEEP_ALIVE = 30
_GRACEFUL = 10


class WorkerFactory:
    """Make the application and the TLS context of a worker, in the worker's process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context: ssl.SSLContext | None = None

    def __call__(self) -> Any:
        from mlmgmt.server.worker import Worker

        return Worker(self._settings, self._context if self._settings.own_authority else None)

    def context(self, _: Any, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """Return the context that uvicorn makes, and keep it so that its certificate can be renewed."""
        self._context = default()
        return self._context


def serve(
    session: Session,
    *,
    port: int | None = None,
    host: str | None = None,
    workers: int | None = None,
    tls: bool = False,
    certificate: str | None = None,
    key: str | None = None,
    names: Sequence[str] = (),
    cors: Sequence[str] = (),
    access_log: str | None = None,
) -> None:
    """Serve the home until interrupted.

    Args:
        port: 8777 by default; 0 takes a free one.
        host: the address to listen on; 127.0.0.1 by default. Other than loopback addresses need a certificate.
        workers: processes that share the port.
        tls: https with a certificate from the home's local authority.
        certificate, key: https with these PEM files.
        names: other host names under which clients may reach the server.
        cors: origins of web pages that may score.
        access_log: a file; `none` for no log; standard error by default.

    Raises:
        HomeError: the home is not trusted. WrongUsage: the options do not go together. BadRequest: `AddressInUse`.
    """
    session.store.require_writable()
    settings = Settings(
        home=str(session.store.home.root.absolute()),
        host=host or DEFAULT_HOST,
        port=DEFAULT_PORT if port is None else port,
        workers=1 if workers is None else workers,
        certificate=certificate,
        key=key,
        own_authority=tls,
        names=tuple(names),
        cors=tuple(cors),
        access_log=None if access_log == "none" else str(Path(access_log).absolute()) if access_log else "-",
    )
    _check(settings)
    authority = None
    if tls:
        from mlmgmt.server.http.authority import Authority

        paths = Authority(session.store.home.trust, session.clock).ensure()
        authority = str(paths.ca)
        settings = replace(settings, certificate=str(paths.certificate), key=str(paths.key))
    listener = _listener(settings)
    settings = replace(settings, port=listener.getsockname()[1])
    _announce(session, settings, authority)
    with listener:
        _run(settings, listener)


def _check(settings: Settings) -> None:
    own_files = settings.certificate is not None or settings.key is not None
    if settings.own_authority and own_files:
        raise WrongUsage("-Tls makes a certificate, so it cannot be used with -Certificate and -Key.", target="Tls")
    if own_files:
        if settings.certificate is None or settings.key is None:
            raise WrongUsage("-Certificate and -Key must be given together.", target="Certificate")
        for path in (settings.certificate, settings.key):
            if not os.access(path, os.R_OK):
                raise WrongUsage(f"The file {path} cannot be read.", target=path)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.certificate, settings.key)
        except (ssl.SSLError, OSError, ValueError) as error:
            message = f"The certificate and the key cannot be used: {getattr(error, 'reason', None) or error}."
            raise WrongUsage(
                message, target="Certificate", hint="Give PEM files of a certificate and its private key."
            ) from None
    if not _is_loopback(settings.host) and not own_files:
        message = f"{settings.host!r} can be reached from other machines, so it requires TLS."
        raise WrongUsage(
            message, detail="NotLoopback", target="ListenHost", hint="Give -Certificate FILE and -Key FILE."
        )
    if not 0 <= settings.port < 65536:
        raise WrongUsage(f"Port {settings.port} is out of range (0 to 65535).", target="Port")
    if not 1 <= settings.workers <= 64:
        raise WrongUsage(f"The number of workers must be 1 to 64, not {settings.workers}.", target="Workers")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _listener(settings: Settings) -> socket.socket:
    """Return the socket that all workers share.

    It names its protocol. Without that, accepted connections wait 40 ms for the second packet of each answer.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        message = f"Cannot listen on {settings.host}:{settings.port}: {error.strerror or error}."
        hint = "Choose another port with -Port; -Port 0 takes a free one."
        raise BadRequest(message, detail="AddressInUse", target="Port", hint=hint) from None
    listener.set_inheritable(True)
    return listener


def _announce(session: Session, settings: Settings, authority: str | None) -> None:
    """Print the addresses of the server, and which token or key each needs."""
    kinds = {"web services": "WebServices", "commitment plans": "CommitmentPlans", "resource groups": "ResourceGroups"}
    session.tell(f"mlmgmt serves {settings.home} at {settings.origin}")
    counts = ", ".join(
        f"{kind} {sum(operation.name.startswith(prefix) for operation in OPERATIONS)}" for kind, prefix in kinds.items()
    )
    session.tell(f"  Management  {settings.origin}/subscriptions/{session.store.home.subscription}")
    session.tell(f"              operations: {counts}, ...")
    session.tell("              api-versions 2017-01-01 and 2016-05-01-preview; a bearer token: mlmgmt token")
    classic = f"{settings.origin}/workspaces/{session.store.home.workspace}"
    session.tell(f"  Classic     {classic}/webservices, .../endpoints")
    session.tell(f"              {settings.origin}/api/workspaces/{session.store.home.workspace}/experiments")
    session.tell("              the workspace's token, or an endpoint's key for itself: mlmgmt workspace-config")
    session.tell(f"  Scoring     {settings.origin}/subscriptions/.../services/.../execute, jobs, swagger.json")
    session.tell("              a service's address: mlmgmt sample-code -g GROUP -n NAME; its keys: mlmgmt keys")
    session.tell(f"              {classic}/services/.../execute, jobs, swagger.json")
    session.tell("              an endpoint's address and keys: mlmgmt endpoints SERVICE NAME")
    session.tell(f"  Blobs       {settings.origin}/ACCOUNT/CONTAINER/BLOB  (a signature: mlmgmt sas)")
    session.tell(f"  OpenAPI     {settings.origin}/openapi.json; health: {settings.origin}/healthz")
    if authority is not None:
        session.tell(f"  Authority   {authority}")
        session.tell(f"              export NODE_EXTRA_CA_CERTS={authority} REQUESTS_CA_BUNDLE={authority}")
    session.tell("Ctrl-C stops the server.")


def _run(settings: Settings, listener: socket.socket) -> None:
    import uvicorn

    if settings.workers > 1:
        settings = replace(settings, parent=os.getpid())
    factory = WorkerFactory(settings)
    config = uvicorn.Config(
        factory,
        factory=True,
        host=settings.host,
        port=settings.port,
        http="mlmgmt.server.http.connections:Connection",
        loop="uvloop",
        ws="none",
        lifespan="on",
        workers=settings.workers,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
        ssl_context_factory=None if settings.certificate is None else factory.context,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACEFUL,
    )
    # uvicorn stops gracefully and then raises the signal again; by then nothing is left to do.
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        if settings.workers > 1:
            from uvicorn.supervisors import Multiprocess

            # Imported here too, so that a failing import is reported once, and not by worker after worker.
            import mlmgmt.server.worker  # noqa: F401

            Multiprocess(config, sockets=[listener]).run()
            return
        server = uvicorn.Server(config)
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return
    if not server.started:
        raise HomeError("The server could not start.", hint="See its messages above.")

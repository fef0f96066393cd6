"""One worker process: the application and what it does once a second, under uvicorn."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from starlette.routing import Router

from mlmgmt.server.app import App
from mlmgmt.server.http import connections, request_ids
from mlmgmt.server.http.log import report
from mlmgmt.server.scoring.scoring import MODEL_HEADER
from mlmgmt.verbs.session import Session

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Receive, Scope, Send

    from mlmgmt.server.http.settings import Settings

_TICK = 1.0
_RENEWAL = 3600.0


class Worker:
    """The ASGI application of a worker process, created in that process.

    Args:
        tls: the context whose certificate is renewed while the server runs.
    """

    def __init__(self, settings: Settings, tls: ssl.SSLContext | None = None) -> None:
        self._settings, self._tls = settings, tls
        self._session = Session(environ=dict(os.environ), home_option=settings.home)
        self._app = App(settings, self._session)
        self._reported = False
        self._http: ASGIApp = self._app
        if settings.cors:
            from starlette.middleware.cors import CORSMiddleware

            self._http = CORSMiddleware(
                self._app,
                allow_origins=settings.cors,
                allow_methods=("GET", "POST", "DELETE"),
                allow_headers=("authorization", "content-type"),
                expose_headers=("x-ms-request-id", MODEL_HEADER, request_ids.WARNINGS_HEADER),
            )
        self._lifespan = Router(lifespan=self._run_lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or start and stop with the process."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)

    @asynccontextmanager
    async def _run_lifespan(self, _: Any) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run_clock())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self._app.close()

    async def _run_clock(self) -> None:
        """Once a second: drop slow connections, write logs and counts; once an hour: renew the certificate."""
        renewed = asyncio.get_running_loop().time()
        metering: asyncio.Task[None] | None = None
        while True:
            await asyncio.sleep(_TICK)
            connections.close_slow()
            self._app.log.flush()
            # Not awaited: it may wait for a lock, and slow connections must be dropped meanwhile.
            if metering is None or metering.done():
                metering = asyncio.create_task(self._flush_meter())
            if self._settings.parent is not None and os.getppid() != self._settings.parent:
                # The process that supervised this worker was killed, and nothing else would end the worker.
                os.kill(os.getpid(), signal.SIGTERM)
            if self._tls is not None and asyncio.get_running_loop().time() - renewed > _RENEWAL:
                renewed = asyncio.get_running_loop().time()
                await self._renew_certificate(self._tls)

    async def _flush_meter(self) -> None:
        try:
            await asyncio.to_thread(self._app.scoring.meter.flush)
        except Exception as error:
            # A damaged file of the home must not stop the clock, nor the next attempt.
            if not self._reported:
                self._reported = True
                report(error, "none")

    async def _renew_certificate(self, context: ssl.SSLContext) -> None:
        from mlmgmt.errors import MlmgmtError
        from mlmgmt.server.http.authority import Authority

        authority = Authority(self._session.store.home.trust, self._session.clock)
        with suppress(OSError, MlmgmtError):
            await asyncio.to_thread(authority.ensure)
            # Not in the thread: a context must not change while handshakes use it.
            authority.renew(context)

"""The smallest Starlette app on uvicorn. Run as: python hello.py PORT LOOP PROTOCOL"""

from __future__ import annotations

import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def hello(_: object) -> PlainTextResponse:
    return PlainTextResponse("hello")


if __name__ == "__main__":
    port, loop, protocol = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    app = Starlette(routes=[Route("/", hello, methods=["GET", "POST"])])
    config = uvicorn.Config(app, loop=loop, http="httptools", access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[listener])

"""The servers that `mlmgmt serve` is compared with: MLflow in a separate environment, and a hello server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import sklearn

from .loading import SERVER_CORE, pinned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HERE = Path(__file__).parent
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true"}
_STARTS_WITHIN, _STOPS_WITHIN = 90.0, 20.0


def mlflow(folder: Path) -> Path:
    """Return the Python of an environment with MLflow and this scikit-learn. It is made once and kept in `folder`."""
    python, ready = folder / "bin" / "python", folder / f"scikit-learn-{sklearn.__version__}"
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        for words in (
            [sys.executable, "-m", "venv", str(folder)],
            [str(python), "-m", "pip", "install", "-q", "mlflow", f"scikit-learn=={sklearn.__version__}"],
        ):
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                pytest.skip(f"MLflow cannot be installed: {(done.stderr.splitlines() or ['?'])[-1]}")
        ready.touch()
    return python


def saved(python: Path, learner: str, data: Path, model: Path) -> None:
    """Save the pipeline of a learner, fitted to a CSV file, as an MLflow model."""
    subprocess.run(
        [str(python), str(_HERE / "mlflow_model.py"), learner, str(data), str(model)], check=True, capture_output=True
    )


@contextmanager
def serving_mlflow(python: Path, model: Path) -> Iterator[str]:
    """Run `mlflow models serve` with one worker, and yield its scoring address."""
    port = _free_port()
    words = [str(python), "-m", "mlflow", "models", "serve", "-m", str(model), "-p", str(port), "-w", "1"]
    # MLflow starts uvicorn by its name, so it must be on the path.
    found = {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    words += ["-h", "127.0.0.1", "--env-manager", "local"]
    with _running(words, f"http://127.0.0.1:{port}/ping", **_QUIET, **found):
        yield f"http://127.0.0.1:{port}/invocations"


@contextmanager
def serving_hello(loop: str = "uvloop", protocol: int = socket.IPPROTO_TCP) -> Iterator[str]:
    """Run the hello server, and yield its address.

    Args:
        protocol: the protocol number of the listening socket; 0 leaves it open.
    """
    port = _free_port()
    words = [sys.executable, str(_HERE / "hello.py"), str(port), loop, str(protocol)]
    with _running(words, f"http://127.0.0.1:{port}/"):
        yield f"http://127.0.0.1:{port}/"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(words: list[str], alive: str, **more: str) -> Iterator[None]:
    environ = {**os.environ, **more}
    with pinned(SERVER_CORE):
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ)
    try:
        _wait_for(alive, process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _STARTS_WITHIN
    while True:
        try:
            httpx.get(url, trust_env=False).raise_for_status()
            return
        except httpx.HTTPError:
            assert process.poll() is None, f"the server ended: {process.args!r}"
            assert time.monotonic() < until, f"the server does not answer: {process.args!r}"
            time.sleep(0.1)


def invocation(columns: tuple[str, ...], rows: list[list[Any]]) -> Mapping[str, Any]:
    """Return the body of a request to MLflow."""
    return {"dataframe_split": {"columns": list(columns), "data": rows}}

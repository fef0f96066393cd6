"""Python processes that start in a moment, forked from one that has imported the program and scikit-learn.

Servers and the workers of batch jobs are started in this way, often enough that their imports would be a third of the
suite's time. They are processes like any other, with their own pid, working folder, environment and streams. What
Python does when it starts, and what a command imports, is tested with real starts.
"""

from __future__ import annotations

import errno
import fcntl
import importlib
import json
import os
import pkgutil
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import types
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mlmgmt.verbs.batch import workers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLACE = "MLMGMT_TESTS_PRELOADED"
"""The environment variable that tells descendants of a test where the process listens."""
_LONGEST = 1 << 18
_stack = ExitStack()
_LIBRARIES = ("sklearn.ensemble", "sklearn.linear_model", "sklearn.pipeline", "uvicorn", "uvloop", "httptools")


class Process:
    """A process that was forked; what tests use of `subprocess.Popen` is the same here."""

    def __init__(
        self,
        words: Sequence[str],
        *,
        stdin: int | IO[Any] = subprocess.DEVNULL,
        stdout: int | IO[Any] = subprocess.DEVNULL,
        stderr: int | IO[Any] = subprocess.DEVNULL,
        pass_fds: Sequence[int] = (),
        start_new_session: bool = False,
        env: Mapping[str, str] | None = None,
        cwd: str | Path = ".",
    ) -> None:
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if not os.path.exists(words[0]):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), words[0])
        place = start()
        request = {
            "words": list(words[1:]),
            "environ": {**(os.environ if env is None else env), PLACE: place},
            "folder": os.path.abspath(cwd),
            "session": start_new_session,
            "kept": list(pass_fds),
        }
        self.args = words
        self.returncode: int | None = None
        self.stderr: IO[str] | None = None
        null = os.open(os.devnull, os.O_RDWR)
        opened, streams = [null], []
        for own, stream in enumerate((stdin, stdout, stderr)):
            if stream == subprocess.DEVNULL:
                streams.append(null)
            elif stream == subprocess.PIPE:
                assert own == 2, "tests read only standard error"
                reading, writing = os.pipe()
                self.stderr = os.fdopen(reading)
                streams.append(writing)
                opened.append(writing)
            else:
                streams.append(stream if isinstance(stream, int) else stream.fileno())
        self._line.connect(place)
        socket.send_fds(self._line, [json.dumps(request).encode()], [*streams, *pass_fds])
        for number in opened:
            os.close(number)
        told = self._line.recv(_LONGEST)
        assert told, "the process that forks others has ended"
        self.pid = int(told)

    def __del__(self) -> None:
        self._line.close()

    def poll(self) -> int | None:
        """Return the status with which the process ended, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process ends, and return its status."""
        if self.returncode is None:
            self._line.settimeout(timeout)
            try:
                told = self._line.recv(_LONGEST)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            assert told, "the process that forks others has ended"
            self.returncode = os.waitstatus_to_exitcode(int(told))
            self._line.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start() -> str:
    """Start the process from which others are forked, once in a test process; returns where it listens."""
    if PLACE not in os.environ:
        folder = tempfile.mkdtemp(prefix="preloaded")
        os.environ[PLACE] = os.path.join(folder, "socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(os.environ[PLACE])
            listener.listen(50)
            words = [sys.executable, "-P", "-m", "tests.preloaded", str(listener.fileno())]
            environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
            # It ends when its standard input does, so with this process at the latest.
            process = subprocess.Popen(words, pass_fds=[listener.fileno()], stdin=subprocess.PIPE, env=environ)
        _stack.enter_context(process)
        _stack.callback(shutil.rmtree, folder)
        _stack.callback(os.environ.pop, PLACE)
        _stack.callback(process.terminate)
    return os.environ[PLACE]


def stop() -> None:
    """End the process from which others are forked."""
    _stack.close()


def patch() -> None:
    """Have this process start the workers of batch jobs in this way."""
    workers.subprocess = types.SimpleNamespace(Popen=Process, DEVNULL=subprocess.DEVNULL)  # type: ignore[assignment]


def main() -> None:
    """Import everything, and fork a process for each request until the process that started this one has ended."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    for name in (*_LIBRARIES, *_modules()):
        importlib.import_module(name)
    patch()
    lines: dict[int, socket.socket] = {}

    def tell(*_: Any) -> None:
        """Report the status of each process that has ended to the process that asked for it."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                if (line := lines.pop(ended[0], None)) is not None:
                    with line, suppress(BrokenPipeError):
                        line.send(str(ended[1]).encode())

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, tell)
    while sys.stdin.fileno() not in select.select([listener, sys.stdin], [], [])[0]:
        line, _ = listener.accept()
        message, handles, *_ = socket.recv_fds(line, _LONGEST, 20)
        if not message:
            # The process that asked has been killed.
            line.close()
            continue
        # A process may end immediately, before it is known here.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if pid == 0:
            listener.close()
            for other in (line, *lines.values()):
                other.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
            _become(json.loads(message), handles)
            return
        for handle in handles:
            os.close(handle)
        lines[pid] = line
        with suppress(BrokenPipeError):
            line.send(str(pid).encode())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


def _modules() -> list[str]:
    import mlmgmt

    found = pkgutil.walk_packages(mlmgmt.__path__, "mlmgmt.")
    return [module.name for module in found if not module.name.endswith("__main__")]


def _become(request: dict[str, Any], handles: list[int]) -> None:
    """Be the process that a request describes, and run its program to the end."""
    if request["session"]:
        os.setsid()
    # Duplicate them above 200 first: a target number may still be in use by another handle.
    moved = [fcntl.fcntl(handle, fcntl.F_DUPFD, 200) for handle in handles]
    for handle in handles:
        os.close(handle)
    for number, own in zip(moved, (0, 1, 2, *request["kept"]), strict=True):
        os.dup2(number, own)
        os.close(number)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.stdin = sys.__stdin__ = os.fdopen(0, closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", 1, closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, closefd=False)
    words = request["words"]
    if words[0] == "-P":
        del words[0]
    else:
        sys.path.insert(0, os.getcwd())
    kind, program, *sys.argv[1:] = words
    if kind == "-m":
        runpy.run_module(program, run_name="__main__", alter_sys=True)
        return
    assert kind == "-c", words
    sys.argv[0] = "-c"
    names = sys.modules["__main__"] = types.ModuleType("__main__")
    exec(compile(program, "<string>", "exec"), names.__dict__)


if __name__ == "__main__":
    main()

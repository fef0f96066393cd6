"""Run Execute Python Script in a separate process, with limits on time and memory."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, TYPE_CHECKING

import mlmgmt
from mlmgmt.learning import table_archive
from mlmgmt.modules.base import Dataset, ModuleFailure, ScriptResult

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS = 600.0
MEMORY = 4 * 1024**3
_LONGEST_CONSOLE = 1024 * 1024
_LARGEST_BUNDLE = 256 * 1024**2
_LONGEST_MESSAGE = 2000


def run(
    source: str,
    tables: Sequence[Dataset],
    bundle: bytes | None = None,
    *,
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> ScriptResult:
    """Call a script's `azureml_main` with the tables, in their order.

    Args:
        bundle: a zip file, unpacked to `Script Bundle` next to the script.
        seconds: the limit of elapsed time, and of processor time.
        memory: the limit of the address space, in bytes.

    Raises:
        ModuleFailure: the script fails, reaches a limit, or returns no table; its last output is in the hint.
    """
    # The console is an unnamed file, so that the script cannot replace it.
    with (
        TemporaryDirectory(prefix="mlmgmt-script-", ignore_cleanup_errors=True) as name,
        TemporaryFile() as console,
    ):
        folder = Path(name)
        (folder / "source.py").write_bytes(source.encode("utf-8", "replace"))
        for place, dataset in enumerate(tables, start=1):
            (folder / f"table{place}.npz").write_bytes(table_archive.pack(dataset.frame))
        if bundle is not None:
            _unpack(bundle, folder / "Script Bundle")
        status = _wait(folder, console, seconds, memory)
        text = _tail(console)
        if status != 0:
            raise _failure(folder, status, text, seconds, memory)
        result = folder / "result.npz"
        if not result.is_file():
            raise ModuleFailure("The script returned no table.", number="0085", target="Result Dataset")
        try:
            frame = table_archive.unpack(result.read_bytes())
        except ValueError as error:
            message = f"The script's result is not a table: {error}."
            raise ModuleFailure(message, number="0085", target="Result Dataset") from None
    return ScriptResult(Dataset(frame), text)


def _tail(console: IO[bytes]) -> str:
    size = console.seek(0, os.SEEK_END)
    console.seek(max(0, size - _LONGEST_CONSOLE))
    return console.read(_LONGEST_CONSOLE).decode(errors="replace")


def _wait(folder: Path, console: IO[bytes], seconds: float, memory: int) -> int | None:
    """Return the exit status; None after a timeout. Also end every process that the script started."""
    environ = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL")}
    environ |= {
        "PYTHONPATH": str(Path(mlmgmt.__file__).parent.parent),
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8:backslashreplace",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "MPLBACKEND": "Agg",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    words = [str(os.getpid()), str(int(seconds)), str(memory)]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlmgmt.learning.script_host", *words],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=console,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        _end_strays(folder)


def _end_strays(folder: Path) -> None:
    """End processes that left the script's session. On Linux they are found by their HOME, which only they have."""
    mark = f"HOME={folder}".encode()
    for _ in range(100):
        found = False
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark in path.read_bytes().split(b"\0"):
                    os.kill(int(path.parent.name), signal.SIGKILL)
                    found = True
        if not found:
            return


def _failure(folder: Path, status: int | None, console: str, seconds: float, memory: int) -> ModuleFailure:
    from mlmgmt.learning import script_host

    failure = folder / "failure.txt"
    if status is None or status == -signal.SIGXCPU:
        message = f"The script was stopped after {seconds:g} seconds."
    elif failure.is_file():
        with failure.open(encoding="utf-8", errors="replace") as file:
            message = file.read(_LONGEST_MESSAGE)
        if status == script_host.NO_MEMORY:
            message = f"The script needed more than {memory / 1024**3:.3g} GiB of memory ({message})."
        elif status == script_host.NOT_PYTHON:
            message += f" (scripts run under Python {sys.version_info.major}.{sys.version_info.minor})"
    elif status < 0:
        message = f"The script's process was ended by the signal {signal.Signals(-status).name}."
    else:
        message = f"The script's process ended with status {status}."
    lines = [line for line in console.splitlines() if line.strip()]
    hint = f"Its last output: {' | '.join(lines[-3:])[-_LONGEST_MESSAGE:]}" if lines else None
    return ModuleFailure(message, number="0085", target="Python Script", hint=hint)


def _unpack(bundle: bytes, folder: Path) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            if sum(member.file_size for member in archive.infolist()) > _LARGEST_BUNDLE:
                limit = f"{_LARGEST_BUNDLE // 1024**2} MiB"
                message = f"The script bundle is too large: unpacked it may have at most {limit}."
                raise ModuleFailure(message, target="Script Bundle")
            # zipfile keeps members inside the folder, and the folder is deleted after the run.
            archive.extractall(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError) as error:
        # Broken, encrypted, or with invalid file names.
        message = f"The script bundle cannot be unpacked as a zip file: {error}."
        raise ModuleFailure(message, number="0018", target="Script Bundle") from None

"""Runs Execute Python Script in a process of its own, with limits on time and memory."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import mlmgmt
from mlmgmt.learning import exchange
from mlmgmt.modules.base import Dataset, ModuleFailure, ScriptResult

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS = 600.0
MEMORY = 4 * 1024**3
_LONGEST_CONSOLE = 1024 * 1024
_LARGEST_BUNDLE = 256 * 1024**2


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
        bundle: a zip file, unpacked to `Script Bundle` beside the script.
        seconds: of the clock and of the processor, each.
        memory: bytes of address space.

    Raises:
        ModuleFailure: the script fails, is stopped by a limit, or returns no table; its last words are in the hint.
    """
    with TemporaryDirectory(prefix="mlmgmt-script-") as name:
        folder = Path(name)
        (folder / "source.py").write_text(source, encoding="utf-8")
        for place, dataset in enumerate(tables, start=1):
            (folder / f"table{place}.npz").write_bytes(exchange.pack(dataset.frame.reset_index(drop=True)))
        if bundle is not None:
            _unpack(bundle, folder / "Script Bundle")
        console = folder / "console.txt"
        status = _wait(folder, console, seconds, memory)
        text = console.read_bytes()[-_LONGEST_CONSOLE:].decode(errors="replace")
        if status != 0:
            raise _failure(folder, status, text, seconds, memory)
        try:
            frame = exchange.unpack((folder / "result.npz").read_bytes())
        except (OSError, ValueError, KeyError) as error:
            raise ModuleFailure(f"The script left no table behind ({error}).", target="Result Dataset") from None
    return ScriptResult(Dataset(frame), text)


def _wait(folder: Path, console: Path, seconds: float, memory: int) -> int | None:
    """The exit status; None when the time ran out. Whatever the script started is ended with it."""
    environ = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "TMPDIR")}
    environ |= {
        "PYTHONPATH": str(Path(mlmgmt.__file__).parent.parent),
        "HOME": str(folder),
        "MPLBACKEND": "Agg",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    host = Path(__file__).with_name("script_host.py")
    limits = (
        "import resource,runpy,sys;"
        f"resource.setrlimit(resource.RLIMIT_AS,({memory},{memory}));"
        f"resource.setrlimit(resource.RLIMIT_CPU,({int(seconds) + 1},{int(seconds) + 2}));"
        "resource.setrlimit(resource.RLIMIT_CORE,(0,0));"
        f"sys.argv=[''];runpy.run_path({str(host)!r},run_name='__main__')"
    )
    with console.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", limits],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
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


def _failure(folder: Path, status: int | None, console: str, seconds: float, memory: int) -> ModuleFailure:
    failure = folder / "failure.txt"
    if status is None or status == -signal.SIGXCPU:
        message = f"The script was stopped after {seconds:g} seconds."
    elif failure.is_file():
        message = failure.read_text(errors="replace")[:2000]
        if message.startswith("MemoryError"):
            message = f"The script needed more than {memory / 1024**3:.3g} GiB of memory ({message})."
        elif message.startswith("SyntaxError"):
            message += f" (scripts run under Python {sys.version_info.major}.{sys.version_info.minor})"
    else:
        message = f"The script's process ended with status {status}."
    lines = [line for line in console.splitlines() if line.strip()]
    hint = f"Its last words: {' | '.join(lines[-3:])}" if lines else None
    return ModuleFailure(message, number="0085", target="Python Script", hint=hint)


def _unpack(bundle: bytes, folder: Path) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            if sum(member.file_size for member in archive.infolist()) > _LARGEST_BUNDLE:
                raise ModuleFailure("The script bundle is too large when it is unpacked.", target="Script Bundle")
            # Members are kept inside of the folder by zipfile itself, and the process's folder is thrown away.
            archive.extractall(folder)
    except zipfile.BadZipFile:
        raise ModuleFailure("The script bundle is no zip file.", number="0018", target="Script Bundle") from None

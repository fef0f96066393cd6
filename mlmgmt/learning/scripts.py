"""Run Execute Python Script in a separate process, with limits on time and memory."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import stat
import subprocess
import sys
import zipfile
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PureWindowsPath
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, TYPE_CHECKING

import mlmgmt
from mlmgmt.learning import old_python, table_archive
from mlmgmt.modules.base import Dataset, ModuleFailure, ScriptResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmgmt.learning.old_python import checking

SECONDS = 600.0
MEMORY = 4 * 1024**3
_LONGEST_CONSOLE = 1024 * 1024
LARGEST_BUNDLE, MOST_MEMBERS, LARGEST_RATIO = 256 * 1024**2, 10_000, 200
"""The limits of a script bundle: bytes unpacked, files and folders, and bytes unpacked for each of its bytes."""
_ALWAYS_UNPACKED = 1024**2
"""Up to this many bytes the ratio does not matter: a small text of blanks compresses well, too."""
_LONGEST_MESSAGE = 2000
_ENCRYPTED = 1


def run(
    source: str,
    tables: Sequence[Dataset],
    bundle: bytes | None = None,
    *,
    version: str | None = None,
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> ScriptResult:
    """Call a script's `azureml_main` with the tables, in their order.

    Args:
        bundle: a zip file, unpacked to `Script Bundle` next to the script.
        version: the Python that the script was written for, as `Python Version` names it; see `old_python`.
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
        _unpack(bundle, folder / "Script Bundle")
        status = _wait(folder, console, version, seconds, memory)
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


def _wait(folder: Path, console: IO[bytes], version: str | None, seconds: float, memory: int) -> int | None:
    """Return the exit status; None after a timeout. Also end every process that the script started."""
    environ = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL")}
    environ |= {
        "PYTHONPATH": str(Path(mlmgmt.__file__).parent.parent),
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        # The order of a set of texts must be the same in each run.
        "PYTHONHASHSEED": "0",
        "PYTHONIOENCODING": "utf-8:backslashreplace",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "MPLBACKEND": "Agg",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    words = [str(os.getpid()), str(int(seconds)), str(memory), *([version] if version else [])]
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


def check_bundle(bundle: bytes) -> None:
    """Unpack a script bundle, and forget it.

    Raises:
        ModuleFailure: it is damaged or exceeds a limit, or a member is encrypted, a link, or outside its folder.
    """
    with TemporaryDirectory(prefix="mlmgmt-bundle-", ignore_cleanup_errors=True) as name:
        _unpack(bundle, Path(name))


@dataclass(frozen=True, slots=True)
class Script:
    """A script with its bundle, and the Python that it was written for; see `run`."""

    source: str
    bundle: bytes | None = None
    version: str | None = None


def check(scripts: Sequence[Script]) -> list[list[checking.Finding]]:
    """Return, for each script, what it and its bundle rely on and cannot have here. Nothing of them is run.

    Raises:
        ModuleFailure: a bundle cannot be unpacked.
    """
    from mlmgmt.learning.old_python import checking

    found: dict[int, list[checking.Finding]] = {}
    for old in {old_python.named(script.version) for script in scripts}:
        places = [place for place, script in enumerate(scripts) if old_python.named(script.version) == old]
        unpack = [partial(_unpack, scripts[place].bundle) for place in places]
        found |= zip(places, checking.check([scripts[place].source for place in places], old, unpack), strict=True)
    return [found[place] for place in range(len(scripts))]


def _unpack(bundle: bytes | None, folder: Path) -> None:
    if bundle is None:
        return
    with _opened(bundle) as archive:
        for member in archive.infolist():
            try:
                archive.extract(member, folder)
            except OSError as error:
                raise _bad_bundle(f"cannot be unpacked: {member.filename!r}: {error.strerror or error}") from None


@contextlib.contextmanager
def _opened(bundle: bytes) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            _check_members(archive.infolist(), len(bundle))
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError) as error:
        # Broken, or with invalid file names.
        raise _bad_bundle(f"cannot be unpacked as a zip file: {error}") from None


def _check_members(members: Sequence[zipfile.ZipInfo], packed: int) -> None:
    size = sum(member.file_size for member in members)
    if len(members) > MOST_MEMBERS:
        raise _bad_bundle(f"has {len(members):,} files and folders; at most {MOST_MEMBERS:,} are unpacked")
    if size > LARGEST_BUNDLE:
        raise _bad_bundle(f"is too large: unpacked it has {size:,} bytes, and may have {LARGEST_BUNDLE:,}")
    if size > max(_ALWAYS_UNPACKED, LARGEST_RATIO * packed):
        raise _bad_bundle(f"unpacks to {size / packed:,.0f} times its size, and may unpack to {LARGEST_RATIO} times")
    for member in members:
        # Zip files that old versions of .NET made have backslashes between folders.
        member.filename = member.filename.replace("\\", "/")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if PureWindowsPath(member.filename).anchor or ".." in member.filename.split("/"):
            raise _bad_bundle(f"has a member outside its folder: {member.filename!r}")
        if member.flag_bits & _ENCRYPTED:
            raise _bad_bundle(f"is encrypted: {member.filename!r}")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _bad_bundle(f"has a member that is neither a file nor a folder, such as a link: {member.filename!r}")


def _bad_bundle(what: str) -> ModuleFailure:
    return ModuleFailure(f"The script bundle {what}.", number="0018", target="Script Bundle")

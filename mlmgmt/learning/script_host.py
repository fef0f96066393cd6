"""The process that runs one Execute Python Script. `scripts.run` starts it, and it knows nothing about the home.

It reads `source.py`, `table1.npz` and `table2.npz` in its working folder, calls `azureml_main`, and writes
`result.npz`, or `failure.txt` when the script fails.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.learning import old_python

if TYPE_CHECKING:
    from types import CodeType

    import pandas as pd

_SOURCE = "source.py"
_LARGEST_FILE = 2 * 1024**3
FAILED, NO_MEMORY, NOT_PYTHON = 1, 2, 3
"""The exit statuses of a script that fails: in general, for lack of memory, and because it is not valid Python."""
_EXACT = 2**53
"""The largest whole number up to which a double holds all whole numbers exactly."""


def main(words: list[str]) -> int:
    """Run the script in the working folder, and return the exit status.

    Args:
        words: the id of the process that waits for this one, the limit of processor time in seconds, and the limit of
            the address space in bytes; then the Python that the script was written for, if there is one.
    """
    parent, seconds, memory = map(int, words[:3])
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CPU, seconds + 1)
    _limit(resource.RLIMIT_FSIZE, _LARGEST_FILE)
    _limit(resource.RLIMIT_CORE, 0)
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    sys.argv = [""]
    try:
        _run(words[3] if len(words) > 3 else None)
    except BaseException as error:
        # Whatever a script raises, even SystemExit, is a failure.
        _explain(error)
        if isinstance(error, MemoryError):
            return NO_MEMORY
        # Not their subclasses: parsers of other languages derive errors from them.
        return NOT_PYTHON if type(error) in (SyntaxError, IndentationError, TabError) else FAILED
    return 0


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    most = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (most, most))


def _end_with_parent(parent: int) -> None:
    """End this process and all that it started when the parent process has ended."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.killpg(0, signal.SIGKILL)


def _run(version: str | None) -> None:
    text = Path(_SOURCE).read_text(encoding="utf-8-sig")
    bundle = Path("Script Bundle").absolute()
    space: dict[str, Any] = {"__name__": "azureml_script"}
    old = old_python.named(version)
    if old is None:
        # dont_inherit: the __future__ imports of this file must not apply to the script.
        code = compile(text, _SOURCE, "exec", dont_inherit=True)
    else:
        from mlmgmt.learning.old_python import libraries, running, tables, translation

        code = translation.compiled(text, _SOURCE, old)
        space["__builtins__"] = running.builtins_of(old)
        tables.restore(old)
        libraries.restore(old, bundle)

    from mlmgmt.learning import table_archive

    given = [table_archive.unpack(path.read_bytes()) for path in sorted(Path().glob("table*.npz"))]
    if bundle.is_dir():
        sys.path.insert(0, str(bundle))
    result = _call_main(code, space, [_classic_types(table, old is not None) for table in given])
    Path("result.npz").write_bytes(table_archive.pack(result))


def _classic_types(frame: pd.DataFrame, old: bool) -> pd.DataFrame:
    """Convert a table to the column types that scripts expect: NumPy's types, and times without a zone.

    Args:
        old: keep text as objects and times in nanoseconds, like pandas before 3.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in frame.columns:
        series = frame[name]
        if series.dtype == "Int64" and not (series.hasnans and (series.abs() > _EXACT).any()):
            series = series.astype("float64" if series.hasnans else "int64")
        elif series.dtype == "boolean":
            series = series.astype(object).where(series.notna(), None) if series.hasnans else series.astype("bool")
        elif isinstance(series.dtype, pd.DatetimeTZDtype):
            series = series.dt.tz_localize(None)
        if old and isinstance(series.dtype, pd.StringDtype):
            series = series.astype(object)
        elif old and series.dtype.kind in "mM":
            series = series.dt.as_unit("ns")
        columns[name] = series
    return pd.DataFrame(columns, index=frame.index)


def _call_main(code: CodeType, space: dict[str, Any], tables: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    exec(code, space)  # noqa: S102 - the user allowed scripts, and this process is theirs alone
    if not callable(space.get("azureml_main")):
        raise LookupError("the script defines no function azureml_main")
    result = space["azureml_main"](*tables)
    if isinstance(result, (list, tuple)) and result:
        result = result[0]
    if not isinstance(result, pd.DataFrame):
        kind = type(result).__name__
        raise TypeError(f"azureml_main must return a sequence whose first element is a DataFrame, not {kind}")
    return result


def _explain(error: BaseException) -> None:
    name = type(error).__name__
    steps = [(step.f_code.co_filename, line) for step, line in traceback.walk_tb(error.__traceback__)]
    lines = [line for file, line in steps if file == _SOURCE]
    if isinstance(error, MemoryError):
        # The frames still hold what fills the memory; free it, or nothing can be written below.
        name = "MemoryError"
        traceback.clear_frames(error.__traceback__)
    where = f" at line {lines[-1]}" if lines else ""
    try:
        text = str(error)
    except Exception:
        text = "it cannot be shown"
    Path("failure.txt").write_text(f"{name}{where}: {text}", encoding="utf-8", errors="replace")
    # The script may have deleted its own text, or closed the stream.
    with suppress(Exception):
        text = Path(_SOURCE).read_text(encoding="utf-8-sig").split("\n")[lines[-1] - 1].strip()
        print(f"line {lines[-1]}: {text}", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

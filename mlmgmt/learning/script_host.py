"""The process that runs one Execute Python Script; started by `scripts.run`, it knows nothing of the home.

It reads `source.py`, `table1.npz` and `table2.npz` in its working folder, calls `azureml_main`, and writes
`result.npz`, or `failure.txt` when the script fails.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

from mlmgmt.learning import exchange


def main() -> int:
    tables = [exchange.unpack(path.read_bytes()) for path in sorted(Path().glob("table*.npz"))]
    bundle = Path("Script Bundle").absolute()
    if bundle.is_dir():
        sys.path.insert(0, str(bundle))
    try:
        frame = _returned(tables)
    except BaseException as error:
        # Whatever a script raises, SystemExit too, is its failure; the lines of this host are none of its author's.
        steps = [step for step in traceback.extract_tb(error.__traceback__) if step.filename == "source.py"]
        where = f" at line {steps[-1].lineno}" if steps else ""
        Path("failure.txt").write_text(f"{type(error).__name__}{where}: {error}")
        traceback.print_exc()
        return 1
    Path("result.npz").write_bytes(exchange.pack(frame))
    return 0


def _returned(tables: list[Any]) -> Any:
    import pandas as pd

    space: dict[str, Any] = {"__name__": "azureml_script"}
    code = compile(Path("source.py").read_text(encoding="utf-8"), "source.py", "exec")
    exec(code, space)  # noqa: S102 - the user allowed scripts, and this process is theirs alone
    if not callable(space.get("azureml_main")):
        raise LookupError("the script defines no function azureml_main")
    result = space["azureml_main"](*tables)
    frame = result if isinstance(result, pd.DataFrame) else next(iter(result or ()), None)
    if not isinstance(frame, pd.DataFrame):
        raise TypeError("azureml_main must return a sequence whose first element is a DataFrame")
    return frame.reset_index(drop=True)


if __name__ == "__main__":
    raise SystemExit(main())

"""Tables and scripts in another process: tables come back unchanged, and a script gets nothing but its tables."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmgmt.learning import scripts, table_archive
from mlmgmt.modules.base import Dataset, ModuleFailure
from tests.conftest import environment

WHOLE = st.integers(-(2**63) + 1, 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MOMENT = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31))
SPAN = st.timedeltas(dt.timedelta(-100_000), dt.timedelta(100_000))


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Tables with columns of every type in a dataset."""
    rows = draw(st.integers(0, 6))

    def cells(kind: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(st.none() | kind, min_size=rows, max_size=rows))

    columns: dict[str, Any] = {}
    for name in draw(st.lists(TEXT, max_size=8, unique=True)):
        match draw(st.integers(0, 7)):
            case 0:
                columns[name] = pd.array(cells(WHOLE), dtype="Int64")
            case 1:
                columns[name] = pd.array(cells(st.booleans()), dtype="boolean")
            case 2:
                columns[name] = pd.Series(cells(st.floats()), dtype="float64")
            case 3:
                columns[name] = pd.array(cells(TEXT), dtype="str")
            case 4:
                columns[name] = pd.Series(cells(MOMENT), dtype="datetime64[us]").dt.tz_localize("UTC")
            case 5:
                columns[name] = pd.Series(cells(SPAN), dtype="timedelta64[us]")
            case 6:
                words = draw(st.lists(TEXT, min_size=1, max_size=3, unique=True))
                known = pd.Index(words, dtype="str")
                columns[name] = pd.Categorical(cells(st.sampled_from(words)), known, ordered=draw(st.booleans()))
            case 7:
                numbers = draw(st.lists(WHOLE, min_size=1, max_size=3, unique=True))
                columns[name] = pd.Categorical(cells(st.sampled_from(numbers)), pd.Index(numbers, dtype="int64"))
    return pd.DataFrame(columns, index=pd.RangeIndex(rows))


@settings(deadline=None, max_examples=60)
@given(frames())
def test_a_dataset_comes_back_unchanged(frame: pd.DataFrame) -> None:
    expected = frame.set_axis(pd.Index(frame.columns, dtype=object), axis=1)
    found = table_archive.unpack(table_archive.pack(frame))
    pd.testing.assert_frame_equal(found.set_axis(pd.Index(found.columns, dtype=object), axis=1), expected)


def test_other_types_become_types_of_datasets() -> None:
    day, moment = dt.date(2020, 1, 1), dt.datetime(2020, 7, 1, 12)
    odd = {
        "beyond": np.array([2**64 - 1, 1], dtype="uint64"),
        "huge": pd.Series([2**70, None], dtype=object),
        "whole": pd.Series([1, None], dtype=object),
        "truth": pd.Series([True, None], dtype=object),
        "decimal": [Decimal("1.5"), None],
        "day": pd.Series([day, None], dtype=object),
        "zone": pd.to_datetime([moment, None]).tz_localize("Europe/Berlin"),
        "naive": pd.to_datetime([moment, None]),
        "zones": pd.Series([moment.replace(tzinfo=dt.UTC), moment], dtype=object),
        "small": np.array([1.5, np.nan], dtype="float32"),
        "masked": pd.array([1.5, None], dtype="Float64"),
        "sparse": pd.arrays.SparseArray([1.0, np.nan]),
        "mixed": [1, "1"],
        "things": [[1], {"a": 2}],
        "broken": ["\ud800x", None],
        "twins": pd.Categorical([1, "1"]),
        "month": pd.period_range("2020", periods=2, freq="M"),
    }
    found = table_archive.unpack(table_archive.pack(pd.DataFrame(odd)))
    utc = "datetime64[us, UTC]"
    assert {name: str(dtype) for name, dtype in found.dtypes.items() if str(dtype) != "str"} == {
        "beyond": "float64",
        "huge": "float64",
        "whole": "Int64",
        "truth": "boolean",
        "decimal": "float64",
        "day": "datetime64[s, UTC]",
        "zone": utc,
        "naive": utc,
        "zones": utc,
        "small": "float64",
        "masked": "float64",
        "sparse": "float64",
    }
    first = found.iloc[0]
    assert first["beyond"] == 2.0**64
    assert first["huge"] == 2.0**70
    assert first["zone"] == pd.Timestamp("2020-07-01T10:00Z")
    assert first["naive"] == pd.Timestamp("2020-07-01T12:00Z")
    assert list(found["zones"]) == [pd.Timestamp("2020-07-01T12:00Z")] * 2
    assert list(found["mixed"]) == list(found["twins"]) == ["1", "1"]
    assert list(found["things"]) == ["[1]", "{'a': 2}"]
    assert first["broken"] == "?x"
    assert list(found["month"]) == ["2020-01", "2020-02"]
    assert found.iloc[1].drop(["beyond", "zones", "mixed", "things", "twins", "month"]).isna().all()


def test_names_become_unique_text() -> None:
    frame = pd.DataFrame([[1, 2, 3, 4, 5]], columns=pd.Index(["a", "a", "a (1)", None, 7], dtype=object), index=["q"])
    found = table_archive.unpack(table_archive.pack(frame))
    assert list(found.columns) == ["a", "a (1)", "a (1) (1)", "None", "7"]
    assert list(found.index) == [0]
    assert found.iloc[0].tolist() == [1, 2, 3, 4, 5]


def test_one_long_cell_does_not_make_the_others_long() -> None:
    frame = pd.DataFrame({"text": pd.array(["x" * 100_000, *["y"] * 10_000], dtype="str")})
    data = table_archive.pack(frame)
    assert len(data) < 1_000_000
    pd.testing.assert_frame_equal(table_archive.unpack(data), frame)


class Evil:
    def __reduce__(self) -> Any:
        return (Path("pwned").touch, ())


def archive(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def head(**body: Any) -> Any:
    return np.frombuffer(json.dumps(body).encode(), dtype="uint8")


def test_nothing_in_an_archive_is_run_or_decompressed() -> None:
    whole = head(names=["a"], kinds=[{"kind": "float64"}], rows=1)
    swollen = io.BytesIO()
    np.savez_compressed(swollen, head=whole, **{"0v": np.zeros(1_000_000)})
    broken = [
        b"",
        b"no archive",
        pickle.dumps(Evil()),
        archive(head=whole, **{"0v": np.array([Evil()], dtype=object)}),
        swollen.getvalue(),
        archive(head=whole),
        archive(head=whole, **{"0v": np.zeros(2)}),
        archive(head=head(names=["a", "a"], kinds=[{"kind": "float64"}] * 2, rows=1), **{"0v": np.zeros(1)}),
        archive(head=head(names=["a"], kinds=["Int64"], rows=1), **{"0v": np.zeros(1)}),
        archive(head=head(names=["a"], kinds=[{"kind": "object"}], rows=1), **{"0v": np.zeros(1)}),
        archive(head=np.frombuffer(b"[]", dtype="uint8")),
        archive(
            head=head(names=["a"], kinds=[{"kind": "str"}], rows=1),
            **{"0v": np.array([255], dtype="uint8"), "0e": np.array([1]), "0m": np.array([False])},
        ),
    ]
    for data in broken:
        with pytest.raises(ValueError, match="not a packed table"):
            table_archive.unpack(data)
    assert not Path("pwned").exists()


TABLE = Dataset(pd.DataFrame({"a": pd.array([1, 2, None], dtype="Int64"), "b": ["x", "y", None]}, index=[5, 6, 9]))


def run_script(body: str, *tables: Dataset, **more: Any) -> scripts.ScriptResult:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return scripts.run(
        f"import os, sys, time\nimport pandas as pd\ndef azureml_main(*tables):\n{lines}", tables, **more
    )


def refused(source: str, *tables: Dataset, **more: Any) -> ModuleFailure:
    with pytest.raises(ModuleFailure) as failure:
        scripts.run(source, tables, **more)
    assert failure.value.number == "0085"
    return failure.value


def test_a_script_gets_plain_tables_and_returns_one() -> None:
    when = Dataset(
        pd.DataFrame(
            {
                "t": pd.to_datetime(["2020-01-01"], utc=True),
                "n": pd.array([3], dtype="Int64"),
                "k": pd.array([True], dtype="boolean"),
            }
        )
    )
    body = (
        "a, b = tables\nprint('naïve →', list(a.index), a.dtypes.astype(str).tolist(), b.dtypes.astype(str).tolist())\n"
    )
    body += "b['later'] = b['t'] > __import__('datetime').datetime(2019, 1, 1)\nreturn [b, a]"
    done = run_script(body, TABLE, when)
    assert done.console == "naïve → [0, 1, 2] ['float64', 'str'] ['datetime64[us]', 'int64', 'bool']\n"
    expected = when.frame.assign(later=pd.array([True], dtype="boolean"))
    pd.testing.assert_frame_equal(done.dataset.frame, expected)


def test_a_script_sees_neither_the_home_nor_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLMGMT_CONFIG", "/secret/config")
    monkeypatch.setenv("MLMGMT_HOME", "/secret/home")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    frame = run_script("return pd.DataFrame({'n': list(os.environ), 'v': list(os.environ.values())}),").dataset.frame
    seen = dict(zip(frame["n"], frame["v"], strict=True))
    assert not [name for name in seen if name.startswith(("MLMGMT", "AWS"))]
    assert not [value for value in seen.values() if "secret" in value or "hush" in value]
    assert seen["HOME"] == seen["TMPDIR"] != os.environ.get("HOME")
    assert not Path(seen["HOME"]).exists()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1", "LookupError: the script defines no function azureml_main"),
        ("def azureml_main():\n    print 'two'", r"SyntaxError: .*line 2.*\(scripts run under Python 3"),
        ("def azureml_main():\n\tif 1:\n        pass", "TabError.*scripts run under"),
        ("import sys\nsys.exit(0)", "SystemExit at line 2: 0"),
        ("def azureml_main():\n    raise KeyboardInterrupt", "KeyboardInterrupt at line 2"),
        ("def azureml_main(one):\n    return one,", "TypeError.*missing 1 required positional argument"),
        ("def azureml_main():\n    return 1/0,", "ZeroDivisionError at line 2: division by zero"),
        ("def azureml_main():\n    return None", "first element is a DataFrame, not NoneType"),
        ("import os\nos._exit(7)", "ended with status 7"),
        ("import os\nos.abort()", "ended by the signal SIGABRT"),
        ("import os\nos.mkfifo('result.npz')\nos._exit(0)", "returned no table"),
        ("open('result.npz', 'wb').write(b'x')\nimport os\nos._exit(0)", "is not a table"),
        ("class E(Exception):\n    def __str__(self): 1/0\nraise E", "E at line 3: it cannot be shown"),
        ("raise ValueError('\\ud800' * 3)", r"ValueError at line 1: \?\?\?"),
        ("x = 'a\0b'", "null byte"),
        (
            "import pandas as pd\nclass O:\n    def __str__(self): 1/0\n"
            "def azureml_main(): return pd.DataFrame({'a': [O()]}),",
            "ZeroDivisionError at line 3",
        ),
    ],
)
def test_a_script_that_fails_says_why_and_where(source: str, words: str) -> None:
    import re

    failure = refused(source)
    assert re.search(words, failure.message), failure.message
    assert "script_host" not in failure.message


def test_the_last_output_of_a_script_is_shown() -> None:
    failure = refused("print('reading')\nprint('halfway')\nraise RuntimeError('no')")
    assert failure.message == "RuntimeError at line 3: no"
    assert failure.hint == "Its last output: reading | halfway | line 3: raise RuntimeError('no')"


def test_a_failure_in_a_library_is_reported_with_the_script_s_line() -> None:
    failure = refused("def azureml_main(table):\n    return table['absent'],", TABLE)
    assert failure.message == "KeyError at line 2: 'absent'"
    assert failure.hint == "Its last output: line 2: return table['absent'],"


def test_a_script_that_deleted_its_text_still_says_why() -> None:
    failure = refused("import os\nos.remove('source.py')\n1 / 0")
    assert failure.message == "ZeroDivisionError at line 3: division by zero"
    assert failure.hint is None


def test_a_script_has_its_own_future_imports_and_may_start_with_a_byte_order_mark() -> None:
    source = "\ufeffimport pandas as pd\ndef azureml_main(a: int = 1):\n"
    source += "    return pd.DataFrame({'n': [azureml_main.__annotations__['a'].__name__]}),"
    assert scripts.run(source, []).dataset.frame["n"][0] == "int"


def test_endless_scripts_are_stopped() -> None:
    assert "stopped after 1.5 seconds" in refused("while True: pass", seconds=1.5).message
    ignoring = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(1000)"
    assert "stopped after 1.5 seconds" in refused(ignoring, seconds=1.5).message


@pytest.mark.parametrize(
    "source",
    [
        "x = []\nwhile True: x.append('x' * 1_000_000)",
        "import numpy\nx = numpy.ones(10**11)",
    ],
)
def test_a_script_that_needs_too_much_memory_is_stopped(source: str) -> None:
    assert "needed more than 0.75 GiB of memory" in refused(source, memory=3 * 2**28).message


def alive(pids: list[int]) -> list[int]:
    """Return the processes that still run; zombies do not count."""
    found = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        found += [pid] if state not in "ZX" else []
    return found


def gone(pids: list[int]) -> bool:
    for _ in range(200):
        if not alive(pids):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="it takes /proc to look for strays")
@pytest.mark.parametrize("end", ["return pd.DataFrame({'pid': pids}),", "1/0", "time.sleep(1000)"])
def test_processes_that_a_script_started_end_with_it(tmp_path: Path, end: str) -> None:
    note = tmp_path / "pids"
    body = f"""pids = []
for number in range(12):
    pid = os.fork()
    if pid == 0:
        if number % 2:
            os.setsid()
        time.sleep(1000)
    pids.append(pid)
open({str(note)!r}, 'w').write(' '.join(map(str, pids)))
{end}"""
    if "return" in end:
        assert len(run_script(body).dataset.frame) == 12
    else:
        with pytest.raises(ModuleFailure):
            run_script(body, seconds=4)
    pids = [int(word) for word in note.read_text().split()]
    assert len(pids) == 12
    assert gone(pids)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it takes /proc to look for processes")
def test_a_script_ends_when_its_parent_process_has_ended(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()))\ntime.sleep(1000)"
    code = f"from mlmgmt.learning import scripts\nscripts.run({script!r}, [])"
    waiting = subprocess.Popen([sys.executable, "-c", code], env=environment(TMPDIR=str(tmp_path)))
    while not (note.exists() and note.read_text()):
        assert waiting.poll() is None
        time.sleep(0.05)
    pid = int(note.read_text())
    assert alive([pid]) == [pid]
    waiting.send_signal(signal.SIGKILL)
    waiting.wait()
    assert gone([pid])


def zipped(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, text in members.items():
            packed.writestr(name.replace("__", "/"), text)
    return buffer.getvalue()


def test_a_bundle_s_modules_can_be_imported() -> None:
    body = "import helper, pack.inner\nfound = open('Script Bundle/data.txt').read()\n"
    body += "return pd.DataFrame({'x': [helper.X, pack.inner.Y, found]}),"
    bundle = zipped(**{"helper.py": "X = 'h'", "pack__inner.py": "Y = 'i'", "data.txt": "d"})
    assert list(run_script(body, bundle=bundle).dataset.frame["x"]) == ["h", "i", "d"]


def test_a_bundle_that_cannot_be_unpacked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    good = bytearray(zipped(**{"helper.py": "X = 'h'"}))
    for place in (6, good.index(b"PK\x01\x02") + 8):
        good[place] |= 1
    with pytest.raises(ModuleFailure, match=r"is encrypted: 'helper\.py'"):
        scripts.run("", [], bytes(good))
    for bundle in (b"", b"no zip", zipped(a="1", a__b="2"), zipped(**{"x" * 300: "1"})):
        with pytest.raises(ModuleFailure, match="cannot be unpacked"):
            scripts.run("", [], bundle)
    with pytest.raises(ModuleFailure, match=r"unpacks to [0-9,]+ times its size, and may unpack to 200 times"):
        scripts.run("", [], deflated("x", b"\0" * 2_000_000))
    monkeypatch.setattr(scripts, "LARGEST_BUNDLE", 3)
    with pytest.raises(ModuleFailure, match="unpacked it has 4 bytes, and may have 3"):
        scripts.run("", [], zipped(a="1234"))
    monkeypatch.setattr(scripts, "MOST_MEMBERS", 1)
    with pytest.raises(ModuleFailure, match="has 2 files and folders; at most 1 are unpacked"):
        scripts.run("", [], zipped(a="1", b="1"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../up.py", "outside its folder: '../up.py'"),
        ("a/../../up.py", "outside its folder"),
        ("/etc/up.py", "outside its folder"),
        ("C:\\up.py", "outside its folder: 'C:/up.py'"),
        ("a\\..\\up.py", "outside its folder"),
        ("link", "neither a file nor a folder, such as a link: 'link'"),
    ],
)
def test_no_member_of_a_bundle_leaves_its_folder(name: str, words: str) -> None:
    member = zipfile.ZipInfo(name)
    member.external_attr = (0o120777 if name == "link" else 0o100644) << 16
    with pytest.raises(ModuleFailure, match=re.escape(words)):
        scripts.run("", [], deflated(member, b"/etc/passwd"))


def test_backslashes_between_folders_are_read_as_old_tools_wrote_them() -> None:
    """Compression in .NET before 4.6.1 wrote them."""
    bundle = deflated("pack\\inner.py", b"Y = 'i'")
    body = "import pack.inner\nreturn pd.DataFrame({'x': [pack.inner.Y]}),"
    assert list(run_script(body, bundle=bundle).dataset.frame["x"]) == ["i"]


def deflated(member: str | zipfile.ZipInfo, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr(member, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def test_a_script_cannot_remove_its_console_or_its_folder() -> None:
    body = "import shutil\nprint('x' * 3_000_000)\nshutil.rmtree(os.getcwd())\n"
    with pytest.raises(ModuleFailure) as failure:
        run_script(body + "return pd.DataFrame(),")
    assert failure.value.hint is not None
    assert len(failure.value.hint) < 3000
    done = run_script("print('x' * 3_000_000)\nreturn pd.DataFrame(),")
    assert len(done.console) == 1024 * 1024
    assert done.dataset.frame.shape == (0, 0)

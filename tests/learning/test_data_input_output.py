"""Import Data and Export Data through graphs: blobs of a home, mapped addresses and mapped servers, nothing else."""

from __future__ import annotations

import io
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmgmt.errors import AuthorizationFailed, BadRequest, MlmgmtError, NotFound
from mlmgmt.learning import runner
from mlmgmt.learning.plan import GraphPlan
from mlmgmt.modules import databases
from mlmgmt.modules.base import Dataset, ModuleFailure
from mlmgmt.store import blobs, sas
from mlmgmt.verbs.runs.models import read_dataset, reader
from mlmgmt.verbs.session import Session
from mlmgmt.verbs.storage import sources as reach
from mlmgmt.verbs.storage.sources import GraphAccess
from tests.learning.graphs import definition

SERVER = "sales.database.windows.net"
CITIES = 'city,people\nBern,134000\n"Biel, Bienne",\nGenève,203000\n'
SECRET = "p@ss/w#rd"


@pytest.fixture
def session(home: Path) -> Session:
    return Session()


@pytest.fixture
def account(session: Session) -> str:
    return session.store.blobs.accounts()[0]


def put(session: Session, path: str, data: bytes | str) -> str:
    container, _, name = path.partition("/")
    blob = blobs.Blob(session.store.blobs.accounts()[0], container, name)
    session.store.blobs.write(blob, data if isinstance(data, bytes) else data.encode())
    return blob.uri


def run_import(session: Session, **parameters: Any) -> pd.DataFrame:
    """Run Import Data and return its table. Parameters are named by key, with `_` for blanks."""
    document = definition({"in": ("Import Data", with_blanks(parameters)), "out": "output:o"}, ["in > out"])
    done = runner.run(GraphPlan(document), {}, read=lambda _: None, outside=GraphAccess(session))
    frame: pd.DataFrame = done.outputs["o"].frame
    return frame


def run_export(session: Session, frame: pd.DataFrame, **parameters: Any) -> None:
    nodes = {"in": "input:i", "export": ("Export Data", with_blanks(parameters))}
    document = definition(nodes, ["in > export.Dataset"], inputs={"i": {}})
    runner.run(GraphPlan(document), {"i": Dataset(frame)}, read=lambda _: None, outside=GraphAccess(session))


def with_blanks(parameters: dict[str, Any]) -> dict[str, Any]:
    return {key.replace("_", " "): value for key, value in parameters.items()}


def by_account(account: str, path: str, form: str = "CSV", header: bool = True, **more: Any) -> dict[str, Any]:
    place = {"Account Name": account, "Path to container or directory or blob": path}
    return place | {"Blob File format": form, "File has Header Row": header} | more


def by_uri(uri: str, header: bool = True, form: str = "CSV") -> dict[str, Any]:
    way = {"Please Specify Authentication Type": "PublicOrSAS", "URI": uri}
    return way | {"URI file has Header Row": header, "File format": form}


def over_http(url: str, header: bool = True, form: str = "CSV") -> dict[str, Any]:
    way = {"Please Specify Data Source": "Http", "URL": url}
    return way | {"CSV or TSV has Header Row": header, "Data format": form}


def query(text: str | None, server: str = SERVER, database: str = "sales") -> dict[str, Any]:
    place = {"Please Specify Data Source": "SqlAzure", "Database Server Name": server, "Database Name": database}
    return place | ({} if text is None else {"Database Query": text})


def into_table(table: str, server: str = SERVER, database: str = "sales", **more: Any) -> dict[str, Any]:
    place = {"Please Specify Data Destination": "SqlAzure", "Database Server Name": server, "Database Name": database}
    return place | {"Data Table Name": table} | with_blanks(more)


def into_blob(account: str, path: str, header: bool = True, **more: Any) -> dict[str, Any]:
    place = {"Azure Account Name": account, "Path to blob beginning with container": path}
    return place | {"Write blob header row": header} | with_blanks(more)


def refusal(session: Session, kind: type[MlmgmtError] = MlmgmtError, **parameters: Any) -> MlmgmtError:
    with pytest.raises(kind) as refused:
        run_import(session, **parameters)
    assert SECRET not in str(refused.value.to_json()) + str(refused.value.hint)
    return refused.value


# Blobs


@pytest.mark.parametrize(
    ("form", "data", "options"),
    [
        ("CSV", CITIES.encode(), {}),
        ("CSV", b"\xef\xbb\xbf" + CITIES.replace("\n", "\r\n").encode(), {}),
        ("TSV", "city\tpeople\nBern\t134000\nBiel, Bienne\t\nGenève\t203000".encode(), {}),
        ("Delimited", CITIES.replace(",", ";").replace("Biel;", "Biel,").encode("utf-16"), {
            "Column delimiter": "Semicolon", "Encoding Format": "UTF-16"
        }),
        ("Delimited", CITIES.replace(",", "|").replace("Biel|", "Biel,").encode("latin-1"), {
            "Column delimiter": "Pipe", "Encoding Format": " ISO-8859-1 "
        }),
        ("ARFF", "@relation r\n@attribute city string\n@attribute people integer\n@data\n"
         "Bern,134000\n'Biel, Bienne',?\nGenève,203000\n".encode(), {}),
    ],
)  # fmt: skip
def test_a_table_is_read_from_a_blob_in_each_form(
    session: Session, account: str, form: str, data: bytes, options: dict[str, Any]
) -> None:
    put(session, "data/cities.x", data)
    frame = run_import(session, **by_account(account, "/data/cities.x", form), **options)
    expected = pd.read_csv(io.StringIO(CITIES)).astype({"city": "str", "people": "Int64"})
    pd.testing.assert_frame_equal(frame, expected, check_column_type=False)


def test_without_a_header_columns_are_numbered(session: Session, account: str) -> None:
    uri = put(session, "data/t.csv", "1,true,x\n2,false,\n")
    expected = {"Col1": [1, 2], "Col2": [True, False]}
    for way in (by_account(account, "data/t.csv", header=False), by_uri(uri, header=False)):
        frame = run_import(session, **way)
        assert frame[["Col1", "Col2"]].to_dict("list") == expected
        assert frame["Col3"].isna().tolist() == [False, True]


def test_a_signed_uri_is_checked(session: Session, account: str) -> None:
    uri = put(session, "data/ci ties.csv", CITIES)
    key, now, name = session.store.secrets.account_key(account), datetime.now(UTC), "data/ci ties.csv"
    assert key is not None
    good = sas.sign(key, account, name, now=now)
    assert len(run_import(session, **by_uri(uri + good))) == 3
    wrong = {
        "SasExpired": sas.sign(key, account, name, now=now - timedelta(days=3)),
        "SasNotPermitted": sas.sign(key, account, name, now=now, permissions="w"),
        "SasInvalid": sas.sign(key, account, "data/other.csv", now=now),
    }
    for code, token in wrong.items():
        assert code in refusal(session, AuthorizationFailed, **by_uri(uri + token)).codes()
    assert "SasInvalid" in refusal(session, **by_uri(uri + "?sv=1&x")).codes()
    assert "SasInvalid" in refusal(session, **by_uri(uri + good[:-3])).codes()


def test_export_through_a_signed_uri_needs_write_permission(session: Session, account: str) -> None:
    uri = blobs.Blob(account, "data", "out.csv").uri
    key, now = session.store.secrets.account_key(account), datetime.now(UTC)
    assert key is not None
    frame = pd.DataFrame({"a": [1]})
    way = {"Please Specify Authentication Type": "PublicOrSAS", "Write SAS header row": True}
    with pytest.raises(AuthorizationFailed) as refused:
        run_export(session, frame, **way, SAS_URI_for_blob=uri + sas.sign(key, account, "data/out.csv", now=now))
    assert "SasNotPermitted" in refused.value.codes()
    token = sas.sign(key, account, "data/out.csv", now=now, permissions="rw")
    run_export(session, frame, **way, SAS_URI_for_blob=uri + token)
    assert run_import(session, **by_uri(uri + token))["a"].tolist() == [1]
    with pytest.raises(BadRequest) as standing:
        run_export(session, frame, **way, SAS_URI_for_blob=uri + token)
    assert "BlobExists" in standing.value.codes()
    assert token not in str(standing.value.to_json())
    with pytest.raises(ModuleFailure, match="SAS URI for blob' is missing"):
        run_export(session, frame, **way)


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("https://{account}.blob.core.windows.net/data/none.csv", "BlobNotFound"),
        ("https://{account}.blob.core.windows.net/data/folder", "BlobNotFound"),
        ("https://{account}.blob.core.windows.net/data/folder/t.csv/deeper.csv", "BlobNotFound"),
        ("https://{account}.blob.core.windows.net/data/../../home.json", "InvalidBlob"),
        ("https://{account}.blob.core.windows.net/data/%2e%2e/%2e%2e/home.json", "InvalidBlob"),
        ("https://{account}.blob.core.windows.net/data", "InvalidBlob"),
        ("https://{account}.blob.core.windows.net/data/" + "x" * 300, "BlobNotUsable"),
        ("https://elsewhere.blob.core.windows.net/data/t.csv?sv=1&sig=hush", "AccountNotRegistered"),
        ("https://example.com/t.csv?sig=hush", "AddressNotMapped"),
        ("https://ada:hush@example.com/t.csv", "AddressNotMapped"),
        ("http://[bad/t.csv", "InvalidBlob"),
        ("file:///etc/hostname", "InvalidBlob"),
        (" FILE:/etc/hostname", "InvalidBlob"),
        ("/etc/hostname", "AddressNotMapped"),
        ("ftp://example.com/t.csv", "AddressNotMapped"),
        ("data:text/csv,a", "AddressNotMapped"),
    ],
)
def test_only_blobs_of_the_home_are_read(session: Session, account: str, uri: str, code: str) -> None:
    put(session, "data/folder/t.csv", CITIES)
    uri = uri.replace("{account}", account)
    for way in (by_uri(uri), over_http(uri)):
        error = refusal(session, **way)
        assert code in error.codes()
        assert "hush" not in str(error.to_json()) + str(error.hint)


def test_a_path_cannot_leave_its_account(session: Session, account: str) -> None:
    assert "InvalidBlob" in refusal(session, **by_account(account, "data/../../../home.json")).codes()
    assert "AddressNotMapped" in refusal(session, **by_account("example.com/#", "data/t.csv")).codes()
    assert "AccountNotRegistered" in refusal(session, **by_account("other00", "data/t.csv")).codes()
    assert "AddressNotMapped" in refusal(session, **by_account(" ", "data/t.csv")).codes()


def test_data_that_is_not_a_table_is_refused(session: Session, account: str) -> None:
    put(session, "data/t.csv", b"a,b\n1,2\n\xff,3\n")
    put(session, "data/ragged.csv", "a,b\n1,2,3\n")
    put(session, "data/empty.csv", "")
    assert "byte 8" in refusal(session, **by_account(account, "data/t.csv")).message
    assert "Line 2 has 3 cells" in refusal(session, **by_account(account, "data/ragged.csv")).message
    assert "has no data" in refusal(session, **by_account(account, "data/empty.csv")).message
    error = refusal(session, **by_account(account, "data/t.csv", "Excel"))
    assert "save the sheet as CSV" in error.message
    assert error.target == "in (Import Data)"


@pytest.mark.parametrize("encoding", ["klingon", "hex", "idna", "undefined", "utf-8\0", "rot13", "punycode"])
def test_an_encoding_that_cannot_read_a_table_is_refused(session: Session, account: str, encoding: str) -> None:
    put(session, "data/t.csv", b"a,b\n1,2\n\xff,3\n")
    more = by_account(account, "data/t.csv", "Delimited") | {"Encoding Format": encoding}
    assert isinstance(refusal(session, **more), ModuleFailure)


@pytest.mark.parametrize(
    ("way", "lacking"),
    [
        ({}, "Account Name"),
        ({"Account Name": "store00"}, "Path to container or directory or blob"),
        ({"Please Specify Authentication Type": "PublicOrSAS"}, "URI"),
        ({"Please Specify Data Source": "Http"}, "URL"),
        ({"Please Specify Data Source": "SqlAzure"}, "query"),
        ({"Please Specify Data Source": "SqlAzure", "Database Query": "select 1"}, "database server"),
        ({"Please Specify Data Source": "HiveQuery"}, "HiveQuery"),
    ],
)
def test_a_missing_parameter_is_named(session: Session, way: dict[str, Any], lacking: str) -> None:
    error = refusal(session, ModuleFailure, **way)
    assert lacking in error.message
    assert error.message.startswith("Import Data: ")


def test_a_dataset_resource_is_a_table_with_a_header(session: Session) -> None:
    uri = put(session, "data/t.tsv", "a\tb\n1\tx\n")
    assert read_dataset(session, uri).frame.to_dict("list") == {"a": [1], "b": ["x"]}


def test_a_dataset_resource_that_is_not_a_table_is_named(session: Session) -> None:
    uri = put(session, "data/t.csv", "a,b\n1\n")
    document = definition({"in": uri, "out": "output:o"}, ["in.Results dataset > out"])
    with pytest.raises(ModuleFailure, match="Line 2 has 1 cell,") as refused:
        runner.run(GraphPlan(document), {}, read=reader(session, document, {}))
    assert refused.value.target == "asset-in (in)"


# Mapped addresses


def test_a_mapped_address_is_read_from_its_file(session: Session) -> None:
    Path("local.csv").write_text(CITIES)
    reach.map_source(session, name="HTTP://Example.com/Cities.csv", target="local.csv")
    for url in ("http://example.com/Cities.csv", "http://EXAMPLE.com/Cities.csv?sv=1&sig=x"):
        assert len(run_import(session, **over_http(url))) == 3
    for url in ("http://example.com/cities.csv", "https://example.com/Cities.csv", "http://example.com/Cities.csv?a=1"):
        assert "AddressNotMapped" in refusal(session, **over_http(url)).codes()
    Path("local.csv").unlink()
    assert "FileNotFound" in refusal(session, **over_http("http://example.com/Cities.csv")).codes()
    reach.map_source(session, name="http://example.com/Cities.csv", remove=True)
    assert "AddressNotMapped" in refusal(session, **over_http("http://example.com/Cities.csv")).codes()


def test_mapped_files_are_never_written(session: Session) -> None:
    Path("local.csv").write_text(CITIES)
    reach.map_source(session, name="http://example.com/c.csv", target="local.csv")
    way = {"Please Specify Authentication Type": "PublicOrSAS", "SAS URI for blob": "http://example.com/c.csv"}
    with pytest.raises(NotFound):
        run_export(session, pd.DataFrame({"a": [1]}), **way)
    assert Path("local.csv").read_text() == CITIES


# Databases


@pytest.fixture
def sales(session: Session) -> Path:
    """A database `sales.db` with a table `orders`, mapped under SERVER."""
    with sqlite3.connect("sales.db") as connection:
        connection.execute("create table orders (id integer, price real, name text, note blob)")
        rows = [(1, 1.5, "a:b", None), (2, None, "50%", None), (None, 2.0, None, None)]
        connection.executemany("insert into orders values (?, ?, ?, ?)", rows)
    connection.close()
    reach.map_source(session, name=SERVER, target="sqlite:///sales.db")
    return Path("sales.db").absolute()


def select_from(path: Path, text: str = "select * from orders") -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(text).fetchall()
    finally:
        connection.close()


def test_a_query_returns_what_sqlite_returns(session: Session, sales: Path) -> None:
    frame = run_import(session, **query("select id, price, name from orders order by rowid"))
    assert frame.dtypes.astype(str).to_dict() == {"id": "Int64", "price": "float64", "name": "str"}
    values = [tuple(None if pd.isna(cell) else cell for cell in row) for row in frame.itertuples(index=False)]
    assert values == select_from(sales, "select id, price, name from orders order by rowid")
    assert run_import(session, **query("select * from orders where id > 9")).shape == (0, 4)
    assert len(run_import(session, **query("select * from orders", server=f" {SERVER.upper()} "))) == 3


def test_a_query_is_sent_without_parameter_substitution(session: Session, sales: Path) -> None:
    assert run_import(session, **query("select name from orders where name = 'a:b'"))["name"].tolist() == ["a:b"]
    assert run_import(session, **query("select name from orders where name like '%50%%'"))["name"].tolist() == ["50%"]
    assert run_import(session, **query("select '%s %(x)s :y ?' as t"))["t"].tolist() == ["%s %(x)s :y ?"]


@pytest.mark.parametrize(
    "text",
    [
        "insert into orders values (9, 9, 'x', null)",
        "insert into orders values (9, 9, 'x', null) returning id",
        "delete from orders returning id",
        "update orders set price = 0 returning id",
        "drop table orders",
        "create table other (a int)",
        "create table other as select * from orders",
        "pragma user_version = 7",
        "vacuum into 'copy.db'",
        "attach 'other.db' as other",
        "select * from orders; drop table orders",
        "commit",
        "begin",
    ],
)
def test_what_a_query_changes_is_rolled_back(session: Session, sales: Path, text: str) -> None:
    before, bytes_, listed = select_from(sales), sales.read_bytes(), sorted(os.listdir())
    if "returning" in text:
        assert len(run_import(session, **query(text))) in (1, 3)
    else:
        assert isinstance(refusal(session, **query(text)), ModuleFailure)
    assert select_from(sales) == before
    assert sales.read_bytes() == bytes_
    assert sorted(os.listdir()) == listed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("selec 1", "syntax error"),
        ("select * from nowhere", "no such table: nowhere"),
        ("select ?", "refused"),
        ("select id, price as id from orders", "several columns with the same name"),
        ("select x'00ff' as note", "The column 'note' contains bytes"),
        ("select cast(x'ff' as text) as note", "refused"),
        (" ", "query is missing"),
        ("select load_extension('x')", "not authorized"),
        ("select 1 -- \ud800", "refused"),
    ],
)
def test_a_bad_query_is_refused_with_the_database_s_message(
    session: Session, sales: Path, text: str, words: str
) -> None:
    error = refusal(session, ModuleFailure, **query(text))
    assert words in error.message
    assert error.message.startswith("Import Data: ")


def test_a_query_that_returns_too_many_cells_is_refused(
    session: Session, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "_CELLS", 50_000)
    endless = "with recursive c(n) as (select 1 union all select n + 1 from c) select n, n as m from c"
    assert "more than 50,000 cells" in refusal(session, **query(endless)).message
    assert len(run_import(session, **query(f"{endless} limit 20000"))) == 20_000


def test_the_name_of_the_database_is_inserted_into_the_url(session: Session, sales: Path) -> None:
    reach.map_source(session, name="many", target="sqlite:///{database}.db")
    assert len(run_import(session, **query("select * from orders", server="MANY"))) == 3
    assert "does not exist" in refusal(session, **query("select 1", server="many", database="none")).message
    assert not Path("none.db").exists()


@pytest.mark.parametrize("name", ["../work/sales", "", "..", "a/b", "sales.db?x"])
def test_the_name_of_the_database_cannot_lead_elsewhere(session: Session, sales: Path, name: str) -> None:
    reach.map_source(session, name="many", target="sqlite:///{database}.db")
    error = refusal(session, **query("select 1", server="many", database=name))
    assert "InvalidResourceName" in error.codes()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+nodriver://ada:{secret}@db/x",
        "postgresql://ada:{secret}@127.0.0.1:1/x",
        "sqlite:///no/such/folder/x.db?password={secret}",
        "sqlite:///sales.db?bogus={secret}",
        "nonsense://ada:{secret}@x",
        "://{secret}",
        "{secret}",
    ],
)
def test_a_connection_that_cannot_be_used_shows_no_password(session: Session, sales: Path, url: str) -> None:
    """Even if an earlier version, or a text editor, put it into the configuration."""
    from urllib.parse import quote

    for spelled in (SECRET, quote(SECRET, safe="")):
        secrets = session.store.secrets
        secrets.keep_outside({"databases": {"Odd": url.replace("{secret}", spelled)}})
        error = refusal(session, ModuleFailure, **query("select 1", server="odd"))
        shown = str(error.to_json()) + str(error.hint) + str(reach.sources(session))
        assert spelled not in shown
        assert "w#rd" not in shown
        assert "w%23rd" not in shown


def test_an_unmapped_server_says_how_to_map_it(session: Session) -> None:
    error = refusal(session, NotFound, **query("select 1"))
    assert "ServerNotMapped" in error.codes()
    assert error.hint is not None
    assert SERVER in error.hint


ROWS = pd.DataFrame(
    {
        "n": pd.array([1, None, 2**62], dtype="Int64"),
        "x": [0.5, np.nan, np.inf],
        "flag": pd.array([True, None, False], dtype="boolean"),
        "word": pd.array(["it's", None, "a%b:c?"], dtype="str"),
        "when": pd.to_datetime(["2020-01-02T03:04:05.5Z", None, "2999-12-31T00:00Z"], format="ISO8601", utc=True),
        "took": pd.to_timedelta(["1 days 02:03:04", None, "00:00:01"]),
        "kind": pd.Categorical(["u", None, "v"]),
        "level": pd.Categorical([3, None, 4]),
    }
)


def test_rows_go_into_a_new_table(session: Session, sales: Path) -> None:
    run_export(session, ROWS, **into_table("dbo.[My Rows]", SQL_Azure_Number_Of_Rows_To_Write=2))
    assert select_from(sales, "select * from [My Rows]") == [
        (1, 0.5, 1, "it's", "2020-01-02 03:04:05.500000", "1.02:03:04", "u", 3),
        (None,) * 8,
        (2**62, float("inf"), 0, "a%b:c?", "2999-12-31 00:00:00.000000", "00:00:01", "v", 4),
    ]
    run_export(session, ROWS, **into_table("my rows"))
    assert select_from(sales, "select count(*) from [My Rows]") == [(6,)]
    back = run_import(session, **query("select * from [my rows] limit 3"))
    assert back["n"].equals(ROWS["n"])
    assert back["x"].equals(ROWS["x"])
    assert back["word"].equals(ROWS["word"])


def test_columns_go_where_the_lists_say(session: Session, sales: Path) -> None:
    lists = {
        "Comma separated list of columns to be saved": "word, n",
        "Comma separated list of datatable columns": "name,id",
    }
    run_export(session, ROWS, **into_table("orders"), **lists)
    assert select_from(sales, "select id, price, name from orders where rowid > 3") == [
        (1, None, "it's"),
        (None, None, None),
        (2**62, None, "a%b:c?"),
    ]


@pytest.mark.parametrize(
    ("saved", "goals", "words"),
    [
        ("n,x", "id", "The lists differ in length: 2 in 'Comma separated list of columns to be saved', 1 in"),
        ("n,n", "id,price", "'n' is named twice"),
        ("n,x", "id,id", "'id' is named twice"),
        ("n,none", "id,price", "The column 'none' does not exist"),
        ("n", "nowhere", "nowhere"),
    ],
)
def test_lists_of_columns_that_do_not_fit_are_refused(
    session: Session, sales: Path, saved: str, goals: str, words: str
) -> None:
    lists = {
        "Comma separated list of columns to be saved": saved,
        "Comma separated list of datatable columns": goals,
    }
    before = select_from(sales)
    with pytest.raises(ModuleFailure) as refused:
        run_export(session, ROWS, **into_table("orders"), **lists)
    assert words in refused.value.message
    assert select_from(sales) == before


def test_all_rows_are_written_or_none(session: Session, sales: Path) -> None:
    with sqlite3.connect(sales) as connection:
        connection.execute("create table small (n integer primary key check (n < 150))")
    connection.close()
    frame = pd.DataFrame({"n": pd.array(range(200), dtype="Int64")})
    with pytest.raises(ModuleFailure, match="CHECK constraint failed"):
        run_export(session, frame, **into_table("small", SQL_Azure_Number_Of_Rows_To_Write=10))
    assert select_from(sales, "select count(*) from small") == [(0,)]
    with pytest.raises(ModuleFailure, match="duplicate column name"):
        run_export(session, pd.DataFrame({"n": [1], "N": [2]}), **into_table("fresh"))
    assert select_from(sales, "select name from sqlite_master") == [("orders",), ("small",)]
    run_export(session, frame.iloc[:0], **into_table("empty"))
    assert select_from(sales, "select count(*) from empty") == [(0,)]


@pytest.mark.parametrize("table", ["", "[", "a..b", "[a]b", ".a"])
def test_a_table_needs_a_name(session: Session, sales: Path, table: str) -> None:
    with pytest.raises(ModuleFailure, match="table"):
        run_export(session, ROWS, **into_table(table))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), min_size=1, unique_by=str.casefold)
)
def test_columns_with_any_name_are_written(session: Session, sales: Path, names: list[str]) -> None:
    sales.unlink()
    run_export(session, pd.DataFrame([range(len(names))], columns=names, dtype="Int64"), **into_table("t"))
    connection = sqlite3.connect(sales)
    assert [column[0] for column in connection.execute("select * from t").description] == names
    connection.close()


# Export Data to blobs


def test_a_blob_is_overwritten_only_in_overwrite_mode(session: Session, account: str) -> None:
    first, second = pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2], "b": ["x,y"]})
    run_export(session, first, **into_blob(account, "out/t.csv"))
    with pytest.raises(BadRequest) as refused:
        run_export(session, second, **into_blob(account, "out/t.csv"))
    assert "BlobExists" in refused.value.codes()
    blob = blobs.Blob(account, "out", "t.csv")
    assert session.store.blobs.read(blob) == b"a\n1\n"
    run_export(session, second, **into_blob(account, "out/t.csv", Azure_blob_storage_write_mode="overwrite"))
    assert session.store.blobs.read(blob) == b'a,b\n2,"x,y"\n'
    run_export(session, second, **into_blob(account, "out/t.tsv", header=False, File_format_for_blob_file="TSV"))
    assert session.store.blobs.read(blobs.Blob(account, "out", "t.tsv")) == b"2\tx,y\n"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("out/t.csv/deeper.csv", "BlobNotUsable"),
        ("out/" + "x" * 300, "BlobNotUsable"),
        ("out/../t.csv", "InvalidBlob"),
        ("out", "InvalidBlob"),
    ],
)
def test_a_blob_that_cannot_be_written_is_refused(session: Session, account: str, path: str, code: str) -> None:
    uri = put(session, "out/t.csv", CITIES)
    with pytest.raises(BadRequest) as refused:
        run_export(session, ROWS, **into_blob(account, path))
    assert code in refused.value.codes()
    assert read_dataset(session, uri).frame.shape == (3, 2)


def test_a_blob_cannot_be_written_over_a_folder(session: Session, account: str) -> None:
    put(session, "out/t/inner.csv", CITIES)
    with pytest.raises(BadRequest) as refused:
        run_export(session, ROWS, **into_blob(account, "out/t", Azure_blob_storage_write_mode="Overwrite"))
    assert "BlobNotUsable" in refused.value.codes()


def test_an_account_that_is_not_registered_is_refused(session: Session) -> None:
    with pytest.raises(NotFound) as refused:
        run_export(session, ROWS, **into_blob("other00", "out/t.csv"))
    assert "AccountNotRegistered" in refused.value.codes()


CELL = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8).map(
    lambda text: f"<{text}>"
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(CELL, st.none() | st.integers(-(2**63), 2**63 - 1)), min_size=1), st.sampled_from(["CSV", "TSV"])
)
def test_what_is_exported_is_imported_again(session: Session, rows: list[Any], form: str) -> None:
    account = session.store.blobs.accounts()[0]
    words, numbers = zip(*rows, strict=True)
    frame = pd.DataFrame({"word": pd.array(words, dtype="str"), "n": pd.array(numbers, dtype="Int64"), "x": 0.5})
    mode = {"Azure blob storage write mode": "Overwrite", "File format for blob file": form}
    run_export(session, frame, **into_blob(account, "out/t.x"), **mode)
    back = run_import(session, **by_account(account, "out/t.x", form))
    if all(number is None for number in numbers):
        frame["n"] = back["n"]
    pd.testing.assert_frame_equal(back, frame, check_column_type=False)

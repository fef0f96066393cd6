"""Data Input and Output: Import Data and Export Data, for registered accounts and mapped addresses and servers."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlmgmt.modules import columns, databases, delimited, text_formats
from mlmgmt.modules.base import Arguments, Dataset, Module, ModuleFailure, Parameter, Port
from mlmgmt.modules.enter_data import ENTER_DATA_MANUALLY

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from mlmgmt.modules.base import GraphAccess

_CATEGORY = "Data Input and Output"
_SOURCE, _DESTINATION = "Please Specify Data Source", "Please Specify Data Destination"
_BLOB, _HTTP, _SQL = "AzureBlobStorage", "Http", "SqlAzure"
_FROM_BLOB, _FROM_HTTP, _FROM_SQL = (_SOURCE, (_BLOB,)), (_SOURCE, (_HTTP,)), (_SOURCE, (_SQL,))
_TO_BLOB, _TO_SQL = (_DESTINATION, (_BLOB,)), (_DESTINATION, (_SQL,))
_AUTHENTICATION, _ACCOUNT, _SAS = "Please Specify Authentication Type", "Account", "PublicOrSAS"
_BY_ACCOUNT, _BY_SAS = (_AUTHENTICATION, (_ACCOUNT,)), (_AUTHENTICATION, (_SAS,))
_GONE = "there is no such service on this machine."
_ELSEWHERE = dict.fromkeys(("AzureTable", "HiveQuery", "PowerQuery", "DocumentDB"), _GONE)
_NO_KEY = "storage accounts of this home need no key."
_NO_LOGIN = "the connection that the server is mapped to has its own login."
_EXCEL, _DELIMITED = "Excel", "Delimited"
_WITH_DELIMITER = ("Blob File format", (_DELIMITED,))
_DELIMITERS = {"Comma": ",", "Tab": "\t", "Semicolon": ";", "Pipe": "|", "Space": " "}


def address_of(account: str | None, path: str | None, *, account_key: str, path_key: str) -> str:
    """Return the address of a blob, from its account and `container/path`.

    Raises:
        ModuleFailure: one of them is missing.
    """
    for value, key in ((account, account_key), (path, path_key)):
        if not value:
            raise ModuleFailure(f"{key!r} is missing.", number="0003", target=key)
    assert account is not None
    assert path is not None
    return f"https://{account.strip()}.blob.core.windows.net/{quote(path.strip().lstrip('/'))}"


def _import_data(inputs: Mapping[str, Any], arguments: Arguments, outside: GraphAccess) -> tuple[Dataset]:
    source = arguments[_SOURCE]
    if source == _SQL:
        server, database = arguments["Database Server Name"], arguments["Database Name"]
        return (databases.read(outside, server, database, arguments["Database Query"]),)
    if source == _HTTP:
        address, form, header = arguments["URL"], arguments["Data format"], arguments["CSV or TSV has Header Row"]
        key = "URL"
    elif arguments[_AUTHENTICATION] == _SAS:
        address, form, header = arguments["URI"], arguments["File format"], arguments["URI file has Header Row"]
        key = "URI"
    else:
        key = "Path to container or directory or blob"
        address = address_of(arguments["Account Name"], arguments[key], account_key="Account Name", path_key=key)
        form, header = arguments["Blob File format"], arguments["File has Header Row"]
    if not address:
        raise ModuleFailure(f"{key!r} is missing.", number="0003", target=key)
    separator = _DELIMITERS[arguments.get("Column delimiter", "Comma")]
    encoding = arguments.get("Encoding Format", "utf-8").strip()
    # Only a path in an account can be that of a folder; an address is that of one file.
    parts = outside.parts(address) if key.startswith("Path") else [address]
    data = _together([outside.read(part) for part in parts], form, header=header)
    try:
        return (text_formats.read_table(data, form, header=header, separator=separator, encoding=encoding),)
    except ValueError as error:
        # Some codecs raise a plain ValueError for bytes that they cannot read, not a UnicodeDecodeError.
        message = f"The data is not {encoding} text: {error}."
        raise ModuleFailure(message, number="0018", target="Encoding Format") from None


def _together(parts: list[bytes], form: str, *, header: bool) -> bytes:
    """Return the lines of several files after one another; the header of the first is left out of the others."""
    if len(parts) == 1:
        return parts[0]
    if form == "ARFF":
        message = f"{len(parts)} ARFF files cannot be read as one table; name one of them."
        raise ModuleFailure(message, number="0018", target="Blob File format")
    lines = parts[0].splitlines(keepends=True)
    first = lines[0].removeprefix(BOM_UTF8).strip() if header and lines else None
    for part in parts[1:]:
        more = part.removeprefix(BOM_UTF8).splitlines(keepends=True)
        if lines and more and not lines[-1].endswith((b"\n", b"\r")):
            lines[-1] += b"\n"
        lines += more[1:] if first is not None and more and more[0].strip() == first else more
    return b"".join(lines)


IMPORT_DATA = Module(
    name="Import Data",
    former_names=("Reader",),
    guid="4e1b0fe6aded4b3fa36f39b8862b9004",
    inputs=(),
    outputs=(Port("Results dataset"),),
    parameters=(
        Parameter(
            _SOURCE,
            "choice",
            _BLOB,
            label="Data source",
            choices=(_BLOB, _HTTP, _SQL, *_ELSEWHERE),
            refused=_ELSEWHERE,
        ),
        Parameter("URL", label="Data source URL", when=_FROM_HTTP),
        Parameter("Data format", "choice", "CSV", choices=("CSV", "TSV", "ARFF", "SvmLight"), when=_FROM_HTTP),
        Parameter("CSV or TSV has Header Row", "boolean", "False", when=_FROM_HTTP),
        Parameter("Database Server Name", when=_FROM_SQL),
        Parameter("Database Name", when=_FROM_SQL),
        Parameter("Server User Account Name", label="User name", when=_FROM_SQL, without_effect=_NO_LOGIN),
        Parameter(
            "Server User Account Password", label="Password", when=_FROM_SQL, without_effect=_NO_LOGIN, secret=True
        ),
        Parameter("Trust Server Certificate", "boolean", "False", when=_FROM_SQL, without_effect=_NO_LOGIN),
        Parameter("Database Query", when=_FROM_SQL),
        Parameter(
            _AUTHENTICATION,
            "choice",
            _ACCOUNT,
            label="Authentication type",
            choices=(_ACCOUNT, _SAS),
            when=_FROM_BLOB,
        ),
        Parameter("Account Name", when=_BY_ACCOUNT),
        Parameter("Account Key", when=_BY_ACCOUNT, without_effect=_NO_KEY, secret=True),
        Parameter("Path to container or directory or blob", when=_BY_ACCOUNT),
        Parameter(
            "Blob File format",
            "choice",
            "CSV",
            choices=("CSV", "TSV", "ARFF", _DELIMITED, _EXCEL),
            refused={_EXCEL: "save the sheet as CSV."},
            when=_BY_ACCOUNT,
        ),
        Parameter("File has Header Row", "boolean", "False", when=_BY_ACCOUNT),
        Parameter(
            "Column delimiter",
            "choice",
            "Comma",
            label="Column delimiter format",
            choices=tuple(_DELIMITERS),
            when=_WITH_DELIMITER,
        ),
        Parameter("Encoding Format", default="utf-8", when=_WITH_DELIMITER),
        Parameter("URI", label="Blob URI", when=_BY_SAS),
        Parameter("File format", "choice", "CSV", choices=("CSV", "TSV", "ARFF"), when=_BY_SAS),
        Parameter("URI file has Header Row", "boolean", "False", when=_BY_SAS),
        Parameter("Use cached results", "boolean", "False", without_effect="every run reads the data again."),
    ),
    reach=_import_data,
    category=_CATEGORY,
    maps_to="pandas.read_csv on blobs of this home's accounts and mapped files; SQLAlchemy for mapped servers",
)


def _export_data(inputs: Mapping[str, Any], arguments: Arguments, outside: GraphAccess) -> tuple[()]:
    dataset: Dataset = inputs["Dataset"]
    if arguments[_DESTINATION] == _SQL:
        databases.write(
            outside,
            arguments["Database Server Name"],
            arguments["Database Name"],
            arguments["Data Table Name"],
            _columns_to_save(dataset, arguments),
            rows_at_once=arguments["SQL Azure Number Of Rows To Write"],
        )
        return ()
    if arguments[_AUTHENTICATION] == _SAS:
        address, form, header = (
            arguments["SAS URI for blob"],
            arguments["File format for SAS file"],
            "Write SAS header row",
        )
        if not address:
            raise ModuleFailure("'SAS URI for blob' is missing.", number="0003", target="SAS URI for blob")
    else:
        key = "Path to blob beginning with container"
        address = address_of(
            arguments["Azure Account Name"], arguments[key], account_key="Azure Account Name", path_key=key
        )
        form, header = arguments["File format for blob file"], "Write blob header row"
    overwrite = arguments.get("Azure blob storage write mode") == "Overwrite"
    text = delimited.from_frame(dataset.frame, text_formats.SEPARATORS[form], header=arguments[header])
    outside.write(address, text, overwrite=overwrite)
    return ()


def _columns_to_save(dataset: Dataset, arguments: Arguments) -> pd.DataFrame:
    """Return the columns to save, under their names in the database table."""
    keys = ("Comma separated list of columns to be saved", "Comma separated list of datatable columns")
    given, targets = ([name.strip() for name in (arguments[key] or "").split(",") if name.strip()] for key in keys)
    names = given or [str(name) for name in dataset.frame.columns]
    targets = targets or names
    for list_, key in ((names, keys[0]), (targets, keys[1])):
        if twice := [name for place, name in enumerate(list_) if name in list_[:place]]:
            raise ModuleFailure(f"The column {twice[0]!r} is named twice.", number="0028", target=key)
    if len(names) != len(targets):
        message = f"The lists differ in length: {len(names)} in {keys[0]!r}, {len(targets)} in {keys[1]!r}."
        raise ModuleFailure(message, target=keys[1])
    columns.select(dataset, columns.selection_of(*names), parameter=keys[0])
    return dataset.frame[names].set_axis(targets, axis=1)


EXPORT_DATA = Module(
    name="Export Data",
    former_names=("Writer",),
    guid="7a391181b6a74ad4b82de419c0d6522c",
    inputs=(Port("Dataset"),),
    outputs=(),
    parameters=(
        Parameter(
            _DESTINATION,
            "choice",
            _BLOB,
            label="Data destination",
            choices=(_BLOB, _SQL, "AzureTable", "HiveQuery"),
            refused=dict.fromkeys(("AzureTable", "HiveQuery"), _GONE),
        ),
        Parameter("Database Server Name", when=_TO_SQL),
        Parameter("Database Name", when=_TO_SQL),
        Parameter("Server User Account Name", label="User name", when=_TO_SQL, without_effect=_NO_LOGIN),
        Parameter(
            "Server User Account Password", label="Password", when=_TO_SQL, without_effect=_NO_LOGIN, secret=True
        ),
        Parameter("Trust Server Certificate", "boolean", "False", when=_TO_SQL, without_effect=_NO_LOGIN),
        Parameter("Comma separated list of columns to be saved", when=_TO_SQL),
        Parameter("Data Table Name", when=_TO_SQL),
        Parameter("Comma separated list of datatable columns", when=_TO_SQL),
        Parameter(
            "SQL Azure Number Of Rows To Write",
            "integer",
            "50",
            label="Number of rows written per SQL Azure operation",
            minimum=1,
            maximum=200,
            when=_TO_SQL,
        ),
        Parameter(
            "Treat Errors as Warnings",
            "choice",
            "False",
            choices=("True", "False"),
            refused={"True": "a failed export must be an error."},
            when=_TO_SQL,
        ),
        Parameter(
            _AUTHENTICATION,
            "choice",
            _ACCOUNT,
            label="Authentication type",
            choices=(_ACCOUNT, _SAS),
            when=_TO_BLOB,
        ),
        Parameter("Azure Account Name", when=_BY_ACCOUNT),
        Parameter("Azure Account Key", when=_BY_ACCOUNT, without_effect=_NO_KEY, secret=True),
        Parameter("Path to blob beginning with container", when=_BY_ACCOUNT),
        Parameter("Azure blob storage write mode", "choice", "Error", choices=("Error", "Overwrite"), when=_BY_ACCOUNT),
        Parameter(
            "File format for blob file",
            "choice",
            "CSV",
            choices=("CSV", "TSV", "ARFF"),
            refused={"ARFF": "no library here writes ARFF."},
            when=_BY_ACCOUNT,
        ),
        Parameter("Write blob header row", "boolean", "False", when=_BY_ACCOUNT),
        Parameter("SAS URI for blob", when=_BY_SAS),
        Parameter("File format for SAS file", "choice", "CSV", choices=("CSV", "TSV"), when=_BY_SAS),
        Parameter("Write SAS header row", "boolean", "False", when=_BY_SAS),
    ),
    reach=_export_data,
    category=_CATEGORY,
    maps_to="pandas.DataFrame.to_csv to blobs of this home's accounts; to_sql for mapped servers",
)

MODULES = (IMPORT_DATA, EXPORT_DATA, ENTER_DATA_MANUALLY)

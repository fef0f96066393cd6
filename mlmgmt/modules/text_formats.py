"""How text becomes values: the types of a table's cells, and the table formats that modules read."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from mlmgmt.counts import count_of
from mlmgmt.modules import delimited
from mlmgmt.modules.base import Dataset
from mlmgmt.modules.columns import studio_type
from mlmgmt.modules.failures import ModuleFailure
from mlmgmt.modules.features import texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mlmgmt.modules.features import Column

    Parse = Callable[[Column], Any]
    """Takes words, none of them blank; returns as many values, or None if a word is not of that type."""

SEPARATORS = {"CSV": ",", "TSV": "\t"}
_WORDS = {"true": True, "false": False}
_LARGEST = 100_000_000
"""The most cells that a sparse text may expand to."""


def booleans(words: Column, values: dict[str, bool] = _WORDS) -> Column | None:
    """Parse words as booleans, in any letter case."""
    if not len(words) or words[0].strip().casefold() not in values:
        return None
    codes, distinct = pd.factorize(words)
    found = [values.get(word.strip().casefold()) for word in distinct]
    return None if None in found else np.array(found, dtype=bool)[codes]


def whole_numbers(words: Column) -> Column | None:
    """Parse words as 64-bit integers."""
    try:
        return None if "_" in "".join(words) else words.astype(np.int64)
    except (ValueError, OverflowError):
        return None


def numbers(words: Column) -> Column | None:
    """Parse words as finite numbers."""
    try:
        found = words.astype(np.float64)
    except ValueError:
        return None
    return found if np.isfinite(found).all() and "_" not in "".join(words) else None


_NARROWEST: tuple[tuple[str, Parse], ...] = (("boolean", booleans), ("Int64", whole_numbers), ("float64", numbers))


_USUAL_DATES = ("ISO8601", *(f"%m/%d/%Y{time}" for time in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")))
USUAL_SPAN = (
    r"(?P<sign>-)?(?:(?P<d>\d{1,6})|(?:(?P<days>\d{1,6})\.)?(?P<h>[01]?\d|2[0-3]):(?P<m>[0-5]?\d)"
    r"(?::(?P<s>[0-5]?\d)(?:\.(?P<f>\d{1,7}))?)?)"
)
_LONGEST = 2**63 // 100
"""The longest time span that pandas can hold, in ticks; about 292 years."""


def dates(words: Column, form: str | None = None) -> Any:
    """Parse words as times in UTC: by a strptime format, or else as ISO 8601 or month/day/year."""
    stripped = pd.Series(words, dtype=object).str.strip()
    found: Any = None
    for one in _USUAL_DATES if form is None else (form,):
        read = pd.to_datetime(stripped, format=one, utc=True, errors="coerce")
        found = read if found is None else found.fillna(read)
        if not found.isna().any():
            return found.array
    return None


def spans(words: Column, pattern: str = USUAL_SPAN) -> Any:
    """Parse words as time spans, by a regular expression with a group for each unit. A tick is 100 nanoseconds."""
    parts = pd.Series(words, dtype=object).str.strip().str.extract(f"^(?P<all>{pattern})$")
    if parts["all"].isna().any():
        return None
    units = {"d": 86_400, "days": 86_400, "h": 3_600, "m": 60, "s": 1}
    ticks: Any = sum(
        parts[unit].fillna("0").astype("int64") * size * 10**7 for unit, size in units.items() if unit in parts
    )
    if "f" in parts:
        ticks = ticks + parts["f"].fillna("").str.ljust(7, "0").astype("int64")
    if "sign" in parts:
        ticks = ticks.where(parts["sign"].isna(), -ticks)
    return None if (ticks.abs() > _LONGEST).any() else (ticks * 100).to_numpy().astype("timedelta64[ns]")


class Cells:
    """The words in the cells of a text column; blank cells are missing."""

    def __init__(self, series: pd.Series[Any]) -> None:
        self.series = series
        words: Column = series.to_numpy(dtype=object)
        if pd.api.types.infer_dtype(words, skipna=True) not in ("string", "empty"):
            words = texts(series)
        gone = pd.isna(words)
        words = np.where(gone, "", words) if gone.any() else words
        blank = np.fromiter(map(str.isspace, words), dtype=bool, count=len(words)) | (words == "")
        self.places = np.flatnonzero(~blank)
        self.words: Column = words[self.places]

    def column(self, values: Any, dtype: str | None = None) -> pd.Series[Any]:
        """Return the column with these values in its cells, one for each word."""
        found: pd.Series[Any] = pd.Series(values, index=self.places, dtype=dtype)
        found = found.reindex(range(len(self.series))).set_axis(self.series.index)
        found.name = self.series.name
        return found


def guess_types(frame: pd.DataFrame) -> pd.DataFrame:
    """Give each text column the narrowest of Boolean, Integer and Double that all its present cells fit.

    The others stay text, dates among them. Blank cells are missing. Columns that are not text do not change.
    """
    columns = {name: _guess_type(frame[name]) for name in frame.columns}
    return pd.DataFrame(columns, index=frame.index)


def _guess_type(series: pd.Series[Any]) -> pd.Series[Any]:
    if studio_type(series) != "String":
        return series
    cells = Cells(series)
    if len(cells.words):
        for dtype, parse in _NARROWEST:
            if (found := parse(cells.words)) is not None:
                return cells.column(found, dtype)
    return cells.column(cells.words, "str")


def to_text(series: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column's values as text, as .NET writes them; dates and times as in ISO 8601."""
    found = [None if pd.isna(value) else text_of(value) for value in series.to_numpy(dtype=object)]
    return pd.Series(pd.array(found, dtype="str"), index=series.index, name=series.name)


def text_of(value: Any) -> str:
    """Return one value as text, as .NET writes it."""
    if isinstance(value, pd.Timestamp):
        return (value if value.tz is None else value.tz_convert(None)).isoformat()
    if isinstance(value, pd.Timedelta):
        days, parts = value.components.days, abs(value).components
        ticks = (parts.milliseconds * 1000 + parts.microseconds) * 10 + parts.nanoseconds // 100
        lead = f"{parts.days}." if parts.days else ""
        fraction = f".{ticks:07d}" if ticks else ""
        sign = "-" if days < 0 else ""
        return f"{sign}{lead}{parts.hours:02d}:{parts.minutes:02d}:{parts.seconds:02d}{fraction}"
    if isinstance(value, (float, np.floating)):
        return repr(float(value)).removesuffix(".0")
    return str(value)


def read_table(data: bytes, form: str, *, header: bool, separator: str = ",", encoding: str = "utf-8") -> Dataset:
    """Return the table in a file; the column types are guessed.

    Args:
        form: the format: `CSV`, `TSV`, `ARFF`, `SvmLight` or `Delimited`.

    Raises:
        ModuleFailure: the data is not in that format.
    """
    if form == "ARFF":
        return Dataset(read_arff(data))
    if form == "SvmLight":
        return Dataset(read_svmlight(data))
    return Dataset(read_delimited(data, SEPARATORS.get(form, separator), header, encoding))


def format_of(address: str) -> str:
    """Return the format of a file by the ending of its path; CSV if the ending is unknown."""
    path = urlsplit(address).path.casefold()
    return next((form for form in ("TSV", "ARFF") if path.endswith(f".{form.casefold()}")), "CSV")


def read_delimited(data: bytes, separator: str, header: bool, encoding: str = "utf-8") -> pd.DataFrame:
    """Return the table in a delimited text; the column types are guessed.

    Without a header the columns are named Col1 to ColN. An empty line is a row of missing cells.

    Raises:
        ModuleFailure: it is not text in that encoding, it is empty, its header names a column twice or not at all, or
            a line has the wrong number of cells.
    """
    text = _decode(data, encoding)
    try:
        lines = list(delimited.reader(text, separator))
    except csv.Error as error:
        raise ModuleFailure(f"The text is not properly quoted: {error}.", number="0018") from None
    width = next((len(line) for line in lines if line), 0)
    if not width:
        raise ModuleFailure("The text has no data.", number="0003", hint="It needs at least one line.")
    # Lines are checked one by one only if their lengths differ.
    if {len(line) for line in lines} != {width}:
        lines = [_check_width(text, separator, place, line, width) for place, line in enumerate(lines)]
    names = [f"Col{place + 1}" for place in range(width)]
    if header:
        names = _header(lines[0])
        lines = lines[1:]
    # By column, because the columns are parsed next.
    cells = np.ascontiguousarray(np.array(lines, dtype=object).reshape(len(lines), width).T)
    return guess_types(pd.DataFrame(dict(zip(names, cells, strict=True)), dtype=object, copy=False))


def _decode(data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise ModuleFailure(f"Unknown encoding {encoding!r}.") from None
    except UnicodeDecodeError as error:
        message = f"The data is not {encoding} text: byte {error.start} cannot be read."
        raise ModuleFailure(message, number="0018", hint="Save it as UTF-8, or name its encoding.") from None
    if "\0" in text:
        raise ModuleFailure("The data is not text.", number="0018", hint=f"It was read as {encoding}.")
    return text


def _check_width(text: str, separator: str, place: int, line: list[str], width: int) -> list[str]:
    """Return the line, or a row of missing cells for a blank one; raise if its width is wrong."""
    if len(line) == width:
        return line
    if len(line) < 2 and not "".join(line).strip():
        return [""] * width
    reader = delimited.reader(text, separator)
    number = 1
    for _ in range(place):
        next(reader)
        number = reader.line_num + 1
    message = f"Line {number} has {count_of(len(line), 'cell')}, but the first line has {width}."
    hint = "Put cells that contain the separator in quotation marks."
    raise ModuleFailure(message, number="0018", target=f"line {number}", hint=hint)


def _header(line: list[str]) -> list[str]:
    names = [name.strip() for name in line]
    hint = "Name every column once, or say that there is no header."
    if "" in names:
        message = f"The header does not name column {names.index('') + 1}."
        raise ModuleFailure(message, number="0018", target="line 1", hint=hint)
    if repeated := next((name for place, name in enumerate(names) if name in names[:place]), None):
        raise ModuleFailure(f"The header names {repeated!r} twice.", number="0028", target=repeated, hint=hint)
    return names


_STRING = re.compile(r"^(\s*@attribute\s.*\s)string\s*$", re.IGNORECASE | re.MULTILINE)
_ATTRIBUTE = re.compile(r"^\s*@attribute\s.*$", re.IGNORECASE | re.MULTILINE)
_DATA = re.compile(r"^\s*@data\b.*$", re.IGNORECASE | re.MULTILINE)


def read_arff(data: bytes) -> pd.DataFrame:
    """Return the table in an ARFF text: nominal attributes are categorical, dates are in UTC.

    Raises:
        ModuleFailure: it is not ARFF, or an attribute has a type that is not supported.
    """
    text = _decode(data, "utf-8")
    begins = _DATA.search(text)
    if begins is None:
        raise ModuleFailure("The ARFF text has no @DATA line.", number="0018")
    header = text[: begins.start()]
    attributes = _attributes(header)
    kinds = [line.split()[-1].casefold() for line in _ATTRIBUTE.findall(header)]
    first = text.count("\n", 0, begins.end()) + 2
    rows = list(_arff_rows(text[begins.end() :].splitlines()[1:], first, len(attributes)))
    cells = np.array([row for _, row in rows], dtype=object).reshape(len(rows), len(attributes))
    columns = {}
    for place, (name, kind, values) in enumerate(attributes):
        series = pd.Series(cells[:, place], dtype=object, name=name)
        columns[name] = _attribute(series, "string" if kinds[place] == "string" else kind, values, kinds[place])
    return pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))


def _attributes(header: str) -> list[tuple[str, str, Any]]:
    """Return name, kind, and values or date format of each attribute."""
    from scipy.io import arff

    # scipy reads headers well, but not text attributes, headers without a relation, or rows with a quoted space.
    relation = "" if re.search(r"^\s*@relation\b", header, re.IGNORECASE | re.MULTILINE) else "@relation unnamed\n"
    try:
        _, meta = arff.loadarff(io.StringIO(relation + _STRING.sub(r"\1numeric", header) + "\n@data\n"))
    except (arff.ArffError, NotImplementedError, ValueError, StopIteration) as error:
        raise ModuleFailure(f"The ARFF header cannot be read: {error}.", number="0018") from None
    if not meta.names():
        raise ModuleFailure("The ARFF text declares no attributes.", number="0018")
    return [(name, *meta[name]) for name in meta.names()]


def _arff_rows(lines: Iterable[str], number: int, width: int) -> Iterator[tuple[int, list[str | None]]]:
    for place, line in enumerate(lines, number):
        stripped = line.strip()
        if not stripped or stripped.startswith("%"):
            continue
        if stripped.startswith("{"):
            raise ModuleFailure(f"Line {place} is sparse ARFF, which is not supported.", target=f"line {place}")
        quote = '"' if '"' in stripped and "'" not in stripped else "'"
        row = [cell.strip() for cell in next(csv.reader([stripped], quotechar=quote, skipinitialspace=True))]
        if len(row) != width:
            message = f"Line {place} has {count_of(len(row), 'cell')} for {count_of(width, 'attribute')}."
            raise ModuleFailure(message, number="0018", target=f"line {place}")
        yield place, [None if cell == "?" else cell for cell in row]


def _attribute(series: pd.Series[Any], kind: str, values: Any, word: str) -> pd.Series[Any]:
    cells = Cells(series)
    if kind == "string":
        return cells.column(cells.words, "str")
    if kind == "nominal":
        unknown = [name for name in cells.words if name not in values]
        found: Any = None if unknown else cells.words
    elif kind == "date":
        found = pd.to_datetime(cells.words, format=values, utc=True, errors="coerce")
        unknown = list(cells.words[found.isna()])
    else:
        found = numbers(cells.words)
        unknown = [] if found is not None else [name for name in cells.words if numbers(_one(name)) is None]
    if unknown:
        message = f"{unknown[0]!r} is not a valid value of the {kind} attribute {series.name!r}."
        raise ModuleFailure(message, number="0018", target=str(series.name))
    if kind == "nominal":
        return cells.column(pd.Categorical(found, categories=pd.Index(values, dtype="str")))
    if word == "integer" and (exact := whole_numbers(cells.words)) is not None:
        return cells.column(exact, "Int64")
    return cells.column(found)


def _one(word: str) -> Column:
    return np.array([word], dtype=object)


def read_svmlight(data: bytes) -> pd.DataFrame:
    """Return the table in an SVMlight text: Col1 to ColN, and Labels last.

    Raises:
        ModuleFailure: it is not SVMlight, it is empty, or it is too wide to expand.
    """
    from sklearn.datasets import load_svmlight_file

    if re.search(rb"\sqid:", data):
        raise ModuleFailure("The SVMlight text has query ids, which a dataset cannot hold.", number="0018")
    try:
        matrix, labels = load_svmlight_file(io.BytesIO(data))
    except (ValueError, OverflowError) as error:
        raise ModuleFailure(f"The text is not SVMlight: {error}.", number="0018") from None
    count, width = matrix.shape
    if not count:
        raise ModuleFailure("The text has no data.", number="0003", hint="It needs at least one line.")
    if count * width > _LARGEST:
        message = f"{count_of(count, 'row')} of {count_of(width, 'column')} are too many for a dataset."
        raise ModuleFailure(message, number="0007")
    frame = pd.DataFrame(matrix.toarray(), columns=[f"Col{place + 1}" for place in range(width)])
    exact = bool((labels % 1 == 0).all() and (np.abs(labels) < 2**53).all())
    return frame.assign(Labels=labels.astype(np.int64) if exact else labels).astype(
        {"Labels": "Int64"} if exact else {}
    )

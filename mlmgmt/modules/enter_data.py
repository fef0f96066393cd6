"""Data Input and Output: Enter Data Manually."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.modules import text_formats
from mlmgmt.modules.base import Arguments, Module, ModuleFailure, Parameter, Port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.modules.base import Dataset


def _enter_data(_: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset]:
    text = arguments["Data"]
    if text is None:
        raise ModuleFailure("The data is missing.", number="0003", target="Data", hint="Type at least one line.")
    # JSON can hold lone surrogates, which UTF-8 cannot; the reader of the bytes refuses them.
    data = text.encode("utf-8", "surrogatepass")
    return (text_formats.read_table(data, arguments["DataFormat"], header=arguments.get("HasHeader", False)),)


ENTER_DATA_MANUALLY = Module(
    name="Enter Data Manually",
    guid="4fbef0ab2c8e4a25b5c47be76eac33d6",
    inputs=(),
    outputs=(Port("dataset"),),
    parameters=(
        Parameter("DataFormat", "choice", "CSV", label="Data format", choices=("ARFF", "CSV", "SvmLight", "TSV")),
        Parameter("Data"),
        Parameter("HasHeader", "boolean", "True", label="Has header", when=("DataFormat", ("TSV", "CSV"))),
    ),
    run=_enter_data,
    category="Data Input and Output",
    maps_to="Python's csv; scipy.io.arff for ARFF headers; sklearn.datasets.load_svmlight_file",
)

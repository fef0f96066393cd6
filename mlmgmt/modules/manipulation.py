"""Data Transformation / Manipulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.modules import columns
from mlmgmt.modules.base import Arguments, Dataset, Module, Parameter, Port

if TYPE_CHECKING:
    from collections.abc import Mapping

_CATEGORY = "Data Transformation / Manipulation"


def _select_columns(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset]:
    dataset: Dataset = inputs["Dataset"]
    names = columns.select(dataset, arguments["Select Columns"], parameter="Select Columns")
    return (dataset.with_frame(dataset.frame.loc[:, names]),)


SELECT_COLUMNS = Module(
    name="Select Columns in Dataset",
    former_names=("Project Columns",),
    guid="1ec722fab6234e26a44ea50c6d726223",
    inputs=(Port("Dataset"),),
    outputs=(Port("Results dataset"),),
    parameters=(Parameter("Select Columns", "columns", label="Select columns"),),
    run=_select_columns,
    category=_CATEGORY,
    maps_to="pandas.DataFrame.loc",
)

MODULES = (SELECT_COLUMNS,)

"""The files that ship beside the code: `schemas/` and `fixtures/`, in the wheel and in a checkout alike."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import orjson

from mlmgmt.errors import NotFound

API_VERSION = "2017-01-01"
_PACKAGE = Path(__file__).parent
SCHEMAS = {"webservice": f"{API_VERSION}/webservice.json"}


def _root(folder: str) -> Path:
    shipped = _PACKAGE / folder
    return shipped if shipped.is_dir() else _PACKAGE.parent / folder


def schema_text(name: str) -> bytes:
    """The JSON Schema called `name`, as shipped.

    Raises:
        NotFound: there is no schema of that name.
    """
    try:
        return (_root("schemas") / SCHEMAS[name.lower()]).read_bytes()
    except KeyError:
        raise NotFound(f"There is no schema called {name!r}.", hint=f"There are: {', '.join(SCHEMAS)}.") from None


@cache
def schema(name: str) -> dict[str, Any]:
    """The JSON Schema called `name`, parsed once a process."""
    document: dict[str, Any] = orjson.loads(schema_text(name))
    return document


def fixture(name: str) -> Path:
    """The path of a shipped fixture, such as `churn/customers.csv`."""
    return _root("fixtures") / name

"""The files that ship with the code: `schemas/` and `fixtures/`, found in the wheel and in a checkout."""

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
    """Return the text of a JSON Schema.

    Raises:
        NotFound: there is no schema with that name.
    """
    try:
        return (_root("schemas") / SCHEMAS[name.lower()]).read_bytes()
    except KeyError:
        raise NotFound(f"There is no schema named {name!r}.", hint=f"There are: {', '.join(SCHEMAS)}.") from None


@cache
def schema(name: str) -> dict[str, Any]:
    """Return a parsed JSON Schema."""
    document: dict[str, Any] = orjson.loads(schema_text(name))
    return document


def fixture(name: str) -> Path:
    """Return the path of a shipped fixture, such as `churn/customers.csv`."""
    return _root("fixtures") / name

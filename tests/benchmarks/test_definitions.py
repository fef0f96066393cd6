"""Definitions of 5 MB: read, write and compare them, measured against the least work that does the same.

The garbage collector is off for both candidates: then the parser is fastest, and the ratio is strictest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from mlmgmt.definition import diff, document, reading

from . import making
from .ratio import Aim

if TYPE_CHECKING:
    from mlmgmt.definition.schema import Contract

    from .conftest import Measure

SIZE = 5_000_000
ROUNDS = 15


@pytest.fixture(scope="module")
def data() -> bytes:
    return making.definition(SIZE)


def test_read_and_write(measure: Measure, contract: Contract, data: bytes) -> None:
    """Read, validate and write in canonical form, against only parsing and writing the same bytes."""
    read = reading.read(data, contract)
    assert not read.warnings
    canonical = document.write(read.document)
    assert canonical != data
    assert document.write(reading.read(canonical, contract).document) == canonical
    measure(
        "read + validate + write 5 MB / orjson.loads + dumps",
        lambda: document.write(reading.read(data, contract).document),
        lambda: orjson.dumps(orjson.loads(data)),
        aim=Aim(6),
        rounds=ROUNDS,
        collector=False,
    )


@pytest.mark.parametrize("place", ["node", "asset", "title"])
def test_diff(measure: Measure, contract: Contract, data: bytes, place: str) -> None:
    """Find the one leaf that differs, against comparing two equal copies with ==."""
    before = reading.read(data, contract).document
    after = document.copy(before)
    properties = after["properties"]
    if place == "node":
        nodes = properties["package"]["nodes"]
        parameters = nodes[f"node{len(nodes) // 2}"]["parameters"]
        next(iter(parameters.values()))["value"] = "another"
    elif place == "asset":
        properties["assets"][f"asset{len(properties['assets']) // 2}"]["name"] = "Another"
    else:
        properties["title"] = "Another"
    assert len(diff.changes(before, after, contract)) == 1
    left, right = document.copy(before), document.copy(before)
    measure(
        f"diff of 5 MB, one leaf of {'the ' if place == 'title' else 'one '}{place} / ==",
        lambda: diff.changes(before, after, contract),
        lambda: left == right,
        aim=Aim(12),
        rounds=ROUNDS,
        collector=False,
    )

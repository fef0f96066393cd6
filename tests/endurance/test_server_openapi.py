"""Check the server against its own OpenAPI document with many requests. This takes minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.server import fuzzing
from tests.server.conftest import server as server
from tests.server.conftest import serving as serving
from tests.server.conftest import shared as shared

if TYPE_CHECKING:
    from tests.server.conftest import Server

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")


def test_every_operation_matches_the_document_in_many_requests(server: Server, mlmgmt: Any) -> None:
    ground = fuzzing.prepared(server, mlmgmt)
    wrong = list(fuzzing.asked(ground, examples=40, seed=1))
    assert not wrong, "\n\n".join(wrong)
    assert sum(ground.seen.values()) > 4_000


def test_many_damaged_documents_are_refused_or_accepted_without_an_error(server: Server, mlmgmt: Any) -> None:
    ground = fuzzing.prepared(server, mlmgmt)
    assert not list(fuzzing.refused_badly(ground, times=150, seed=1))

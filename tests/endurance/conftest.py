"""What takes long is tested with workers of batch jobs that are started as a user starts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import preloaded as forking

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def preloaded() -> Iterator[None]:
    """Fork servers only. Workers that are forked would end fifty jobs before any of them waits in a queue."""
    yield
    forking.stop()

"""Fixtures that several stories share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stories.browser import PROGRAM, Browser

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Yield the browser that opens all pages, one after the other."""
    assert PROGRAM is not None
    opened = Browser(PROGRAM, tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()

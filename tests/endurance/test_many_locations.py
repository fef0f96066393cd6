"""The walkthrough of many models with all ten of its locations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.many.test_many_walkthrough import NAMES, walk

if TYPE_CHECKING:
    import pytest

    from tests.conftest import Command


def test_ten_locations_get_ten_endpoints_with_ten_models(mlmgmt: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    walk(mlmgmt, monkeypatch, NAMES)

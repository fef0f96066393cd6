"""Reading services: whether a full group slows down reading one, and what listing costs compared with bare reading."""

from __future__ import annotations

import os
import random
import shutil
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from mlmgmt.ids import services_folder
from mlmgmt.store.services import CURRENT
from mlmgmt.verbs.services import lookup

from . import making
from .ratio import Aim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlmgmt.verbs.session import Session

    from .conftest import Measure

FEW, MANY = 10, 10_000
GETS = 400


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A home with a small group and a full one."""
    folder = tmp_path_factory.mktemp("services")
    made = making.session(folder)
    data = making.definition(4000)
    making.services(made, "few", FEW, data)
    making.services(made, "many", MANY, data)
    yield made
    # Remove the home now: pytest keeps temporary folders for a while, and 40,000 files and folders are too many.
    shutil.rmtree(folder)


def test_get_among_many(measure: Measure, session: Session) -> None:
    """Get services at random by name, from the full group against the small one."""
    dice = random.Random(1)

    def getting(group: str, count: int) -> Callable[[], None]:
        def get() -> None:
            for number in drawn[count]:
                lookup.get(session, group=group, name=f"service-{number:05}")

        return get

    drawn = {count: [dice.randrange(count) for _ in range(GETS)] for count in (FEW, MANY)}
    measure(
        "get one of 10,000 / get one of 10",
        getting("many", MANY),
        getting("few", FEW),
        aim=Aim(1.1),
        rounds=25,
    )


@pytest.mark.parametrize("collector", [True, False], ids=["collector on", "collector off"])
def test_list(measure: Measure, session: Session, collector: bool) -> None:
    """List the full group, against reading and parsing its current documents in a bare loop that keeps them.

    With the garbage collector on, as by default, it walks the kept documents again and again; with it off, the bare
    loop is fastest.
    """
    folder = session.store.home.root / services_folder(session.group_id("many"))

    def bare() -> list[Any]:
        kept = []
        for name in os.listdir(folder):
            with open(f"{folder}/{name}/{CURRENT}", "rb") as file:
                kept.append(orjson.loads(file.read()))
        return kept

    assert len(lookup.get(session, group="many")) == len(bare()) == MANY
    measure(
        f"list 10,000 / bare loop, collector {'on' if collector else 'off'}",
        lambda: lookup.get(session, group="many"),
        bare,
        aim=Aim(1.5),
        rounds=7,
        warm=1,
        collector=collector,
    )

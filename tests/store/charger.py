"""One of several processes that charge one commitment plan, with many small additions to two services."""

from __future__ import annotations

import sys
from datetime import date

from mlmgmt.ids import PlanId
from mlmgmt.verbs.session import Session


def main(plan: str, own: str, count: int) -> None:
    usage = Session().store.usage
    for _ in range(count):
        usage.add(PlanId.parse(plan), date(2026, 11, 21), {own: (1, 0.5), "shared": (2, 0.25)})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

"""One of several concurrent writers: updates with -IfMatch, each repeated until it succeeds."""

from __future__ import annotations

import sys

from mlmgmt.errors import PreconditionFailed
from mlmgmt.verbs.services import lookup, webservices
from mlmgmt.verbs.session import Session


def main(writer: str, count: int) -> None:
    session = Session()
    for number in range(count):
        while True:
            etag = lookup.existing(session, "retail", "small").etag
            try:
                webservices.plan_update(
                    session, group="retail", name="small", title=f"{writer} {number}", if_match=etag
                ).apply()
                break
            except PreconditionFailed:
                continue


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

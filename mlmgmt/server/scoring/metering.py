"""Count and log the calls of scoring: kept in memory by each worker, written once a second."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt.errors import MlmgmtError
from mlmgmt.verbs.plans import usage
from mlmgmt.verbs.scoring import diagnostics
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from mlmgmt.ids import ServiceId
    from mlmgmt.verbs.scoring.serving import Serving
    from mlmgmt.verbs.session import Session

_MOST_LINES = 10_000


class ServiceMeter:
    """The counts of one web service since the worker started.

    The event loop adds to them, and another thread charges them to the plan. So that neither undoes the work of the
    other, counts only grow, and `charged` has the part that is already charged. `in_flight` is the number of calls
    being answered, of all revisions.
    """

    __slots__ = ("_session", "charged", "in_flight", "lines", "resource", "seconds", "suspended", "transactions")

    def __init__(self, session: Session, resource: ServiceId) -> None:
        self._session, self.resource = session, resource
        self.transactions, self.seconds = 0, 0.0
        self.suspended = False
        self.in_flight = 0
        self.charged = (0, 0.0)
        self.lines: deque[dict[str, Any]] = deque()

    def count_answer(self, serving: Serving, rows: int, seconds: float) -> None:
        """Count an answered call, which is one transaction of the plan."""
        self.transactions += 1
        self.seconds += seconds
        if serving.diagnoses:
            self._note(serving, failed=False, status=200, rows=rows, ms=round(seconds * 1000, 3))

    def note_failure(self, serving: Serving, error: MlmgmtError, seconds: float) -> None:
        """Log a refused call, which is not charged."""
        if serving.diagnoses:
            codes = [detail.code for detail in error.details]
            self._note(serving, failed=True, status=error.http_status, codes=codes, ms=round(seconds * 1000, 3))

    def _note(self, serving: Serving, *, failed: bool, **line: Any) -> None:
        now = self._session.clock()
        if serving.logs(now, failed=failed) and len(self.lines) < _MOST_LINES:
            self.lines.append(
                {"time": stamp(now), "revision": serving.revision.number, "models": serving.digests, **line}
            )


class Meter:
    """The counts of all web services in a worker."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._services: dict[ServiceId, ServiceMeter] = {}
        self._flushing = Lock()

    def of(self, resource: ServiceId) -> ServiceMeter:
        """Return the counts of a web service.

        At its first call, look whether its plan is used up, so that the first call is refused as well.
        """
        found = self._services.get(resource)
        if found is None:
            found = self._services[resource] = ServiceMeter(self._session, resource)
            found.suspended = usage.is_suspended(self._session, resource)
        return found

    def flush(self) -> None:
        """Charge the new counts to the plans, write the log lines, and look which plans are used up.

        Charges that fail (a full disk, a lock that another process holds) are tried again next time.
        """
        # The flush at the end of the worker may meet a running one; without the lock calls would be charged twice.
        with self._flushing:
            for meter in tuple(self._services.values()):
                with suppress(OSError, MlmgmtError):
                    self._charge(meter)
                    meter.suspended = usage.is_suspended(self._session, meter.resource)
                self._log(meter)

    def _charge(self, meter: ServiceMeter) -> None:
        transactions, seconds = meter.transactions, meter.seconds
        new = (transactions - meter.charged[0], seconds - meter.charged[1])
        if new[0]:
            usage.charge(self._session, {meter.resource: new})
            meter.charged = transactions, seconds

    def _log(self, meter: ServiceMeter) -> None:
        lines = [meter.lines.popleft() for _ in range(len(meter.lines))]
        if not lines:
            return
        data = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
        # A log that cannot be written must not stop the charges of other services.
        with suppress(OSError, MlmgmtError):
            diagnostics.append(self._session, meter.resource, data)

"""The states of a batch job."""

from __future__ import annotations

STATES = ("NotStarted", "Running", "Failed", "Cancelled", "Finished")
"""The values of `StatusCode` in the API."""
NOT_STARTED, RUNNING, FAILED, CANCELLED, FINISHED = STATES
QUEUED = "Queued"
"""Started while its service had the maximum number of running jobs; the API reports it as not started."""
ENDED = (FAILED, CANCELLED, FINISHED)

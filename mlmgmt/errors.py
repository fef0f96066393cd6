"""Every error a user can meet, in one tree.

    MlmgmtError                  exit 1
    ├── BadRequest               400, the document or an argument is not acceptable
    │   ├── BadArgument          400, an argument of a scoring or batch call, as the scoring API said it
    │   └── UntrustedModel       403, a model nobody here signed or trusted by name
    ├── AuthorizationFailed      403, the role does not allow it
    ├── Unauthorized             401, nothing proves who asks
    ├── NotFound                 404
    ├── MethodNotAllowed         405, the path exists, and takes other methods
    ├── Conflict                 409, the resource's state does not allow it
    ├── PreconditionFailed       412, the etag given is not the current one
    ├── RangeNotSatisfiable      416, the blob ends before the part asked for
    ├── TooLarge                 413
    ├── UnsupportedMediaType     415, the body is in a form that nobody here reads
    ├── Busy                     503, more calls at once than are allowed; the same call may do well later
    ├── HomeError                500, the home on disk cannot be used as it is
    ├── Declined                 the question was answered with no, or could not be asked
    ├── GateRefused              exit 3, `--only-if-better` and its like said no
    ├── SomeFailed               exit 4, of many things some failed, and the others are done
    └── WrongUsage               exit 2, the words of the command are off

The outer code is the service's generic one (`NotFound`); the specific code (`WebServiceNotFound`) stands in the
details, which is where scripts written for the service look for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


_LONGEST_TEXT = 2000
"""Characters of a refusal that has in it what a caller gave, which may be megabytes."""


@dataclass(frozen=True, slots=True)
class Detail:
    """One specific reason: its code, a sentence, and the place (a JSON path, a parameter, a port) it speaks of."""

    code: str
    message: str
    target: str | None = None

    def to_json(self) -> dict[str, str]:
        body = {"code": self.code, "message": self.message}
        return body | {"target": self.target} if self.target else body


class MlmgmtError(Exception):
    """An expected refusal: code, message, target, details and a hint.

    Args:
        message: what is wrong, in one sentence.
        target: the thing it is about.
        details: the specific reasons, all of them.
        hint: what to do next, usually a command.
        code: replaces the class's own code.
        report: what was worked out before the refusal, for whoever wants to see it.
    """

    code: ClassVar[str] = "InternalError"
    http_status: ClassVar[int] = 500
    exit_status: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        target: str | None = None,
        details: Iterable[Detail] = (),
        hint: str | None = None,
        code: str | None = None,
        report: Any = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.target = target
        self.details = tuple(details)
        self.hint = hint
        self.report = report
        if code is not None:
            self.code = code  # type: ignore[misc]

    def codes(self) -> tuple[str, ...]:
        """The outer code and those of the details, for whoever looks for a specific one."""
        return (self.code, *(detail.code for detail in self.details))

    def to_json(self) -> dict[str, dict[str, object]]:
        """The wire shape `{"error": {code, message, target, details}}` of the resource manager."""
        body: dict[str, object] = {"code": self.code, "message": self.message}
        if self.target:
            body["target"] = self.target
        if self.details:
            body["details"] = [detail.to_json() for detail in self.details]
        return {"error": body}


class BadRequest(MlmgmtError):
    code = "BadRequest"
    http_status = 400


class BadArgument(BadRequest):
    """What the scoring API called an invalid argument; the detail says which and why.

    Args:
        code: of the detail; what a caller gave is repeated in it up to a length.
    """

    code = "BadArgument"

    def __init__(self, code: str, message: str, target: str, hint: str | None = None) -> None:
        message, target = (_shorten(text) for text in (message, target))
        super().__init__(
            "Invalid argument provided.", target=target, details=[Detail(code, message, target)], hint=hint
        )


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]} ..."


class UntrustedModel(BadRequest):
    code = "UntrustedModel"
    http_status = 403


class AuthorizationFailed(MlmgmtError):
    code = "AuthorizationFailed"
    http_status = 403


class Unauthorized(MlmgmtError):
    """`challenge` says, over HTTP, which proof is missing."""

    code = "Unauthorized"
    http_status = 401
    challenge: str = ""


class NotFound(MlmgmtError):
    code = "NotFound"
    http_status = 404


class MethodNotAllowed(MlmgmtError):
    """`allowed` names the methods that the path takes."""

    code = "MethodNotAllowed"
    http_status = 405
    allowed: str = ""


class Conflict(MlmgmtError):
    code = "Conflict"
    http_status = 409


class PreconditionFailed(MlmgmtError):
    code = "PreconditionFailed"
    http_status = 412


class RangeNotSatisfiable(MlmgmtError):
    code = "RequestedRangeNotSatisfiable"
    http_status = 416


class TooLarge(MlmgmtError):
    code = "RequestEntityTooLarge"
    http_status = 413


class UnsupportedMediaType(MlmgmtError):
    code = "UnsupportedMediaType"
    http_status = 415


class Busy(MlmgmtError):
    code = "ServiceUnavailable"
    http_status = 503


class HomeError(MlmgmtError):
    code = "HomeUnavailable"


class Declined(MlmgmtError):
    code = "NotConfirmed"
    http_status = 400


class GateRefused(MlmgmtError):
    code = "GateRefused"
    http_status = 409
    exit_status = 3


class SomeFailed(MlmgmtError):
    code = "SomeFailed"
    http_status = 409
    exit_status = 4


class WrongUsage(MlmgmtError):
    code = "InvalidArgument"
    http_status = 400
    exit_status = 2


def error_text(error: MlmgmtError) -> str:
    """An error as the one text that a failed job's status has."""
    reasons = "; ".join(dict.fromkeys(_reason(error, detail) for detail in error.details))
    where = f" at {error.target}" if error.target else ""
    return f"{error.code}{where}: {error.message}" + (f" ({reasons})" if reasons else "")


def _reason(error: MlmgmtError, detail: Detail) -> str:
    """A detail's code, and what it says beyond the error itself."""
    message = detail.message.removeprefix(f"{detail.code.replace('Error', 'Error ')}: ")
    return detail.code if message in error.message else f"{detail.code}: {message}"

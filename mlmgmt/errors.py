"""Every error a user can meet, in one tree.

    MlmgmtError                  exit 1
    ├── BadRequest               400, the document or an argument is not acceptable
    │   ├── BadArgument          400, an argument of a scoring or batch call, in the scoring API's words
    │   └── UntrustedModel       403, a model that this home did not sign and the user did not trust
    ├── AuthorizationFailed      403, the role does not allow it
    ├── Unauthorized             401, the caller is not authenticated
    ├── NotFound                 404
    ├── MethodNotAllowed         405, the path exists, but takes other methods
    ├── Conflict                 409, the resource's state does not allow it
    ├── PreconditionFailed       412, the etag given is not the current one
    ├── RangeNotSatisfiable      416, the requested range starts after the end of the blob
    ├── TooLarge                 413
    ├── UnsupportedMediaType     415, the body is in a format that cannot be read
    ├── Busy                     503, too many concurrent calls; the same call may succeed later
    ├── HomeError                500, the home on disk cannot be used in its present state
    ├── Declined                 the answer to the question was no, or it could not be asked
    ├── GateRefused              exit 3, a condition such as `--only-if-better` was not met
    ├── SomeFailed               exit 4, some of many items failed; the others are done
    └── WrongUsage               exit 2, the command line is wrong

The outer code is the service's generic one (`NotFound`); the specific code (`WebServiceNotFound`) is in the details,
where scripts written for the service look for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


_LONGEST_TEXT = 2000
"""The most characters of a message that repeats a caller's input, which may be megabytes."""


@dataclass(frozen=True, slots=True)
class Detail:
    """One specific reason: its code, a sentence, and the place it is about (a JSON path, a parameter, a port).

    Args:
        plain: the message without the number that starts it, if one does.
    """

    code: str
    message: str
    target: str | None = None
    plain: str | None = None

    def repeats(self, message: str) -> bool:
        """Whether a message already says what this detail says."""
        return (self.plain or self.message) in message

    def to_json(self) -> dict[str, str]:
        body = {"code": self.code, "message": self.message}
        return body | {"target": self.target} if self.target else body


class MlmgmtError(Exception):
    """An expected error: code, message, target, details and a hint.

    Args:
        message: what is wrong, in one sentence.
        detail: the specific code. The error makes its one detail from it and the message.
        at: the detail's target, and also the error's unless `target` is given.
        target: the thing it is about.
        details: the specific reasons, if there are several, or if they have other messages.
        hint: what to do next, usually a command.
        code: replaces the class's code.
        report: results from before the error, for callers that show them.
    """

    code: ClassVar[str] = "InternalError"
    http_status: ClassVar[int] = 500
    exit_status: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        detail: str | None = None,
        at: str | None = None,
        target: str | None = None,
        details: Iterable[Detail] = (),
        hint: str | None = None,
        code: str | None = None,
        report: Any = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.target = target if target is not None else at
        self.details = (Detail(detail, message, at),) if detail is not None else tuple(details)
        self.hint = hint
        self.report = report
        if code is not None:
            self.code = code  # type: ignore[misc]

    def codes(self) -> tuple[str, ...]:
        """Return the outer code and the codes of the details."""
        return (self.code, *(detail.code for detail in self.details))

    def to_json(self) -> dict[str, dict[str, object]]:
        """Return the resource manager's JSON form: `{"error": {code, message, target, details}}`."""
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
    """An error that the scoring API calls an invalid argument; the detail says which argument, and why.

    Args:
        code: the code of the detail.
        message: the message of the detail; like `target`, it is cut to `_LONGEST_TEXT` characters.
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
    """`challenge` is the value of the `WWW-Authenticate` header."""

    code = "Unauthorized"
    http_status = 401
    challenge: str = ""


class NotFound(MlmgmtError):
    code = "NotFound"
    http_status = 404


class MethodNotAllowed(MlmgmtError):
    """`allowed` lists the methods that the path takes."""

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
    """Return an error as one line of text, for the status of a failed job."""
    reasons = "; ".join(dict.fromkeys(_reason(error, detail) for detail in error.details))
    where = f" at {error.target}" if error.target else ""
    return f"{error.code}{where}: {error.message}" + (f" ({reasons})" if reasons else "")


def _reason(error: MlmgmtError, detail: Detail) -> str:
    """Return a detail's code, with its message unless the error's message has it."""
    return detail.code if detail.repeats(error.message) else f"{detail.code}: {detail.plain or detail.message}"

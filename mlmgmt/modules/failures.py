"""The error of a module that cannot do its work."""

from __future__ import annotations

from mlmgmt.errors import BadRequest, Detail


class ModuleFailure(BadRequest):
    """A module could not do its work.

    Args:
        number: the documented number of the error in the module reference; 1000 if it has none.
        target: the port, parameter or column.
    """

    code = "ModuleExecutionError"

    def __init__(
        self, message: str, *, number: str = "1000", target: str | None = None, hint: str | None = None
    ) -> None:
        details = [Detail(f"Error{number}", f"Error {number}: {message}", target, plain=message)]
        super().__init__(message, target=target, details=details, hint=hint)
        self.number = number

    def at(self, node: str, module: str) -> ModuleFailure:
        """Return the same failure, with the node and the module it happened in."""
        where = f"{node} ({module})"
        message = self.message if self.target is None else f"{self.message} [{self.target}]"
        return ModuleFailure(f"{module}: {message}", number=self.number, target=where, hint=self.hint)

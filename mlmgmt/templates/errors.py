"""The one error of templates."""

from __future__ import annotations


class TemplateError(Exception):
    """A template, or an expression in it, that cannot be evaluated.

    Args:
        message: what is wrong and what to do, without the place.
        path: the place, such as `resources[0].properties.title, character 12`; empty while it is unknown.
        position: the character of the expression that it is about, until the path is known.
    """

    def __init__(self, message: str, path: str = "", position: int | None = None) -> None:
        super().__init__(message, path)
        self.message = message
        self.path = path
        self.position = position

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message

    def named(self, function: str, position: int) -> TemplateError:
        """Return the error with the function and the character that it is about, unless it has a place."""
        if self.path or self.position is not None:
            return self
        return TemplateError(f"{function}(): {self.message}", position=position)

    def placed(self, path: str) -> TemplateError:
        """Return the error with the path of the value that it is about, unless it has a path."""
        if self.path:
            return self
        place = path if self.position is None else f"{path}, character {self.position}".removeprefix(", ")
        return TemplateError(self.message, place)

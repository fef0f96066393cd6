"""How large expressions, values and results may be. Within these limits, no template takes long or much memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mlmgmt.templates.errors import TemplateError

LONGEST_EXPRESSION = 24_576
"""The characters of an expression, as in Resource Manager."""
DEEPEST_EXPRESSION = 100
"""How many calls and indices an expression may nest."""
DEEPEST_JSON = 64
"""How many arrays and objects the text for `json()` may nest, as in Newtonsoft.Json."""
LONGEST_TEXT = 4 * 1024 * 1024
"""The characters of a text that a function makes; Resource Manager takes templates of 4 MB."""
MOST_COPIES = 800
"""The count of a copy loop, as in Resource Manager."""
MOST_VALUES = 1_000_000
"""The values that a template may make or look at altogether."""
LONGEST_COMPARED = 100_000
"""The characters of a text that is compared letter by letter."""
CHARACTERS_PER_VALUE = 100
"""The characters that count as one value."""
PARTS_PER_VALUE = 10
"""The parts of an array or object that count as one value when a function looks at it again."""
TOO_DEEP = "The template nests values, or variables that use each other, too deeply to be evaluated here."


@dataclass(slots=True)
class Budget:
    """How many values a template has made so far.

    Args:
        measured: arrays and objects whose sizes are known, by identity: the value, its size, and whether it is pending.
    """

    spent: int = 0
    measured: dict[int, tuple[Any, int, bool]] = field(default_factory=dict)

    def spend(self, values: int) -> None:
        """Count values.

        Raises:
            TemplateError: the template has made more than `MOST_VALUES`.
        """
        self.spent += values
        if self.spent > MOST_VALUES:
            raise TemplateError(f"The template makes more than {MOST_VALUES:,} values, which is the limit here.")

    def refuse_size(self, parts: int) -> None:
        """Refuse a value with more than `MOST_VALUES` parts, which may be the same few ones again and again."""
        if parts > MOST_VALUES:
            raise TemplateError(f"a value has more than {MOST_VALUES:,} parts, which is the limit here.")

    def spend_result(self, value: object) -> None:
        """Count what a function made; it may return a value that is known already."""
        if isinstance(value, str):
            self.spend_text(value)
        elif isinstance(value, list | dict) and id(value) not in self.measured:
            self.spend(1 + len(value))

    def spend_text(self, text: str) -> None:
        self.spend(1 + len(text) // CHARACTERS_PER_VALUE)


def short_enough(length: int) -> None:
    """Refuse a text that would have more than `LONGEST_TEXT` characters."""
    if length > LONGEST_TEXT:
        raise TemplateError(f"the text would have {length:,} characters; the limit here is {LONGEST_TEXT:,}.")

"""The code blocks and code spans in the Markdown of the README and the help topics."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Args:
        language: the word after the fence. console and sh are run, json is the content of a file.
        file: the last file name in the text before the block.
    """

    language: str
    lines: list[str]
    file: str = ""


@dataclass
class Step:
    """One command of a block, with the output that is shown after it."""

    command: str
    shown: list[str] = field(default_factory=list)


def blocks(markdown: str) -> Iterator[Block]:
    end = 0
    for fence in _FENCE.finditer(markdown):
        indent, language, body = fence.groups()
        named = re.findall(r"`([\w./-]+\.json)`", markdown[end : fence.start()])
        end = fence.end()
        yield Block(language, [line.removeprefix(indent) for line in body.splitlines()], named[-1] if named else "")


def steps(block: Block) -> list[Step]:
    """Return the commands of a block: after `$ ` in console, each line in sh. A backslash continues a line."""
    found: list[Step] = []
    continued = False
    for line in block.lines:
        if continued:
            found[-1].command += f" {line.strip()}"
        elif line.startswith("$ "):
            found.append(Step(line.removeprefix("$ ")))
        elif block.language == "sh" and line.strip() and not line.startswith("#"):
            found.append(Step(line))
        elif found and line.strip():
            found[-1].shown.append(line)
        continued = line.endswith("\\") and (continued or line.startswith("$ ") or block.language == "sh")
        if continued:
            found[-1].command = found[-1].command.removesuffix("\\").rstrip()
    return found


def spans(markdown: str) -> list[str]:
    """Return the code between single backticks in running text, with its lines joined."""
    prose = _FENCE.sub("", markdown)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]

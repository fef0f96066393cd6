"""Where in a text a path stands. A second pass, taken only once something is to be explained."""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmgmt.definition.contract import Path

_BLANKS = re.compile(r"[ \t\n\r]*")
_scan = json.JSONDecoder().raw_decode


def locate(text: str, paths: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """Line and column (from 1) of each path's value in a valid JSON text.

    Member names are matched exactly first, then without regard to case, as the reader matched them. A path that is
    not in the text (a missing member) gets the place of the nearest object above it.
    """
    tree: dict[str | int, dict[str | int, object]] = {}
    wanted = list(paths)
    for path in wanted:
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})  # type: ignore[assignment]
    found: dict[Path, int] = {}
    _descend(text, _blank(text, 0), tree, (), found)
    places = {}
    for path in wanted:
        nearest = path
        while nearest not in found:
            nearest = nearest[:-1]
        places[path] = place(text, found[nearest])
    return places


def _descend(
    text: str, at: int, tree: dict[str | int, dict[str | int, object]], path: Path, found: dict[Path, int]
) -> int:
    """Note where `path` begins, look for what is wanted below it, and return where its value ends."""
    found[path] = at
    if not tree or text[at] not in "{[":
        return _end(text, at)
    folded = {part.casefold(): part for part in tree if isinstance(part, str)}
    is_object = text[at] == "{"
    at = _blank(text, at + 1)
    index = 0
    while text[at] not in "}]":
        part: str | int | None = index
        if is_object:
            name, at = scanstring(text, at + 1)
            at = _blank(text, _blank(text, at) + 1)
            part = name if name in tree else folded.get(name.casefold())
        if part is not None and part in tree:
            at = _descend(text, at, tree[part], (*path, part), found)  # type: ignore[arg-type]
        else:
            at = _end(text, at)
        at = _blank(text, at)
        if text[at] == ",":
            at = _blank(text, at + 1)
        index += 1
    return at + 1


def _blank(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    assert found is not None
    return found.end()


def _end(text: str, at: int) -> int:
    _, end = _scan(text, at)
    return int(end)


def place(text: str, at: int) -> tuple[int, int]:
    """The line and column, both from 1, of a character of the text."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def second_occurrence(text: str, name: str) -> tuple[int, int]:
    """Where an object that names `name` twice names it again: its line and column, or (0, 0)."""
    stack: list[set[str] | None] = []
    at = 0
    token = re.compile(r'[{}\[\]"]')
    while found := token.search(text, at):
        at = found.start()
        mark = text[at]
        if mark == "{":
            stack.append(set())
        elif mark == "[":
            stack.append(None)
        elif mark in "}]":
            stack.pop()
        else:
            value, end = scanstring(text, at + 1)
            names = stack[-1] if stack else None
            following = _blank(text, end)
            if names is not None and value == name and text[following : following + 1] == ":":
                if value in names:
                    return place(text, at)
                names.add(value)
            at = end
            continue
        at += 1
    return 0, 0


def spliced(text: str, path: Path, value: str) -> str:
    """The text with the string at `path` replaced and every other character as it was.

    Raises:
        KeyError: there is nothing at that path.
    """
    found: dict[Path, int] = {}
    tree: dict[str | int, dict[str | int, object]] = {}
    branch = tree
    for part in path:
        branch = branch.setdefault(part, {})  # type: ignore[assignment]
    _descend(text, _blank(text, 0), tree, (), found)
    begin = found[path]
    return text[:begin] + json.dumps(value, ensure_ascii=False) + text[_end(text, begin) :]

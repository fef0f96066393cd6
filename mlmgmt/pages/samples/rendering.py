"""Sample code in five languages, from one description of a web service.

Every snippet is plain ASCII. Other characters, in a name or a cell, are written as code points, so that no editor,
shell or console changes them, and none of them can end a line.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import jinja2

LANGUAGES = ("python", "powershell", "curl", "csharp", "r")
CONTAINER = "samplecode"
_WIDTH = 100
_STORAGE = "STORAGE"


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch job reads and writes.

    Args:
        inputs, outputs: the name of each port's file, which is also the name of its blob.
        parameters: web service parameters and their values.
    """

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def document(self, storage: str) -> dict[str, Any]:
        """Return the job document, with a connection string."""

        def places(files: Mapping[str, str]) -> dict[str, Any]:
            return {
                port: {"ConnectionString": storage, "RelativeLocation": f"{CONTAINER}/{file}"}
                for port, file in files.items()
            }

        return {
            "Inputs": places(self.inputs),
            "Outputs": places(self.outputs),
            "GlobalParameters": dict(self.parameters),
        }


def render(
    language: str,
    *,
    service: str,
    notes: Sequence[str],
    request: Mapping[str, Any] | None,
    batch: Batch | None,
) -> str:
    """Return a snippet that calls a web service.

    Args:
        language: one of `LANGUAGES`.
        service: the address of the scoring API. It is not escaped, so it must have no quotes.
        notes: lines of the comment at the top.
        request: the body to score; None for batch execution only.
        batch: None for scoring only.
    """
    found: str = (
        _environment()
        .get_template(f"{language}.j2")
        .render(
            service=service,
            notes=[ascii_only(note) for note in notes],
            request=request,
            batch=batch,
            container=CONTAINER,
            storage=_placeholder(batch),
        )
    )
    return found


def render_update(
    language: str,
    *,
    url: str,
    key: str,
    body: Mapping[str, Any],
    variables: Sequence[str],
    remark: str,
    notes: Sequence[str],
) -> str:
    """Return a snippet that replaces a trained model with PATCH.

    Args:
        language: one of `LANGUAGES`.
        url: the address of the endpoint. It is not escaped, so it must have no quotes.
        key: the environment variable with the key or token.
        body: the body, with the names of `variables` in place of their values; no other text in it may be such a name.
        remark: the comment above the body; `notes` are lines of the comment at the top.
    """
    found: str = (
        _environment()
        .get_template(f"update_{language}.j2")
        .render(
            url=url,
            key=key,
            body=body,
            variables=variables,
            remark=ascii_only(remark),
            notes=[ascii_only(note) for note in notes],
        )
    )
    return found


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        # The templates are code, not HTML; the filters below turn values into literals of each language.
        autoescape=False,  # noqa: S701
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "python": lambda value: _pretty(value, _python),
        "json": _json,
        "here": _here,
        "powershell": _powershell,
        "csharp": _csharp,
        "r": _r,
        "given": _insert_variables,
    }
    return environment


def ascii_only(text: str) -> str:
    """Return a text for a comment: one line of ASCII, with other characters as code points."""
    return "".join(c if " " <= c <= "~" else f"\\u{ord(c):04x}" for c in text)


def _placeholder(batch: Batch | None) -> str:
    """Return a text for the connection string in a job document that occurs nowhere else in it."""
    found, document = _STORAGE, _json(batch.document("")) if batch is not None else ""
    while found in document:
        found += "_"
    return found


def pretty_json(value: Any) -> str:
    """Return JSON on few but readable lines, with non-ASCII text unescaped."""
    return _pretty(value, lambda scalar: json.dumps(scalar, ensure_ascii=False))


def _insert_variables(code: str, pattern: str, variables: Sequence[str]) -> str:
    """Replace each name of a variable in code with an expression for its value."""
    for name in variables:
        code = code.replace(f'"{name}"', pattern.format(name))
    return code


def _json(value: Any) -> str:
    return _pretty(value, json.dumps)


def _python(value: Any) -> str:
    if isinstance(value, str) and value.isascii() and value.isprintable() and not set('"\\') & set(value):
        return f'"{value}"'
    return ascii(value)


def _here(text: str) -> str:
    """Return a text for a shell here-document in which variables are expanded."""
    return re.sub(r"([\\$`])", r"\\\1", text)


def _powershell(text: str) -> str:
    """Return a here-string. A line of JSON never begins with '@, which would end it."""
    return f"@'\n{text}\n'@"


def _csharp(text: str) -> str:
    quotes = '"' * max(3, max(map(len, re.findall('"+', text)), default=0) + 1)
    return f"{quotes}\n{text}\n{quotes}"


def _r(text: str) -> str:
    dashes = ""
    while f'){dashes}"' in text:
        dashes += "-"
    return f'r"{dashes}({text}){dashes}"'


def _pretty(value: Any, scalar: Callable[[Any], str], indent: int = 0) -> str:
    """Return a value on one line if it fits, or else with one member, or as many cells as fit, on each line."""
    flat = _flat(value, scalar)
    if len(flat) + indent <= _WIDTH or not isinstance(value, (dict, list)):
        return flat
    inner, margin = indent + 4, " " * (indent + 4)
    if isinstance(value, dict):
        items = [f"{scalar(name)}: {_pretty(member, scalar, inner)}" for name, member in value.items()]
        opening, closing = "{", "}"
    else:
        nested = any(isinstance(item, (dict, list)) for item in value)
        items = [_pretty(item, scalar, inner) for item in value]
        items = items if nested else _fill_lines(items, _WIDTH - inner)
        opening, closing = "[", "]"
    return opening + ",".join(f"\n{margin}{item}" for item in items) + f"\n{' ' * indent}{closing}"


def _fill_lines(items: Sequence[str], width: int) -> list[str]:
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(item) + 2 <= width:
            lines[-1] += f", {item}"
        else:
            lines.append(item)
    return lines


def _flat(value: Any, scalar: Callable[[Any], str]) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(name)}: {_flat(member, scalar)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flat(item, scalar) for item in value) + "]"
    return scalar(value)

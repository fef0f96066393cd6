"""Sample code in five languages, made from one description of a web service.

Every snippet is plain ASCII: what is not, in a name or a cell, is written by its code points, so that no editor, shell
or console takes it for something else, and no line end hides in it.
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
        inputs, outputs: the name of each port's file, which is its blob's name, too.
        parameters: web service parameters and the values they are given.
    """

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def document(self, storage: str) -> dict[str, Any]:
        """The job document, with a connection string."""

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
    """A snippet.

    Args:
        language: one of `LANGUAGES`.
        service: the address of the scoring API; letters, digits and the signs of an address.
        notes: lines of the comment at its head.
        request: the body to score; None for batch execution alone.
        batch: None for scoring alone.
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
    """A snippet that replaces a trained model with PATCH.

    Args:
        language: one of `LANGUAGES`.
        url: letters, digits and the signs of an address.
        key: the environment variable with the key or token.
        body: with the names of `variables` where their values belong; no other text in it is one of these.
        remark: what to say of the body; `notes` are lines of the comment at the head.
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
        # It is code; what stands in it is made a literal of its language by the filters below.
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
        "given": _given,
    }
    return environment


def ascii_only(text: str) -> str:
    """A text for a comment: one line, its other characters by their code points."""
    return "".join(c if " " <= c <= "~" else f"\\u{ord(c):04x}" for c in text)


def _placeholder(batch: Batch | None) -> str:
    """A text that stands for the connection string in a job document, and nowhere else in it."""
    found, told = _STORAGE, _json(batch.document("")) if batch is not None else ""
    while found in told:
        found += "_"
    return found


def pretty_json(value: Any) -> str:
    """JSON on as few lines as can be read, its text in any script."""
    return _pretty(value, lambda scalar: json.dumps(scalar, ensure_ascii=False))


def _given(code: str, pattern: str, variables: Sequence[str]) -> str:
    """Code with the value of an environment variable for each of their names."""
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
    """A text in a here-document of the shell in which variables are replaced."""
    return re.sub(r"([\\$`])", r"\\\1", text)


def _powershell(text: str) -> str:
    """A here-string; a line of JSON never begins as its end does."""
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
    """A value on one line where it fits, else with a member, or as many cells as fit, on each."""
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
        items = items if nested else _filled(items, _WIDTH - inner)
        opening, closing = "[", "]"
    return opening + ",".join(f"\n{margin}{item}" for item in items) + f"\n{' ' * indent}{closing}"


def _filled(items: Sequence[str], width: int) -> list[str]:
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

"""Rendering of templates: a page is one HTML file that contains its style and script, and fetches nothing."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlmgmt

if TYPE_CHECKING:
    from collections.abc import Sequence

_PAGES = Path(__file__).parent


class _Trusted(str):
    """A page's own style or script, which is not escaped."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def render_page(template: str, styles: Sequence[str], script: str | None = None, **values: Any) -> bytes:
    """Render a template of this folder.

    The template also gets `style` and `script`, and `style_hash` and `script_hash`, with which its
    Content-Security-Policy allows only these two, and the `version` of mlmgmt.

    Args:
        styles: the names of the style sheets, which are joined.
        values: the other values of the template, which escapes them.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    inside = {"style": "".join(map(_text, styles)), "script": _text(script) if script else ""}
    hashes = {f"{name}_hash": b64encode(sha256(text.encode()).digest()).decode() for name, text in inside.items()}
    trusted = {name: _Trusted(text) for name, text in inside.items()}
    page = environment.get_template(template).render(values | trusted | hashes, version=mlmgmt.__version__)
    return page.encode("utf-8", "replace")


def _text(name: str) -> str:
    return (_PAGES / name).read_text(encoding="utf-8")

"""From a template to a page: one HTML file with its style and its script inside, which fetches nothing."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_PAGES = Path(__file__).parent


class _Trusted(str):
    """A page's own style or script, which is not escaped."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def made(template: str, styles: Sequence[str], script: str | None = None, **values: Any) -> bytes:
    """The page of a template in this folder.

    The template is also given `style` and `script`, and `style_hash` and `script_hash`, by which its
    Content-Security-Policy allows these two and nothing else.

    Args:
        styles: the names of the style sheets, which become one.
        values: what else the template shows; it is escaped there.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    inside = {"style": "".join(map(_text, styles)), "script": _text(script) if script else ""}
    hashes = {f"{name}_hash": b64encode(sha256(text.encode()).digest()).decode() for name, text in inside.items()}
    trusted = {name: _Trusted(text) for name, text in inside.items()}
    return environment.get_template(template).render(**trusted, **hashes, **values).encode("utf-8", "replace")


def _text(name: str) -> str:
    return (_PAGES / name).read_text(encoding="utf-8")

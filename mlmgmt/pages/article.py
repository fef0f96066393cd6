"""A page of text, tables and code, for a browser (HTML) or a terminal (text)."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from mlmgmt.pages.rendering import render_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; `warns` makes it stand out."""

    kind: ClassVar = "text"
    text: str
    warns: bool = False

    def lines(self) -> Iterable[str]:
        yield from textwrap.wrap(self.text, _WIDTH, break_long_words=False, break_on_hyphens=False)

    def to_json(self) -> dict[str, Any]:
        return {"Text": self.text}


@dataclass(frozen=True, slots=True)
class Code:
    """Text to copy: a program, a request, an address."""

    kind: ClassVar = "code"
    text: str
    caption: str = ""

    def lines(self) -> Iterable[str]:
        if self.caption:
            yield f"{self.caption}:"
        yield from (f"    {line}".rstrip() for line in self.text.rstrip("\n").split("\n"))

    def to_json(self) -> dict[str, Any]:
        return {"Caption": self.caption, "Code": self.text} if self.caption else {"Code": self.text}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text below headers; without headers, the first column names the second."""

    kind: ClassVar = "table"
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""

    def lines(self) -> Iterable[str]:
        if self.caption:
            yield f"{self.caption}:"
        shown = [
            [_one_line(cell) for cell in row] for row in ([list(self.headers)] if self.headers else []) + [*self.rows]
        ]
        widths = [max(len(row[place]) for row in shown) for place in range(len(shown[0]))] if shown else []
        for number, row in enumerate(shown):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            yield f"    {'   '.join(cells)}".rstrip()
            if number == 0 and self.headers:
                yield f"    {'   '.join('-' * width for width in widths)}"

    def to_json(self) -> dict[str, Any]:
        named = {"Caption": self.caption} if self.caption else {}
        return {**named, "Headers": list(self.headers), "Rows": [list(row) for row in self.rows]}


Block = Text | Code | Table


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page; `anchor` names it in addresses."""

    title: str
    anchor: str
    blocks: list[Block] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Article:
    """A whole page.

    Args:
        links: the names of other pages, or parts of this one, and their addresses.
    """

    title: str
    subtitle: str
    sections: Sequence[Section]
    footer: str
    links: Sequence[tuple[str, str]] = ()

    def html(self) -> bytes:
        """Return one self-contained HTML file that fetches nothing and has no script."""
        return render_page(
            "article.html.j2",
            ["evaluation.css", "article.css"],
            title=self.title,
            subtitle=self.subtitle,
            links=[{"name": name, "address": address} for name, address in self.links],
            sections=self.sections,
            footer=self.footer,
        )

    def text(self) -> str:
        """Return the page as text, to read without a browser."""
        lines = [_one_line(self.title), _one_line(self.subtitle)]
        for section in self.sections:
            lines += ["", "", _one_line(section.title), "=" * len(_one_line(section.title))]
            for block in section.blocks:
                lines += ["", *block.lines()]
        return "\n".join(lines) + "\n"

    def to_json(self) -> list[dict[str, Any]]:
        """Return the sections, for programs."""
        return [
            {"Title": section.title, "Blocks": [block.to_json() for block in section.blocks]}
            for section in self.sections
        ]


def block_of(body: Mapping[str, Any]) -> Block:
    """Return the block that `to_json` wrote."""
    if "Text" in body:
        return Text(body["Text"])
    if "Code" in body:
        return Code(body["Code"], body.get("Caption", ""))
    return Table(body["Headers"], body["Rows"], body.get("Caption", ""))


def _one_line(text: str) -> str:
    return re.sub(r"\s*[\r\n]\s*", " ", text)

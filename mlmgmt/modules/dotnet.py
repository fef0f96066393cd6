""".NET formats of dates and time spans, translated for Python."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlmgmt.modules import text_formats
from mlmgmt.modules.failures import ModuleFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_UNITS = "yyyy=%Y yy=%y MMMM=%B MMM=%b MM,M=%m dddd=%A ddd=%a dd,d=%d HH,H=%H hh,h=%I mm,m=%M ss,s=%S tt=%p zzz,K=%z"
_DATES = {name: pair.split("=")[1] for pair in _UNITS.split() for name in pair.split("=")[0].split(",")}
_DATES |= {"f" * count: "%f" for count in range(1, 8)}
_SPANS = {"hh": r"(?P<h>[01]\d|2[0-3])", "mm": r"(?P<m>[0-5]\d)", "ss": r"(?P<s>[0-5]\d)"}
_SPANS |= {"h": r"(?P<h>1?\d|2[0-3])", "m": r"(?P<m>[1-5]?\d)", "s": r"(?P<s>[1-5]?\d)"}
_SPANS |= {"d" * count: rf"(?P<d>\d{{{count},6}})" for count in range(1, 7)}
_SPANS |= {"f" * count: rf"(?P<f>\d{{{count}}})" for count in range(1, 8)}
_STANDARD = {
    "s": "yyyy-MM-ddTHH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ss'Z'",
    **dict.fromkeys("oO", "yyyy-MM-ddTHH:mm:ss.fffffffK"),
    **dict.fromkeys("rR", "ddd, dd MMM yyyy HH:mm:ss 'GMT'"),
}
_PIECE = re.compile(
    r"'(?P<one>[^']*)'|\"(?P<two>[^\"]*)\"|\\(?P<escaped>.)|(?P<letter>[A-Za-z])(?P=letter)*|.", re.DOTALL
)


def _translate(form: str, table: Mapping[str, str], known: str, quoted: Callable[[str], str], target: str) -> str:
    if len(form) == 1:
        message = f"The format {form!r} is unknown or depends on a culture."
        raise ModuleFailure(message, target=target, hint=r"Write it out, as in yyyy-MM-dd or hh\:mm.")
    pieces: list[str] = []
    for found in _PIECE.finditer(form):
        literal = next((found[name] for name in ("one", "two", "escaped") if found[name] is not None), None)
        piece = table.get(found[0])
        if literal is None and piece is None and (found["letter"] or found[0]) in known:
            message = f"{found[0]!r} in the format {form!r} is not supported here."
            raise ModuleFailure(message, target=target, hint="Put literal text in quotation marks.")
        if literal is None and piece in pieces:
            raise ModuleFailure(f"The format {form!r} contains {found[0]!r} twice.", target=target)
        pieces.append(piece if literal is None and piece else quoted(found[0] if literal is None else literal))
    return "".join(pieces)


def date_format(form: str, target: str) -> str:
    """Return the strptime format for a .NET one.

    Raises:
        ModuleFailure: a part of it is not supported, or it has no year.
    """
    made = _translate(
        _STANDARD.get(form, form), _DATES, "%dfFghHKmMstyz'\"\\", lambda text: text.replace("%", "%%"), target
    )
    if "%y" not in made.replace("%%", "").casefold():
        message = f"The format {form!r} has no year, so the year would be that of the run."
        raise ModuleFailure(message, target=target)
    return made


def span_format(form: str, target: str) -> str:
    """Return the regular expression for a .NET format of time spans.

    Raises:
        ModuleFailure: a part of it is not supported.
    """
    if form in ("c", "t", "T"):
        return text_formats.USUAL_SPAN
    letters = "abcdefghijklmnopqrstuvwxyz"
    pattern = _translate(form, _SPANS, letters + letters.upper() + "%'\"\\", re.escape, target)
    try:
        re.compile(pattern)
    except re.error:
        raise ModuleFailure(f"The format {form!r} contains a unit twice.", target=target) from None
    return pattern

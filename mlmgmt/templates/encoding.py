"""Functions that read and write JSON, base64 and URIs."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, unquote_plus, urljoin, urlsplit, urlunsplit

from mlmgmt.templates import lenient_json, utf16
from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.pending import measure
from mlmgmt.templates.signatures import TEXT, TEXT_OR_INTEGER, Function

if TYPE_CHECKING:
    from mlmgmt.templates.evaluation import Context

_DATA_URI = re.compile(r"data:(?P<type>[^;,]*+)(?P<options>(?:;[^;,]*+)*+),(?P<data>.*+)", re.DOTALL)
_PORTS = {"http": "80", "https": "443"}
_KEPT_IN_URIS = "!#$&'()*+,/:;=?@~%-._"
_HOST = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9.-]*+)(?::(?P<port>[1-9][0-9]{0,3}|[1-5][0-9]{4}))?")
_ODD_IN_URIS = re.compile(
    r"[\\\[\]\x00-\x1f]|%(?![0-9A-Fa-f]{2})|%(?:2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])"
)
"""What .NET rewrites in a URI, or may rewrite: it is refused here."""
_LONGEST_SHOWN = 100


def to_base64(text: str) -> str:
    return base64.b64encode(utf16.whole(text).encode()).decode("ascii")


def from_base64(text: str) -> str:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True).decode("utf-8", "replace")
    except (UnicodeEncodeError, binascii.Error):
        raise TemplateError(f"{text[:_LONGEST_SHOWN]!r} is not base64.") from None


def json(context: Context, text: str) -> Any:
    value = lenient_json.read(text)
    measure(value, context.budget)
    return value


def json_from_base64(context: Context, text: str) -> Any:
    return json(context, from_base64(text))


def data_uri(value: str | int) -> str:
    kind = "text/plain" if isinstance(value, str) else "application/json"
    return f"data:{kind};charset=utf-8;base64,{to_base64(str(value))}"


def from_data_uri(text: str) -> str:
    found = _DATA_URI.fullmatch(text)
    if found is None:
        raise TemplateError(f"{text[:_LONGEST_SHOWN]!r} is not a data URI such as data:text/plain;base64,SGVsbG8=.")
    options = [option.lower() for option in found["options"].split(";") if option]
    for option in options:
        if option not in ("base64", "charset=utf-8", "charset=utf8"):
            raise TemplateError(f"a data URI with {option[:_LONGEST_SHOWN]!r} cannot be read here.")
    if "base64" in options:
        return from_base64(found["data"])
    if "+" in found["data"]:
        raise TemplateError("a data URI with '+' outside base64 cannot be read here.")
    return unquote(found["data"])


def uri(base: str, relative: str) -> str:
    """Return a URI relative to another one, in the form that .NET gives it.

    Raises:
        TemplateError: the base is not a URI of http or https, or one of them has a part that is not known here.
    """
    for text in (base, relative):
        if found := _ODD_IN_URIS.search(text):
            raise TemplateError(f"a URI with {found[0]!r} cannot be combined here.")
    try:
        scheme, parts = urlsplit(base).scheme, urlsplit(urljoin(_with_path(base), relative))
    except ValueError:
        raise TemplateError("the arguments are not URIs.") from None
    if scheme not in _PORTS:
        raise TemplateError(f"argument 1 must be a URI of http or https, not {base[:_LONGEST_SHOWN]!r}.")
    host = _HOST.fullmatch(parts.netloc)
    if parts.scheme not in _PORTS or host is None or {".", ".."} & set(parts.path.split("/")):
        raise TemplateError("only URIs of http and https with a plain host name and path can be combined here.")
    netloc = host["name"].lower() if host["port"] == _PORTS[parts.scheme] else parts.netloc.lower()
    path = _escaped(parts.path) or "/"
    combined: str = urlunsplit((parts.scheme, netloc, path, _escaped(parts.query), _escaped(parts.fragment)))
    return combined


def _escaped(part: str) -> str:
    return quote(utf16.whole(part), safe=_KEPT_IN_URIS)


def _with_path(base: str) -> str:
    parts = urlsplit(base)
    return urlunsplit(parts._replace(path=parts.path or "/"))


def uri_component(text: str) -> str:
    return quote(utf16.whole(text), safe="")


def from_uri_component(text: str) -> str:
    return unquote_plus(text, errors="replace")


FUNCTIONS = {
    "json": Function(json, (TEXT,), gets="context"),
    "base64": Function(to_base64, (TEXT,)),
    "base64ToString": Function(from_base64, (TEXT,)),
    "base64ToJson": Function(json_from_base64, (TEXT,), gets="context"),
    "dataUri": Function(data_uri, (TEXT_OR_INTEGER,)),
    "dataUriToString": Function(from_data_uri, (TEXT,)),
    "uri": Function(uri, (TEXT, TEXT)),
    "uriComponent": Function(uri_component, (TEXT,)),
    "uriComponentToString": Function(from_uri_component, (TEXT,)),
}

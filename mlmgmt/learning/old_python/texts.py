"""Text and bytes, which were nearly the same in Python 2."""

from __future__ import annotations

import codecs
import importlib
from typing import TYPE_CHECKING, Any

from mlmgmt.learning.old_python.patching import around, called_by_script

if TYPE_CHECKING:
    from collections.abc import Callable

_TAKE_TEXT: dict[str, tuple[str, ...]] = {
    "base64": (
        *("b64encode", "b64decode", "standard_b64encode", "standard_b64decode", "urlsafe_b64encode"),
        *("urlsafe_b64decode", "b32encode", "b32decode", "b16encode", "b16decode"),
    ),
    "binascii": ("a2b_base64", "a2b_hex", "b2a_base64", "b2a_hex", "crc32", "hexlify", "unhexlify"),
    "zlib": ("adler32", "compress", "crc32", "decompress"),
}
"""Functions that take bytes only today."""
_CHECKSUMS = ("adler32", "crc32")


class Encoded(str):
    """What `encode` gave, where its bytes are not those of the same text in UTF-8."""

    raw: bytes


def raw(value: Any) -> Any:
    """Return the bytes of a text; anything else is returned unchanged."""
    if isinstance(value, Encoded):
        return value.raw
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def _encoded(text: str, data: bytes) -> str:
    if raw(text) == data:
        return str(text)
    found = Encoded(text)
    found.raw = data
    return found


def text_of(data: Any) -> Any:
    """Return bytes as text; anything else is returned unchanged."""
    if not isinstance(data, bytes):
        return data
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _encoded(data.decode("latin-1"), data)


def short(value: Any) -> str:
    """Do `str(value)`, which wrote 12 digits of a float."""
    import numpy as np

    # NumPy writes as it did then; see `libraries.restore`.
    return str(np.float64(value)) if type(value) is float else str(value)


def encode(value: Any, *arguments: Any, **named: Any) -> Any:
    """Do `value.encode(...)`, which gave text."""
    is_text = isinstance(value, (str, bytes))
    return _encode(value, *arguments, **named) if is_text else value.encode(*arguments, **named)


def _encode(value: str | bytes, encoding: str = "utf-8", errors: str = "strict") -> Any:
    codec = codecs.lookup(encoding)
    if codec.name == "rot-13":
        return codecs.encode(text_of(value), "rot13")
    if not _is_of_text(codec):
        return text_of(codecs.encode(raw(value), encoding))
    if isinstance(value, (bytes, Encoded)):
        # It is encoded already. Python 2 made text of it first, which only works for ASCII.
        return text_of(value)
    data = value.encode(encoding, errors)
    return _encoded(data.decode(encoding), data)


def decode(value: Any, *arguments: Any, **named: Any) -> Any:
    """Do `value.decode(...)`."""
    return _decode(value, *arguments, **named) if isinstance(value, str) else value.decode(*arguments, **named)


def _decode(value: str, encoding: str = "utf-8", errors: str = "strict") -> Any:
    codec = codecs.lookup(encoding)
    if codec.name == "rot-13":
        return codecs.decode(value, "rot13")
    if not _is_of_text(codec):
        return text_of(codecs.decode(raw(value), encoding))
    if isinstance(value, Encoded):
        return value.raw.decode(encoding, errors)
    return _decode_text(value, codec.name, errors)


def _is_of_text(codec: codecs.CodecInfo) -> bool:
    return bool(getattr(codec, "_is_text_encoding", True))


def _decode_text(value: str, encoding: str, errors: str) -> str:
    if "escape" in encoding:
        return value.encode("ascii", "backslashreplace").decode(encoding)
    if encoding == "ascii":
        return value.encode("utf-8").decode("ascii", errors)
    if encoding.startswith("utf-8"):
        try:
            # A text whose letters are the bytes of UTF-8, such as a literal "\xc3\xa9".
            return value.encode("latin-1").decode(encoding)
        except UnicodeError:
            pass
    return str(value)


def restore() -> None:
    """Let functions for bytes take text, and give text, when a script calls them."""
    for module, names in _TAKE_TEXT.items():
        for name in names:
            _take_text(importlib.import_module(module), name)
    _restore_hashes()
    _restore_columns()


def _take_text(module: Any, name: str) -> None:
    @around(module, name)
    def _(before: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        if not called_by_script():
            return before(*arguments, **named)
        found = before(*map(raw, arguments), **named)
        # Checksums had a sign.
        return found - 2**32 if name in _CHECKSUMS and found >= 2**31 else text_of(found)


class _Hash:
    """A hash that takes text."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def update(self, data: Any) -> None:
        self._inner.update(raw(data))

    def copy(self) -> _Hash:
        return _Hash(self._inner.copy())

    def digest(self) -> str:
        data = self._inner.digest()
        return _encoded(data.decode("latin-1"), data)


def _restore_hashes() -> None:
    import hashlib
    import hmac
    import struct

    for name in hashlib.algorithms_guaranteed:

        @around(hashlib, name)
        def _(before: Callable[..., Any], *data: Any, **named: Any) -> Any:
            return _Hash(before(*map(raw, data), **named)) if called_by_script() else before(*data, **named)

    @around(hashlib, "new")
    def _(before: Callable[..., Any], name: str, *data: Any, **named: Any) -> Any:
        return _Hash(before(name, *map(raw, data), **named)) if called_by_script() else before(name, *data, **named)

    @around(hmac, "new")
    def _(before: Callable[..., Any], key: Any, msg: Any = None, digestmod: Any = "md5") -> Any:
        return _Hash(before(raw(key), raw(msg), digestmod)) if called_by_script() else before(key, msg, digestmod)

    @around(struct, "unpack")
    def _(before: Callable[..., Any], layout: Any, data: Any) -> Any:
        return tuple(map(text_of, before(layout, raw(data)))) if called_by_script() else before(layout, data)


def _restore_columns() -> None:
    from pandas.core.strings.accessor import StringMethods

    def of_each(convert: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, encoding: str, errors: str = "strict") -> Any:
            return self._orig.map(
                lambda value: convert(value, encoding, errors) if isinstance(value, (str, bytes)) else value
            )

        return call

    for name, function in (("encode", encode), ("decode", decode)):
        setattr(StringMethods, name, of_each(function))

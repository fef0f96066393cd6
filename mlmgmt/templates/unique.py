"""Texts and GUIDs that are the same for the same arguments."""

from __future__ import annotations

import uuid

from mlmgmt.templates import utf16
from mlmgmt.templates.signatures import TEXT, Function

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_LENGTH = 13
_NAMESPACE = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
_WORD = 0xFFFFFFFF
_C1, _C2 = 0x239B961B, 0xAB0E9789


def unique_string(*parts: str) -> str:
    # Thirteen letters of 5 bits have one bit more than the number.
    number = murmur_64(utf16.whole("-".join(parts)).encode()) << 1
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_LENGTH)))


def guid(*parts: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, utf16.whole("-".join(parts))))


def murmur_64(data: bytes) -> int:
    """Return the MurmurHash3 for x86 in its form of 64 bits, seed 0: two halves of 32 bits."""
    first = second = 0
    whole = len(data) // 8 * 8
    for place in range(0, whole, 8):
        first ^= _mixed(data[place : place + 4], _C1, _C2, 15)
        first = (_rotated(first, 19) + second) * 5 + 0x561CCD1B & _WORD
        second ^= _mixed(data[place + 4 : place + 8], _C2, _C1, 17)
        second = (_rotated(second, 13) + first) * 5 + 0x0BCAA747 & _WORD
    tail = data[whole:]
    first ^= _mixed(tail[:4], _C1, _C2, 15)
    second ^= _mixed(tail[4:], _C2, _C1, 17)
    first, second = _added(first ^ len(data), second ^ len(data))
    first, second = _added(_final(first), _final(second))
    return second << 32 | first


def _added(first: int, second: int) -> tuple[int, int]:
    first = first + second & _WORD
    return first, second + first & _WORD


def _mixed(data: bytes, before: int, after: int, bits: int) -> int:
    word = int.from_bytes(data, "little") * before & _WORD
    return _rotated(word, bits) * after & _WORD


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> 32 - bits) & _WORD


def _final(word: int) -> int:
    word = (word ^ word >> 16) * 0x85EBCA6B & _WORD
    word = (word ^ word >> 13) * 0xC2B2AE35 & _WORD
    return word ^ word >> 16


FUNCTIONS = {
    "uniqueString": Function(unique_string, (TEXT,), rest=TEXT),
    "guid": Function(guid, (TEXT,), rest=TEXT),
}

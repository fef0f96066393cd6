"""Counts in sentences: singular and plural agree."""

from __future__ import annotations


def count_of(number: int, noun: str) -> str:
    """Return "1 blob" or "1,200 blobs"; the plural of `noun` must end in a plain "s"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

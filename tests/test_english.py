"""The words of the program: phrases that a native engineer would not write, with what to write instead."""

from __future__ import annotations

import io
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest

import mlmgmt

PACKAGE = Path(mlmgmt.__file__).parent
ROOT = PACKAGE.parent
INSTEAD = {
    r"\b(is|are|was|were) none (of|that|there)\b": "say what it is not: 'does not belong to Y', 'was not issued by Y'",
    r"\b(is|are) (no|none) (port|text|number|file|token|member|name|row|column|graph|service|list|object|table"
    r"|reference|parameter|json|model|blob|account|NAME=VALUE)\b": "'is not a', 'must be a', or 'has no'",
    r"\bis nothing that\b": "'Unknown X; expected A, B or C'",
    r"\bwhoever\b": "say who: 'the caller', 'anyone who'",
    r"\b(stands?|stood) (above|beside|in|at|below|behind|before|there|for)\b": "'is', 'is in', 'means', 'see above'",
    r"\bstanding (revision|model|service|document|one)\b": "'current'",
    r"\bsaid above\b": "'see above'",
    r"\b(is|are|was|were) told\b": "'is shown', 'is reported', 'sees'",
    r"\btells? (of|whether|which|what|how|where|when)\b": "'shows', 'says', 'reports'",
    r"\basks? after\b": "'asks for the status of'",
    r"\bat once\b": "'immediately', or 'at the same time'",
    r"\bof (its|their|his|your|one's) own\b(?! accord)": "'its own X', or 'separate'",
    r"\bahead of\b": "'before'",
    r"\bfor ever\b": "'forever', or say how long",
    r"\bthereof\b": "'of it'",
    r"\banew\b": "'again'",
    r"\bas (it|they) (is|are|was|were)\b(?! (written|given|known))": "'unchanged'",
    r"\bgiven back\b": "'returned'",
    r"\bby itself\b": "'automatically', or 'alone'",
    r"\bgo(es)? (again|away) (when|with)\b": "'is removed when'",
    r"\bNothing is known of\b": "'X is not known'",
    r"\bThere are none\b": "say what is missing: 'There are no experiments.'",
    r"\b1 (blobs|keys|rows|files|services|models|endpoints|experiments|jobs|assets|warnings)\b": "agree: '1 blob'",
    r"\bbe(ing)? proved\b|\bproving\b": "'check', 'checked' (a model is checked, not proved, on the screen)",
    r"\b(may|can) bear\b|\bbears? a name\b": "'may be named', 'is named'",
    r"\bbegins? with it\b": "'starts with it'",
    r"\bmeans nothing\b": "'is ignored'",
    r"\bcannot be had\b|\bto be had\b": "'is not available'",
    r"\bin the way of\b": "'already exists', 'conflicts with'",
    r"\bheld against\b|\bhold .{1,30} against\b": "'checked against', 'compared with'",
    r"\bleft out\b(?= (of|from) nothing)": "'omitted'",
}
"""A pattern, in any letter case, and what to write instead."""


def sentences(path: Path) -> list[tuple[int, str]]:
    """Return the lines that a person reads, with numbers: strings and comments of Python, all lines of other text."""
    text = path.read_text()
    if path.suffix != ".py":
        return list(enumerate(text.splitlines(), 1))
    kinds = {tokenize.STRING, tokenize.COMMENT}
    found = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in kinds:
            found += [(token.start[0] + place, line) for place, line in enumerate(token.string.splitlines())]
    return found


@cache
def texts() -> list[tuple[Path, str]]:
    """Return all files of the project with their texts."""
    patterns = ("mlmgmt/**/*.py", "mlmgmt/**/*.md", "mlmgmt/**/*.j2", "tests/**/*.py", "fixtures/**/*.py", "*.md")
    files = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    return [
        (path, path.read_text())
        for path in files
        if "node_modules" not in path.parts and path.name != Path(__file__).name
    ]


@pytest.mark.parametrize("pattern", INSTEAD)
def test_phrases_that_are_not_used(pattern: str) -> None:
    phrase = re.compile(pattern, re.IGNORECASE)
    # Sentences are looked for in the few files that have the phrase anywhere, since that takes much longer.
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path, text in texts()
        if phrase.search(text)
        for number, line in sentences(path)
        if phrase.search(line)
    ]
    assert not found, f"write instead: {INSTEAD[pattern]}\n" + "\n".join(found)

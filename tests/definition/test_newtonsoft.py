"""What the original reader and writer did with 636 documents, as recorded, against what happens here.

Most documents are fragments, so the check of mandatory members is left out.
"""

from __future__ import annotations

import base64
import functools  # noqa: F401 - recorded inputs that are Python expressions use it
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from mlmgmt.definition import document, reading
from mlmgmt.definition.schema import Contract, without
from mlmgmt.errors import MlmgmtError

RECORDED = json.loads((Path(__file__).parent / "newtonsoft-recorded.json").read_text())

KEPT = {
    "an unknown member, which the original dropped": """
        syn-07 case-08 case-09 case-10 unk-01 unk-02 unk-03 unk-04 unk-05 unk-06 unk-07 unk-11 unk-12
        unk-13 unk-14 unk-17 unk-18 unk-20 unk-23 unk-24 unk-25 unk-26 unk-27 unk-29 unk-30 deep-05 deep-06 deep-07
        deep-08 deep-09 deep-10""",
    "the package, which the original dropped without a packageType": "mis-01 pkg-01 pkg-05 pkg-06 pkg-07 pkg-15 pkg-21",
    "a text that looks like a date, which the original rewrote": """
        dtext-01 dtext-02 dtext-03 dtext-04 dtext-05 dtext-13 dtext-14 dtext-15 dtext-17 dtext-20 dtext-21 dtext-22
        dtext-24 dtext-25 dtext-26 dtext-32 dtext-33 dtext-34 dtext-35 dtext-38 dtext-40""",
    "the spelling of a date, which the original converted to UTC": """
        date-03 date-05 date-06 date-07 date-08 date-09 date-10 date-11 date-12 date-13 date-14 date-15 date-16 date-17
        date-24 date-25 date-26 date-28 date-31 date-34 date-38 date-39 date-40""",
    "a number or a truth value for a text: as JSON spells it": """
        syn-56 syn-107 syn-108 text-02 text-04 text-05 text-08 text-09 text-17 text-18 text-24 text-27""",
    "an enum's word in the contract's spelling": "enum-01",
    "an empty text where none is expected, which is 'not given'": "enum-02 nul-03 shape-27 shape-38 form-01",
    "a null of a free value": "num-45 nul-08",
}
"""What the original accepted and answered differently."""
REFUSED = {
    "it is no definition": "doc-03 doc-07 doc-23",
    "the bytes are not the encoding that they say": "doc-21 doc-45 doc-46",
    "a value is missing in a list, which became 'undefined'": "syn-28 syn-29 syn-72 syn-74 syn-75 syn-76 unk-33",
    "NaN and Infinity became texts": "syn-38 syn-39 syn-41 syn-42 syn-111",
    "a number that begins with 0 was read as octal": "syn-47 syn-49 syn-51 syn-57",
    "a constructor of JavaScript was dropped": "syn-80",
    "half of a character was replaced": "syn-95 syn-96 syn-97 syn-98 syn-99 syn-100",
    "a member is given twice, or in two spellings": """
        dup-01 dup-02 dup-03 dup-04 dup-05 dup-06 dup-07 dup-08 dup-09 dup-10 dup-11 dup-12 dup-13 dup-14 dup-15 dup-16
        dup-17 dup-18 dup-19 dup-20 dup-21 dup-22 dup-23 dup-24 dup-25 dup-27 pkg-17 pkg-18 pkg-19""",
    "a number does not fit 64 bits": """
        bool-18 bool-19 num-14 num-18 num-29 num-30 num-31 num-32 num-33 num-34 num-35 num-38 num-41 num-49 num-53""",
    "a number is not a truth value, or was rounded to a whole number": "bool-14 bool-15 bool-17 int-16 int-17 int-19",
    "a number is outside the contract's limits": "int-04 int-20 int-24",
    "a word is not one of the contract's": """
        enum-03 enum-04 enum-06 enum-07 enum-08 enum-09 enum-10 enum-11 dtext-36 pkg-02 pkg-08 pkg-09 pkg-13 pkg-14""",
    "a date has two meanings, or is not one": "date-19 date-21 date-22 date-29",
    "null stands where an object or a list must be": "shape-30 shape-41 shape-48 shape-49 nul-05 nul-06",
    "a member has another type, which the original did not look at": "unk-10 unk-28 pkg-22",
    "it is nested too deeply": "deep-12",
}
"""What the original accepted, by losing or changing something, and is refused here."""
READ = {
    "a byte-order mark at the beginning of a text": "doc-48",
    "an unknown member $ref": "unk-15 unk-16 unk-21",
    "an empty text is 'not given'": "shape-02",
    "a bare value of a parameter, as in the contract of 2016": "shape-56 shape-58 shape-59 shape-62 shape-63",
}
"""What the original refused."""


def ids(table: dict[str, str]) -> set[str]:
    return {each for texts in table.values() for each in texts.split()}


def data(entry: dict[str, Any]) -> bytes | None:
    if "inputBase64" in entry:
        return base64.b64decode(entry["inputBase64"])
    if "inputPy" in entry:
        text = eval(entry["inputPy"])
        return str(text).encode("utf-8", "surrogatepass")
    return entry["input"].encode("utf-8", "surrogatepass") if "input" in entry else None


def answer(text: bytes, contract: Contract) -> str | None:
    """What Export writes after the reader; None if the reader refuses the text."""
    try:
        found = reading.read(text, contract, whole=False)
    except MlmgmtError:
        return None
    return document.export(without(found.document, contract.root, read_only=True)).decode()


def test_each_document_is_read_kept_or_refused(contract: Contract) -> None:
    wrong = []
    for entry in RECORDED:
        text, identity = data(entry), entry["id"]
        if text is None:
            continue
        here, expected = answer(text, contract), entry.get("output")
        is_same = here == expected
        if here is not None and "outputIs" in entry:
            digest = entry["outputIs"].rpartition(" ")[2]
            is_same = sha256(here.encode()).hexdigest() == digest
        if not entry["accepted"]:
            is_right = (here is not None) is (identity in ids(READ))
        elif here is None:
            is_right = identity in ids(REFUSED)
        else:
            is_right = is_same is not (identity in ids(KEPT))
        if not is_right:
            wrong.append((identity, entry["about"], here, expected))
    assert not wrong, [identity for identity, *_ in wrong]


def test_each_exported_document_comes_back_byte_for_byte() -> None:
    """All texts that are JSON (three have the word `undefined`), but for integers beyond 64 bits, which are refused."""
    outputs = {entry["id"]: entry["output"] for entry in RECORDED if "output" in entry}
    unlike = set()
    for identity, text in outputs.items():
        try:
            written = document.export(document.parse_file(text.encode()).value).decode()
        except document.Unreadable:
            written = None
        if written != text:
            unlike.add(identity)
    assert len(outputs) == 418
    assert unlike == {"syn-28", "syn-29", "syn-75", "num-29", "num-30", "num-53"}


LOOSE = """// the service of March
{
  location: 'South Central US',   /* where it runs */
  "properties": {
    "packageType": "Graph",
    "realtimeConfiguration": {"maxConcurrentCalls": "5"},
    "title": 'it\\'s "new"',
    "package": {"nodes": {}, "edges": [],},
  },
}
"""


def test_a_hand_edited_file_is_read_with_one_warning(contract: Contract) -> None:
    found = reading.read(LOOSE.encode(), contract, source="wsd.json", whole=False)
    assert found.document["properties"]["title"] == 'it\'s "new"'
    first, *others = reading.sentences(found.warnings)
    assert first == (
        "wsd.json:1:1: This is not standard JSON, but was read: 2 comments, 1 unquoted name, 2 single-quoted texts and "
        "3 trailing commas."
    )
    assert len(others) == 1, "5 in quotes is read as a number"
    assert "wsd.json:6:53" in others[0]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("{a: 1,\n // c\n 'b': NaN}", "3:7", "NaN is not a JSON number"),
        ("{'a':\n [1,,2]}", "2:5", "A value is missing before the comma"),
        ("{'a':\n 010}", "2:2", "begins with 0"),
        ("{'a' 1}", "1:6", "Not JSON"),
        ("{a: 'x\ny', 'b' 1}", "2:9", "Not JSON"),
        ("{a: 1, a: 2}", "1:8", "given twice"),
        ("{/*c*/ a: 1,\n  n: 12345678901234567890123}", "2:6", "cannot be kept exactly"),
        ('{"a": "x\ny",\n "a": 1}', "3:2", "given twice"),
        ("{'a': True}", "1:7", "Write true"),
        ("{'a': b}", "1:7", "is a text without quotes"),
        ("{'a': 1} # done", "1:10", "not with #"),
        ("{'a': \"x}", "1:7", "has no closing quote"),
        ("{'a': 1 /* x}", "1:9", "The comment has no end"),
    ],
)
def test_what_has_no_one_meaning_is_refused_at_its_place(contract: Contract, text: str, place: str, words: str) -> None:
    with pytest.raises(MlmgmtError) as refused:
        reading.read(text.encode(), contract, source="d.json", whole=False)
    (detail, *_) = refused.value.details
    assert str(detail.target).startswith(f"d.json:{place}")
    assert words in f"{detail.message} {refused.value.hint}"


def test_a_string_is_replaced_in_a_hand_edited_file_and_nothing_else() -> None:
    text = "{ // models\n  assets: {'a':\t{uri: 'https://x/old.ilearner', }},\n 'n': 0x10}\n"
    changed = document.parse_file(text.encode()).with_string(("assets", "a", "uri"), "https://x/new.ilearner")
    assert changed == text.replace("'https://x/old.ilearner'", '"https://x/new.ilearner"')

"""Laws of the definition functions, checked with documents that Hypothesis makes."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import jsonpatch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmgmt import resources
from mlmgmt.definition import assets, diff, document, patch, reading
from mlmgmt.definition.schema import Contract, Kind, Shape
from mlmgmt.errors import BadRequest
from mlmgmt.verbs.services.definitions import replace_model_uri
from mlmgmt.verbs.userfiles import Source
from tests.conftest import small_definition

CONTRACT = Contract(resources.schema("webservice"))
settings.register_profile(
    "laws", deadline=None, max_examples=60, suppress_health_check=list(HealthCheck), database=None
)
settings.load_profile("laws")

names = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | names
)
free = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
columns = st.dictionaries(
    names,
    st.fixed_dictionaries(
        {"type": st.sampled_from(["Boolean", "Integer", "Number", "String"])},
        optional={"enum": st.lists(free, max_size=3), "x-ms-isnullable": st.booleans()},
    ),
    max_size=4,
)


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """Complete definitions with a valid graph, and with all kinds of user names and free values."""
    body = small_definition()
    properties = body["properties"]
    properties["input"]["properties"]["input1"]["properties"] = draw(columns)
    properties["output"]["properties"]["output1"]["properties"] = draw(columns)
    properties["title"] = draw(names)
    if draw(st.booleans()):
        properties["description"] = draw(names)
    if draw(st.booleans()):
        properties["exampleRequest"] = {"inputs": {"input1": draw(st.lists(st.lists(scalars, max_size=3), max_size=3))}}
    if draw(st.booleans()):
        properties["realtimeConfiguration"] = {"maxConcurrentCalls": draw(st.integers(4, 200))}
    parameters = draw(st.dictionaries(names, st.fixed_dictionaries({"value": free}), max_size=3))
    properties["package"]["nodes"]["select"]["parameters"] = parameters
    for index in range(draw(st.integers(0, 3))):
        uri = f"https://a{index}store.blob.core.windows.net/models/{draw(st.integers(0, 5))}.ilearner"
        properties["assets"][draw(names) + str(index)] = {
            "name": f"model {index} {draw(names)}",
            "type": "Resource",
            "locationInfo": {"uri": uri},
        }
    body["tags"] = draw(st.dictionaries(names, names, max_size=3))
    return body


def canonical(body: dict[str, Any]) -> dict[str, Any]:
    found, problems = reading.canonical(document.copy(body), CONTRACT)
    assert not [problem for problem in problems if problem.severity.value == "error"], problems
    return dict(found)


@given(definitions())
def test_a_written_definition_is_read_and_written_the_same(body: dict[str, Any]) -> None:
    text = document.write(canonical(body))
    again = reading.read(text, CONTRACT).document
    assert document.write(again) == text


def shuffled_case(value: Any, shape: Shape, random: Any) -> Any:
    """Return the document with the case of every contract name changed at random, and nothing else."""
    if shape.kind is Kind.OBJECT and isinstance(value, dict):
        changed = {}
        for name, inner in value.items():
            child = shape.members.get(name)
            spelled = "".join(random.choice((c.lower(), c.upper())) for c in name) if child is not None else name
            changed[spelled] = shuffled_case(inner, child, random) if child is not None else inner
        return changed
    if shape.kind is Kind.MAP and shape.item is not None and isinstance(value, dict):
        return {name: shuffled_case(inner, shape.item, random) for name, inner in value.items()}
    if shape.kind is Kind.LIST and shape.item is not None and isinstance(value, list):
        return [shuffled_case(inner, shape.item, random) for inner in value]
    return value


@given(definitions(), st.randoms(use_true_random=False))
def test_the_case_of_contract_names_does_not_matter(body: dict[str, Any], random: Any) -> None:
    shuffled = shuffled_case(body, CONTRACT.root, random)
    assert document.write(canonical(shuffled)) == document.write(canonical(body))


@given(definitions(), definitions())
def test_the_json_patch_turns_one_text_into_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = canonical(before), canonical(after)
    operations = diff.json_patch(old, new, CONTRACT)
    applied = jsonpatch.apply_patch(document.copy(old), json.loads(json.dumps(operations)))
    assert document.write(canonical(applied)) == document.write(new)
    assert bool(operations) == (document.write(old) != document.write(new))


@given(definitions(), definitions())
def test_changes_are_found_exactly_when_the_texts_differ(before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = canonical(before), canonical(after)
    assert bool(diff.changes(old, new, CONTRACT)) == (document.write(old) != document.write(new))
    assert diff.changes(old, document.copy(old), CONTRACT) == []


@given(definitions(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.sampled_from([None, 1, 4]))
def test_set_model_changes_one_string_of_the_file(body: dict[str, Any], encoding: str, indent: int | None) -> None:
    models = assets.trained_models(canonical(body))
    text = json.dumps(body, indent=indent, ensure_ascii=False)
    for model in models:
        source = Source("d.json", text.encode(encoding))
        uri = "https://newstore.blob.core.windows.net/models/new.ilearner"
        changed = replace_model_uri(source, model, uri).decode(encoding)
        position = text.index(json.dumps(model.asset_id, ensure_ascii=False), text.index('"assets"'))
        assert changed[:position] == text[:position]
        expected = json.loads(text)
        expected["properties"]["assets"][model.asset_id]["locationInfo"]["uri"] = uri
        assert json.loads(changed) == expected
        assert len(changed) - len(text) == len(uri) - len(model.uri)


@given(definitions(), st.data())
def test_the_fast_and_the_explaining_validator_agree(body: dict[str, Any], data: st.DataObject) -> None:
    path: list[Any] = []
    place: Any = body
    while isinstance(place, (dict, list)) and place:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        path.append(key)
        place = place[key]
        if data.draw(st.booleans()):
            break
    target: Any = body
    for key in path[:-1]:
        target = target[key]
    if path:
        target[path[-1]] = data.draw(free)
    assert CONTRACT.is_valid(body) == (not list(CONTRACT.violations(body)))


@given(definitions(), definitions())
def test_after_an_update_from_a_whole_file_nothing_differs(before: dict[str, Any], after: dict[str, Any]) -> None:
    stored, change = canonical(before), canonical(after)
    merged = patch.merge(stored, change, CONTRACT)
    assert patch.merge(merged, change, CONTRACT) == merged
    assert diff.changes(merged, patch.merge(merged, change, CONTRACT), CONTRACT) == []


@given(definitions())
def test_relocating_a_model_changes_only_its_uri(body: dict[str, Any]) -> None:
    stored = canonical(body)
    for model in assets.trained_models(stored):
        uri = "https://newstore.blob.core.windows.net/models/new.ilearner"
        merged = patch.merge(stored, assets.relocation(model, uri), CONTRACT)
        found = diff.changes(stored, merged, CONTRACT)
        assert [change.path for change in found] == [("properties", "assets", model.asset_id, "locationInfo", "uri")]


@given(st.binary(max_size=200) | names.map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(BadRequest):
        assert isinstance(reading.read(data, CONTRACT).document, dict)

"""Reading definitions: every encoding, every letter case, and every problem with its place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlmgmt.definition import document, reading
from mlmgmt.errors import BadRequest, MlmgmtError, TooLarge
from tests.conftest import FIXTURES, small_definition

if TYPE_CHECKING:
    from mlmgmt.definition.schema import Contract

SMALL = json.dumps(small_definition(), indent=1)


def read(data: bytes | str, contract: Contract) -> reading.Reading:
    return reading.read(data.encode() if isinstance(data, str) else data, contract, source="d.json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-be", "utf-32-le"])
def test_utf_8_and_encodings_with_a_byte_order_mark_give_the_same_document(contract: Contract, encoding: str) -> None:
    text = SMALL.replace("Small", "Größe €")
    marks = {"utf-16-be": b"\xfe\xff", "utf-32-le": b"\xff\xfe\x00\x00"}
    data = marks.get(encoding, b"") + text.encode(encoding)
    assert read(data, contract).document == read(text, contract).document


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ('{"properties": {\n "title": }', "InvalidJson", "d.json:2:11"),
        ('{"properties": {}', "InvalidJson", "d.json:1:18"),
        ("", "EmptyDocument", "d.json"),
        (" \n ", "EmptyDocument", "d.json"),
        ('{"a": NaN}', "InvalidJson", "d.json:1:7"),
        ("{'a': 1", "InvalidJson", "d.json:1:8"),
        ('{"a": 1, # c\n "b": 2}', "InvalidJson", "d.json:1:10"),
        ('{"tags": {"a": "1",\n "a": "2"}}', "DuplicateMember", "d.json:2:2 $.tags.a"),
        ('{"tags": {"a": "1",\n "\\u0061": "2"}}', "DuplicateMember", "d.json:2:2 $.tags.a"),
        ('{"n": 18446744073709551616}', "InexactNumber", "d.json:1:7 $.n"),
        ('{"n": -9223372036854775809}', "InexactNumber", "d.json:1:7 $.n"),
        ('{"n": 0.12345678901234567891}', "InexactNumber", "d.json:1:7 $.n"),
        ('{"n": 1e400}', "InexactNumber", "d.json:1:7"),
        ('{"n": 1e-400}', "InexactNumber", "d.json:1:7 $.n"),
        ('{"t": "12345678901234567890123",\n"n": [1, 12345678901234567890123]}', "InexactNumber", "d.json:2:10 $.n[1]"),
        ("[" * 10_000, "TooDeep", "d.json:1:1026"),
        ('{"a":' * 300 + "1" + "}" * 300, "TooDeep", "d.json"),
        ("[1]", "WrongType", "d.json:1:1 $"),
        ("null", "WrongType", "d.json:1:1 $"),
    ],
)
def test_invalid_text_is_refused_with_its_place(contract: Contract, text: str, code: str, place: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(text, contract)
    detail = refused.value.details[0]
    assert (detail.code, detail.target) == (code, place)


def test_text_that_is_not_utf_8_and_has_no_mark_is_refused_at_the_byte(contract: Contract) -> None:
    with pytest.raises(BadRequest) as refused:
        read('{"title":\n "Größe"}'.encode("latin-1"), contract)
    assert refused.value.details[0].target == "d.json:2:5"
    assert "0xf6" in refused.value.details[0].message


def test_a_document_above_the_size_limit_is_refused(contract: Contract) -> None:
    with pytest.raises(TooLarge):
        read(b" " * 50_000_000, contract)


@pytest.mark.parametrize(
    "text", ["18446744073709551615", "-9223372036854775808", "0.1", "1.10", "123456789.125", "1e300"]
)
def test_numbers_that_64_bits_hold_are_kept(text: str) -> None:
    assert document.parse(f'{{"n": {text}}}'.encode())["n"] == json.loads(text)


def test_all_problems_are_reported_together_with_their_places(contract: Contract) -> None:
    broken = small_definition(realtimeConfiguration={"maxConcurrentCalls": 300}, diagnostics={"level": "Some"})
    package = broken["properties"]["package"]
    package["nodes"]["lost"] = {"assetId": "asset9"}
    package["edges"].append({"sourceNodeId": "in", "targetNodeId": "nowhere", "targetPortId": "x"})
    broken["properties"]["output"]["properties"]["output2"] = {"type": "object"}
    package["edges"].append({"sourceNodeId": "in"})
    broken["properties"]["title"] = 7.5
    with pytest.raises(BadRequest) as refused:
        read(json.dumps(broken, indent=1), contract)
    told = {detail.code: detail for detail in refused.value.details}
    assert set(told) == {
        "OutOfRange",
        "UnknownValue",
        "MissingMember",
        "UnknownAsset",
        "DanglingEdge",
        "OutputWithoutNode",
        "LooseScalar",
    }
    lines = json.dumps(broken, indent=1).splitlines()
    for code, fragment in (
        ("OutOfRange", "maxConcurrentCalls"),
        ("UnknownAsset", '"asset9"'),
        ("UnknownValue", "level"),
    ):
        line = int(str(told[code].target).split(":")[1])
        assert fragment in lines[line - 1]
    assert "at most 200" in told["OutOfRange"].message
    assert "None, Error, All" in told["UnknownValue"].message


def edit(path: str, value: Any) -> str:
    body = small_definition()
    *parents, last = path.split(".")
    place: Any = body
    for part in parents:
        place = place[int(part)] if part.isdigit() else place.setdefault(part, {})
    place[int(last) if last.isdigit() else last] = value
    return json.dumps(body)


PACKAGE = "properties.package"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (f"{PACKAGE}.nodes.select", {"assetId": "other"}, "UnknownAsset"),
        (f"{PACKAGE}.nodes.select", {}, "InvalidNode"),
        (f"{PACKAGE}.nodes.in", {"assetId": "asset1"}, "InputWithoutNode"),
        (f"{PACKAGE}.nodes.out", {"assetId": "asset1"}, "OutputWithoutNode"),
        (f"{PACKAGE}.edges.0", {"sourceNodeId": "gone", "targetNodeId": "select", "targetPortId": "D"}, "DanglingEdge"),
        (f"{PACKAGE}.edges.0", {"sourceNodeId": "in"}, "MissingMember"),
        ("properties.package", None, "MissingMember"),
        ("properties.assets.asset1", {"name": "x", "type": "Module"}, "MissingMember"),
        ("properties.assets.asset1.type", "Thing", "UnknownValue"),
        ("properties.title", ["a"], "WrongType"),
        ("properties.readOnly", "perhaps", "WrongType"),
        ("properties", [], "WrongType"),
    ],
)
def test_each_rule_of_the_contract_and_the_graph(contract: Contract, path: str, value: Any, code: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(edit(path, value), contract)
    assert code in [detail.code for detail in refused.value.details]


def test_a_cycle_is_named(contract: Contract) -> None:
    body = small_definition()
    nodes, edges = body["properties"]["package"]["nodes"], body["properties"]["package"]["edges"]
    nodes["second"] = {"assetId": "asset1"}
    edges += [
        {"sourceNodeId": "select", "sourcePortId": "Results dataset", "targetNodeId": "second", "targetPortId": "a"},
        {"sourceNodeId": "second", "sourcePortId": "Results dataset", "targetNodeId": "select", "targetPortId": "b"},
    ]
    with pytest.raises(BadRequest) as refused:
        read(json.dumps(body), contract)
    assert refused.value.details[0].code == "Cycle"
    assert "second" in refused.value.details[0].message


def test_two_data_edges_into_one_port_are_refused_but_an_input_and_a_data_edge_are_not(contract: Contract) -> None:
    body = small_definition()
    package = body["properties"]["package"]
    package["nodes"]["source"] = {"assetId": "asset1"}
    edge = {
        "sourceNodeId": "source",
        "sourcePortId": "Results dataset",
        "targetNodeId": "select",
        "targetPortId": "Dataset",
    }
    package["edges"].append(edge)
    read(json.dumps(body), contract)
    package["nodes"]["source2"] = {"assetId": "asset1"}
    package["edges"].append({**edge, "sourceNodeId": "source2"})
    with pytest.raises(BadRequest) as refused:
        read(json.dumps(body), contract)
    assert refused.value.details[0].code == "PortTaken"


def test_contract_names_are_read_in_any_case_and_user_names_stay(contract: Contract) -> None:
    source = (FIXTURES / "definitions" / "exported-mixed-case.json").read_bytes()
    found = read(source, contract)
    properties = found.document["properties"]
    columns = properties["input"]["properties"]["input1"]["properties"]
    assert list(columns) == ["Type", "name", "Uri", "quantity"]
    assert columns["Type"] == {"type": "String", "enum": ["a", "b"], "x-ms-isnullable": False}
    assert found.document["tags"] == {"Type": "demo", "name": "kept as written"}
    assert properties["package"]["nodes"]["node1"]["parameters"]["Server User Account Name"] == {"value": "reader"}
    assert properties["readOnly"] is False
    assert properties["realtimeConfiguration"] == {"maxConcurrentCalls": 20}
    assert properties["exampleRequest"]["inputs"]["input1"][1] == ["b", None, 0.25, 4]
    assert "diagnostics" not in properties
    # A value is the user's, so its null does not mean "not given".
    assert properties["parameters"]["database password"] == {"value": None}


def test_warnings_name_the_nearest_member_or_all_and_what_was_converted(contract: Contract) -> None:
    body = small_definition(titel="x", readOnly="True", realtimeConfiguration={"maxConcurrentCalls": "20"})
    del body["properties"]["packageType"]
    body["properties"]["package"]["nodes"]["select"]["parameters"] = {"Select Columns": "age"}
    warnings = {detail.code: detail for detail in read(json.dumps(body), contract).warnings}
    assert "Did you mean 'title'?" in warnings["UnknownMember"].message
    assert set(warnings) == {"UnknownMember", "LooseScalar", "LooseName", "BareValue"}
    (unlike,) = read(json.dumps(small_definition(diagnostics={"level": "None", "zzzz": 1})), contract).warnings
    assert unlike.message == "'zzzz' is not a known member here; it is kept unchanged. Known: level, expiry."


def test_unknown_members_are_kept(contract: Contract) -> None:
    body = small_definition(futureMember={"B": 1, "a": [None]})
    assert read(json.dumps(body), contract).document["properties"]["futureMember"] == {"B": 1, "a": [None]}


@pytest.mark.parametrize("value", ["graph", "GRAPH"])
def test_package_type_in_another_case_is_read_as_graph(contract: Contract, value: str) -> None:
    body = small_definition()
    body["properties"] = {"PackageType": value} | {k: v for k, v in body["properties"].items() if k != "packageType"}
    found = read(json.dumps(body), contract)
    assert found.document["properties"]["packageType"] == "Graph"
    assert {detail.code for detail in found.warnings} == {"LooseName", "LooseScalar"}


def test_names_that_differ_in_case_only_are_duplicates_in_the_contract_but_not_in_maps(contract: Contract) -> None:
    body = small_definition()
    body["tags"] = {"a": "1", "A": "2"}
    assert read(json.dumps(body), contract).document["tags"] == {"a": "1", "A": "2"}
    body["properties"]["Title"] = "other"
    with pytest.raises(MlmgmtError) as refused:
        read(json.dumps(body), contract)
    assert refused.value.details[0].code == "DuplicateMember"


def test_numbers_in_text_members_become_text_like_in_the_original_service(contract: Contract) -> None:
    body = small_definition(title=7, description=True)
    found = read(json.dumps(body), contract)
    assert found.document["properties"]["title"] == "7"
    assert found.document["properties"]["description"] == "true"


def test_exports_have_the_recorded_order(contract: Contract) -> None:
    shuffled = json.loads(SMALL)
    shuffled = dict(reversed(list(shuffled.items())))
    shuffled["properties"] = dict(reversed(list(shuffled["properties"].items())))
    written = json.loads(document.write(read(json.dumps(shuffled), contract).document))
    assert list(written) == ["properties", "location"]
    assert list(written["properties"])[:3] == ["packageType", "package", "title"]


COLUMN = "properties.input.properties.input1.properties.age"


@pytest.mark.parametrize(
    "path",
    [
        "tags",
        f"{COLUMN}.format",
        f"{COLUMN}.enum",
        f"{COLUMN}.x-ms-isnullable",
        f"{COLUMN}.x-ms-isordered",
        "properties.readOnly",
        "properties.exposeSampleData",
        "properties.payloadsInBlobStorage",
        "properties.realtimeConfiguration",
        "properties.realtimeConfiguration.maxConcurrentCalls",
        "properties.diagnostics",
        "properties.diagnostics.level",
        "properties.keys",
        "properties.keys.primary",
        "properties.keys.secondary",
        "properties.createdOn",
        "properties.provisioningState",
        "properties.commitmentPlan.id",
        "properties.machineLearningWorkspace.id",
        "properties.parameters",
        "properties.exampleRequest",
        "properties.exampleRequest.inputs",
        "properties.assets.asset1.inputPorts",
        "properties.assets.asset1.inputPorts.Dataset.type",
        "properties.assets.asset1.parameters",
        "properties.assets.asset1.locationInfo.credentials",
        f"{PACKAGE}.graphParameters",
        f"{PACKAGE}.nodes.select.inputId",
        f"{PACKAGE}.nodes.select.outputId",
        f"{PACKAGE}.nodes.in.assetId",
        f"{PACKAGE}.edges.0.sourcePortId",
    ],
)
def test_an_empty_text_is_read_as_not_given(contract: Contract, path: str) -> None:
    found = read(edit(path, ""), contract)
    assert found.warnings == ()
    assert '""' not in json.dumps(found.document)
    parent, _, member = path.rpartition(".")
    if member not in ("level", "id"):
        assert found.document == read(edit(path, None), contract).document
    else:
        # The object has only a required member, which is not given.
        assert found.document == read(edit(parent, None), contract).document


@pytest.mark.parametrize(
    "path",
    ["tags.note", "properties.title", "properties.description", "properties.assets.asset1.metadata.note"],
)
def test_an_empty_text_stays_where_any_text_is_allowed(contract: Contract, path: str) -> None:
    assert json.dumps(read(edit(path, ""), contract).document).count('""') == 1


def test_an_empty_value_of_a_parameter_stays_and_an_empty_parameter_is_null(contract: Contract) -> None:
    given = {"kept": {"value": ""}, "bare": "", "list": {"value": ["", None]}}
    found = read(edit(f"{PACKAGE}.nodes.select.parameters", given), contract)
    kept = found.document["properties"]["package"]["nodes"]["select"]["parameters"]
    assert kept == {"kept": {"value": ""}, "bare": None, "list": {"value": ["", None]}}
    assert found.warnings == ()


def test_empty_items_of_the_contract_s_maps_and_lists_are_omitted(contract: Contract) -> None:
    body = small_definition()
    package = body["properties"]["package"]
    package["edges"].append("")
    package["nodes"]["empty"] = body["properties"]["assets"]["empty"] = ""
    assert read(json.dumps(body), contract).document == read(SMALL, contract).document


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("properties.packageType", "Graph"),
        (f"{COLUMN}.type", "Boolean, Integer, Number, String"),
        ("properties.assets.asset1.type", "Module, Resource"),
        ("properties.input.type", "object"),
    ],
)
def test_an_empty_text_is_missing_where_a_value_is_required(contract: Contract, path: str, allowed: str) -> None:
    value: Any = ""
    with pytest.raises(BadRequest) as refused:
        read(edit(path, value), contract)
    [detail, *more] = refused.value.details
    assert {other.code for other in [detail, *more]} == {"MissingMember"}
    assert allowed in detail.message
    assert detail.target is not None
    assert detail.target.endswith("type") or detail.target.endswith("packageType")


def test_a_change_with_an_empty_package_type_is_read_as_one_without(contract: Contract) -> None:
    change = b'{"properties": {"packageType": "", "title": "New"}}'
    found = reading.read(change, contract, whole=False)
    assert found.document == {"properties": {"packageType": "Graph", "title": "New"}}


def test_an_unknown_format_is_kept_with_a_warning_and_the_nearest_known_one(contract: Contract) -> None:
    columns = {f"c{index}": {"type": "Integer", "format": "int23"} for index in range(5)} | {
        "t": {"type": "String", "format": "Text"},
        "d": {"type": "String", "format": "date-TIME"},
    }
    body = small_definition(
        input={"type": "object", "properties": {"input1": {"type": "object", "properties": columns}}}
    )
    found = read(json.dumps(body, indent=1), contract)
    kept = found.document["properties"]["input"]["properties"]["input1"]["properties"]
    assert [column["format"] for column in kept.values()] == ["int23"] * 5 + ["Text", "Date-time"]
    first, second = reading.sentences(found.warnings)
    assert "'int23'" in first
    assert "Did you mean 'Int32'?" in first
    assert first.endswith("(4 more of this kind)")
    assert "'Text'" in second
    assert "Uint64" in second


def test_an_unknown_value_is_refused_where_the_service_acts_on_it(contract: Contract) -> None:
    body = small_definition(packageType="Tree", diagnostics={"level": "Loud"})
    body["properties"]["assets"]["asset1"]["type"] = "Thing"
    with pytest.raises(BadRequest) as refused:
        read(json.dumps(body), contract)
    assert [detail.code for detail in refused.value.details] == ["UnknownValue"] * 3

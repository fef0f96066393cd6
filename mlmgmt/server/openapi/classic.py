"""The components of Classic management and of Studio's own API in the server's OpenAPI document."""

from __future__ import annotations

from mlmgmt.server.openapi.schema_parts import Schema, all_of, list_of, maybe, members, ref, text
from mlmgmt.verbs.services import endpoint_facts

_ID = text(pattern="^[0-9a-f]{32}$")
_MOMENT = text(format="date-time")
_DATE = maybe("string", pattern=r"^/Date\(-?[0-9]+\)/$")
_COUNT: Schema = {"type": "integer", "minimum": 1, "maximum": endpoint_facts.MOST_CALLS}
_NAME = text(minLength=1, pattern=r"\S")
_SWITCH: Schema = {"type": ["boolean", "null"]}
_OBJECT: Schema = {"type": ["object", "null"]}
_LEVEL: Schema = {"enum": [*endpoint_facts.LEVELS, None]}
_PLACE = {name: text() for name in ("BaseLocation", "RelativeLocation", "SasBlobToken")}


def classic() -> dict[str, Schema]:
    return {**_web_services(), **_endpoints(), **_experiments(), **_trained_models()}


def _web_services() -> dict[str, Schema]:
    return {
        "ClassicWebService": all_of(
            {
                "Id": _ID,
                "Name": text(),
                "Description": text(),
                "CreationTime": _MOMENT,
                "WorkspaceId": _ID,
                "DefaultEndpointName": text(),
                "EndpointCount": {"type": "integer", "minimum": 1},
            }
        ),
        "ClassicWebServices": list_of(ref("ClassicWebService")),
        "CodeWebService": members({"Name": maybe("string"), "Type": maybe("string"), "CodeBundle": _OBJECT}),
        "ClassicDeployment": all_of(
            {"ActivityId": text(), "WebServiceGroupId": _ID, "EndpointId": _ID, "Status": text(enum=["Completed"])}
        ),
    }


def _endpoints() -> dict[str, Schema]:
    given = {
        "Description": maybe("string"),
        "ThrottleLevel": _LEVEL,
        "MaxConcurrentCalls": {**_COUNT, "type": ["integer", "null"]},
        "PreventUpdate": _SWITCH,
    }
    replacement = all_of({"Name": text(), "Location": {"type": "object", "properties": _PLACE}})
    return {
        "ClassicEndpoint": all_of(
            {
                "Name": text(),
                "Description": text(),
                "CreationTime": _MOMENT,
                "WorkspaceId": _ID,
                "WebServiceId": _ID,
                "HelpLocation": text(format="uri"),
                "PrimaryKey": maybe("string"),
                "SecondaryKey": maybe("string"),
                "ApiLocation": text(format="uri"),
                "Version": _MOMENT,
                "PreventUpdate": {"type": "boolean"},
                "SampleDataEnabled": {"type": "boolean"},
                "ExperimentLocation": maybe("string", format="uri"),
                "MaxConcurrentCalls": _COUNT,
                "DiagnosticsTraceLevel": text(enum=list(endpoint_facts.TRACE_LEVELS)),
                "ThrottleLevel": text(enum=list(endpoint_facts.LEVELS)),
                "Resources": list_of(
                    all_of({"Name": text(), "Kind": text(enum=["TrainedModel"]), "Location": all_of(_PLACE)})
                ),
            }
        ),
        "ClassicEndpoints": list_of(ref("ClassicEndpoint")),
        "NewClassicEndpoint": members(given),
        "ClassicEndpointPatch": members(
            {
                **given,
                "Resources": {"type": ["array", "null"], "items": replacement},
                "DiagnosticsTraceLevel": {"enum": [*endpoint_facts.TRACE_LEVELS, None]},
                "SampleDataEnabled": _SWITCH,
            }
        ),
        "RefreshClassicEndpoint": members({"OverwriteResources": {"enum": ["True", "False", True, False, None]}}),
    }


def _experiments() -> dict[str, Schema]:
    words = ("ExperimentId", "Summary", "Description", "Etag", "Category")
    maybes = ("RunId", "ParentExperimentId", "OriginalExperimentDocumentationLink", "Creator")
    documented = {
        **{name: text() for name in words},
        **{name: maybe("string") for name in maybes},
        **{name: {"type": "boolean"} for name in ("IsLeaf", "DisableNodesUpdate")},
        "Tags": list_of(text()),
        "Status": all_of(
            {
                "StatusCode": text(),
                "StatusDetail": maybe("string"),
                **dict.fromkeys(("CreationTime", "StartTime", "EndTime"), _DATE),
                "Metadata": _OBJECT,
            }
        ),
    }
    graph = {"Graph": {"type": "object"}, "WebService": {"type": "object"}}
    return {
        "ClassicExperiments": list_of(all_of(documented)),
        "ClassicExperiment": all_of({**documented, **graph}),
        "NewClassicExperiment": members(
            {
                **{name: maybe("string") for name in ("Description", "Summary", "ParentExperimentId", "Category")},
                **dict.fromkeys(("IsDraft", "DisableNodeUpdate"), _SWITCH),
                "ExperimentGraph": _OBJECT,
                "WebService": _OBJECT,
            }
        ),
        "ExperimentDefinition": members({"properties": {"type": "object"}, "tags": _OBJECT}, "properties"),
    }


def _trained_models() -> dict[str, Schema]:
    words = ("Name", "FamilyId", "Id", "DataTypeId", "ExperimentId", "Description")
    asset = members(
        {
            **{name: text() for name in words},
            "IsLatest": {"type": "boolean"},
            "Batch": {"type": "integer", "minimum": 1},
            "CreatedDate": _DATE,
            "DownloadLocation": _OBJECT,
        },
        *words,
        "IsLatest",
        "CreatedDate",
    )
    maybes = ("DataTypeId", "Description", "SourceOrigin", "FamilyId")
    model = members({"Name": _NAME, **{name: maybe("string") for name in maybes}}, "Name")
    return {
        "ClassicTrainedModel": asset,
        "ClassicTrainedModels": list_of(ref("ClassicTrainedModel")),
        "PromotedTrainedModel": all_of(
            {"ExperimentId": _NAME, "ModuleNodeId": _NAME, "OutputName": _NAME, "TrainedModel": model}
        ),
    }

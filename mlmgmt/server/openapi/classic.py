"""The schemas of Classic management and of Studio's own API in the server's OpenAPI document."""

from __future__ import annotations

from mlmgmt.server.openapi.schema_parts import Schema, all_required, list_of, nullable, object_of, ref, text
from mlmgmt.verbs.services import endpoint_facts

_ID = text(pattern="^[0-9a-f]{32}$")
_MOMENT = text(format="date-time")
_DATE = nullable("string", pattern=r"^/Date\(-?[0-9]+\)/$")
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
        "ClassicWebService": all_required(
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
        "CodeWebService": object_of({"Name": nullable("string"), "Type": nullable("string"), "CodeBundle": _OBJECT}),
        "ClassicDeployment": all_required(
            {"ActivityId": text(), "WebServiceGroupId": _ID, "EndpointId": _ID, "Status": text(enum=["Completed"])}
        ),
    }


def _endpoints() -> dict[str, Schema]:
    given = {
        "Description": nullable("string"),
        "ThrottleLevel": _LEVEL,
        "MaxConcurrentCalls": {**_COUNT, "type": ["integer", "null"]},
        "PreventUpdate": _SWITCH,
    }
    replacement = all_required({"Name": text(), "Location": {"type": "object", "properties": _PLACE}})
    return {
        "ClassicEndpoint": all_required(
            {
                "Name": text(),
                "Description": text(),
                "CreationTime": _MOMENT,
                "WorkspaceId": _ID,
                "WebServiceId": _ID,
                "HelpLocation": text(format="uri"),
                "PrimaryKey": nullable("string"),
                "SecondaryKey": nullable("string"),
                "ApiLocation": text(format="uri"),
                "Version": _MOMENT,
                "PreventUpdate": {"type": "boolean"},
                "SampleDataEnabled": {"type": "boolean"},
                "ExperimentLocation": nullable("string", format="uri"),
                "MaxConcurrentCalls": _COUNT,
                "DiagnosticsTraceLevel": text(enum=list(endpoint_facts.TRACE_LEVELS)),
                "ThrottleLevel": text(enum=list(endpoint_facts.LEVELS)),
                "Resources": list_of(
                    all_required(
                        {"Name": text(), "Kind": text(enum=["TrainedModel"]), "Location": all_required(_PLACE)}
                    )
                ),
            }
        ),
        "ClassicEndpoints": list_of(ref("ClassicEndpoint")),
        "NewClassicEndpoint": object_of(given),
        "ClassicEndpointPatch": object_of(
            {
                **given,
                "Resources": {"type": ["array", "null"], "items": replacement},
                "DiagnosticsTraceLevel": {"enum": [*endpoint_facts.TRACE_LEVELS, None]},
                "SampleDataEnabled": _SWITCH,
            }
        ),
        "RefreshClassicEndpoint": object_of({"OverwriteResources": {"enum": ["True", "False", True, False, None]}}),
    }


def _experiments() -> dict[str, Schema]:
    words = ("ExperimentId", "Summary", "Description", "Etag", "Category")
    maybes = ("RunId", "ParentExperimentId", "OriginalExperimentDocumentationLink", "Creator")
    documented = {
        **{name: text() for name in words},
        **{name: nullable("string") for name in maybes},
        **{name: {"type": "boolean"} for name in ("IsLeaf", "DisableNodesUpdate")},
        "Tags": list_of(text()),
        "Status": all_required(
            {
                "StatusCode": text(),
                "StatusDetail": nullable("string"),
                **dict.fromkeys(("CreationTime", "StartTime", "EndTime"), _DATE),
                "Metadata": _OBJECT,
            }
        ),
    }
    graph = {"Graph": {"type": "object"}, "WebService": {"type": "object"}}
    return {
        "ClassicExperiments": list_of(all_required(documented)),
        "ClassicExperiment": all_required({**documented, **graph}),
        "NewClassicExperiment": object_of(
            {
                **{name: nullable("string") for name in ("Description", "Summary", "ParentExperimentId", "Category")},
                **dict.fromkeys(("IsDraft", "DisableNodeUpdate"), _SWITCH),
                "ExperimentGraph": _OBJECT,
                "WebService": _OBJECT,
            }
        ),
        "ExperimentDefinition": object_of({"properties": {"type": "object"}, "tags": _OBJECT}, "properties"),
    }


def _trained_models() -> dict[str, Schema]:
    words = ("Name", "FamilyId", "Id", "DataTypeId", "ExperimentId", "Description")
    asset = object_of(
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
    model = object_of({"Name": _NAME, **{name: nullable("string") for name in maybes}}, "Name")
    return {
        "ClassicTrainedModel": asset,
        "ClassicTrainedModels": list_of(ref("ClassicTrainedModel")),
        "PromotedTrainedModel": all_required(
            {"ExperimentId": _NAME, "ModuleNodeId": _NAME, "OutputName": _NAME, "TrainedModel": model}
        ),
    }

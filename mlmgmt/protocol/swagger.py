"""The Swagger 2.0 document of one web service, made from its definition; clients are generated from it.

The cells of answers are text, so a column of numbers has the type `string` and the format `double`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from mlmgmt.protocol import columns as typing_of
from mlmgmt.protocol.data_plane import SCORING_VERSION
from mlmgmt.protocol.shapes import ANSWERED_TABLE, BLOB_REFERENCE, ERROR, STATUS, TABLE, TEXT, TEXT_OR_NULL

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

_JSON = "application/json"
_QUERY = f"api-version={SCORING_VERSION}"
_SECRET = re.compile(r"(?:sig|accountkey|sharedaccesskey|password|pwd)\s*=", re.IGNORECASE)
_SIDES = ("input", "output")


def swagger(
    document: Mapping[str, Any],
    *,
    origin: str,
    path: str,
    endpoint: str = "default",
    inputs: Sequence[str] | None = None,
    tables: Collection[str] | None = None,
) -> dict[str, Any]:
    """Return the Swagger 2.0 document of a web service.

    Args:
        document: a definition in canonical form.
        origin: the server's origin, such as `http://127.0.0.1:8777`.
        path: the scoring path, `/subscriptions/.../services/...` or `/workspaces/.../services/...`.
        endpoint: the name of the endpoint; a New web service has only one.
        inputs: the inputs of a request; None for those of the graph.
        tables: the outputs that are tables; None for those that are declared with columns, or not declared. A service
            without one can only run batch jobs.
    """
    service = _Service(document, inputs, tables)
    address = urlsplit(origin)
    properties = document["properties"]
    return {
        "swagger": "2.0",
        "info": {
            "version": SCORING_VERSION,
            "title": properties.get("title") or document.get("name") or path.rpartition("/")[2],
            "description": properties.get("description") or "No description provided for this web service.",
            "x-endpoint-name": endpoint,
        },
        "host": address.netloc,
        "basePath": path,
        "schemes": [address.scheme],
        "consumes": [_JSON],
        "produces": [_JSON],
        "paths": {**_document_path(), **(_scoring_paths() if service.tables else {}), **_batch_paths()},
        "definitions": service.definitions(),
        "securityDefinitions": {
            "apiKey": {
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
                "description": "The word Bearer, a space, and one of the two keys of the web service.",
            }
        },
        "security": [{"apiKey": []}],
    }


class _Service:
    """The parts of one definition that its Swagger document needs."""

    def __init__(
        self, document: Mapping[str, Any], inputs: Sequence[str] | None, tables: Collection[str] | None
    ) -> None:
        properties = document["properties"]
        self._properties = properties
        package = properties.get("package") or {}
        self._nodes: Mapping[str, Any] = package.get("nodes") or {}
        declared_in, declared_out = (((properties.get(side) or {}).get("properties") or {}) for side in _SIDES)
        self.inputs = list(inputs) if inputs is not None else self._ports("inputId", declared_in)
        self.outputs = self._ports("outputId", declared_out)
        self.input_columns = {name: _columns(declared_in.get(name)) for name in self.inputs}
        self.output_columns = {name: _columns(declared_out.get(name)) for name in self.outputs}
        self.tables = [
            name
            for name in self.outputs
            if (name in tables if tables is not None else self.output_columns[name] or name not in declared_out)
        ]
        self._graph_parameters: Mapping[str, Any] = package.get("graphParameters") or {}
        example = properties.get("exampleRequest") or {} if properties.get("exposeSampleData") is True else {}
        self._rows: Mapping[str, Any] = example.get("inputs") or {}
        self._values: Mapping[str, Any] = example.get("globalParameters") or {}
        self._items = _item_names(self.inputs, self.tables)

    def _ports(self, member: str, declared: Mapping[str, Any]) -> list[str]:
        """Return the graph's ports, in the order of their declaration."""
        named = dict.fromkeys(str(node[member]) for node in self._nodes.values() if node.get(member) is not None)
        return [*(name for name in declared if name in named), *(name for name in named if name not in declared)]

    def definitions(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "BatchExecutionRequest": self._request(
                {
                    "Inputs": _blobs(self.inputs, required=True),
                    "Outputs": _blobs(self.outputs, required=False),
                }
            ),
            "BatchExecutionStatus": STATUS,
            "BlobReference": BLOB_REFERENCE,
            "ErrorResponse": ERROR,
        }
        return found | self._scoring_definitions() if self.tables else found

    def _scoring_definitions(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "ExecutionRequest": self._request(
                {"Inputs": _ports_of(self.inputs, {name: self._rows_of("input", name) for name in self.inputs})},
                {name: [dict(zip(named, row, strict=True)) for row in rows] for name, named, rows in self._sample()},
            ),
            "ExecutionResults": _results(
                _ports_of(self.tables, {name: self._rows_of("output", name) for name in self.tables})
            ),
            "TableExecutionRequest": self._request(
                {"Inputs": _ports_of(self.inputs, {key: {"$ref": "#/definitions/Table"} for key in self.inputs})},
                {name: {"ColumnNames": named, "Values": rows} for name, named, rows in self._sample()},
            ),
            "TableExecutionResults": _results(
                _ports_of(self.tables, {key: {"$ref": "#/definitions/AnsweredTable"} for key in self.tables})
            ),
            "Table": TABLE,
            "AnsweredTable": ANSWERED_TABLE,
        }
        for name in self.inputs:
            found[self._items["input", name]] = _item(self.input_columns[name], answered=False)
        for name in self.tables:
            found[self._items["output", name]] = _item(self.output_columns[name], answered=True)
        return found

    def _rows_of(self, side: str, name: str) -> dict[str, Any]:
        return {"type": "array", "items": {"$ref": _reference(self._items[side, name])}}

    def _sample(self) -> Iterable[tuple[str, list[str], list[list[Any]]]]:
        """Yield each input with its columns and sample rows."""
        for name in self.inputs:
            named = list(self.input_columns[name])
            yield name, named, typing_of.sample(self.input_columns[name], self._rows.get(name) if named else None)

    def _request(self, members: Mapping[str, Any], example: Any = None) -> dict[str, Any]:
        parameters = self._parameters()
        required = [name for name, body in (*members.items(), ("GlobalParameters", parameters)) if body.get("required")]
        found: dict[str, Any] = {"type": "object", "properties": {**members, "GlobalParameters": parameters}}
        if required:
            found["required"] = required
        if example is not None:
            found["example"] = {"Inputs": example, "GlobalParameters": self._sample_values()}
        return found

    def _parameters(self) -> dict[str, Any]:
        """Return the schema of the web service parameters; their values in a call are text."""
        found: dict[str, Any] = {}
        required = []
        for name, parameter in self._graph_parameters.items():
            body: dict[str, Any] = {"type": "string", "x-parameter-type": str(parameter.get("type") or "String")}
            if parameter.get("description"):
                body["description"] = str(parameter["description"])
            given, default = self._default(name, parameter)
            if default is not None:
                body["default"] = default
            if not given and not self._has_own_values(parameter):
                required.append(name)
            found[name] = body
        whole: dict[str, Any] = {"type": "object", "properties": found}
        return whole | {"required": required} if required else whole

    def _default(self, name: str, parameter: Mapping[str, Any]) -> tuple[bool, str | None]:
        """Return whether the service has a default, and the default unless it is secret: this document is public."""
        parameters = self._properties.get("parameters") or {}
        fold = name.casefold()
        found = parameters.get(name, next((body for key, body in parameters.items() if key.casefold() == fold), None))
        value = found.get("value") if isinstance(found, dict) else found
        if value is None:
            return False, None
        encrypted = isinstance(found, dict) and found.get("certificateThumbprint")
        text = str(value)
        secret = encrypted or parameter.get("type") == "Credential" or _SECRET.search(text) is not None
        return True, None if secret else text

    def _has_own_values(self, parameter: Mapping[str, Any]) -> bool:
        """Whether each linked node parameter has its own value."""
        for link in parameter.get("links") or ():
            values = (self._nodes.get(link.get("nodeId")) or {}).get("parameters") or {}
            fold = str(link.get("parameterKey")).casefold()
            own = next((value for key, value in values.items() if key.casefold() == fold), None)
            if (own.get("value") if isinstance(own, dict) else own) is None:
                return False
        return True

    def _sample_values(self) -> dict[str, str]:
        known = self._parameters()["properties"]
        shown = {name: body["default"] for name, body in known.items() if "default" in body}
        return shown | {name: str(value) for name, value in self._values.items() if name in known and value is not None}


def _columns(table: Any) -> dict[str, Mapping[str, Any]]:
    declared = table.get("properties") if isinstance(table, dict) else None
    return {name: column or {} for name, column in (declared or {}).items()}


def _item_names(inputs: Iterable[str], outputs: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return the name of the row schema of each port, unique even if an input and an output have the same name."""
    found: dict[tuple[str, str], str] = {}
    for side, ports, ending in (("input", inputs, "Item"), ("output", outputs, "ResultItem")):
        for port in ports:
            name = f"{port}Item"
            while name in found.values():
                name = name.removesuffix("Item") + ending
            found[side, port] = name
    return found


def _reference(name: str) -> str:
    pointer = name.replace("~", "~0").replace("/", "~1")
    return f"#/definitions/{quote(pointer, safe='~')}"


def _item(declared: Mapping[str, Mapping[str, Any]], *, answered: bool) -> dict[str, Any]:
    """Return the schema of a row by column name; any columns are allowed where none are declared."""
    if not declared:
        return {"type": "object", "additionalProperties": TEXT_OR_NULL if answered else {}}
    typed = typing_of.of_answer if answered else typing_of.of_request
    body: dict[str, Any] = {
        "type": "object",
        "properties": {name: typed(column) for name, column in declared.items()},
    }
    required = [name for name, column in declared.items() if answered or not column.get("x-ms-isnullable")]
    return body | {"required": required} if required else body


def _ports_of(names: Sequence[str], schemas: Mapping[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = {"type": "object", "properties": dict(schemas)}
    return whole | {"required": list(names)} if names else whole


def _blobs(names: Sequence[str], *, required: bool) -> dict[str, Any]:
    whole = _ports_of(names, {key: {"$ref": "#/definitions/BlobReference"} for key in names})
    if not required:
        whole.pop("required", None)
    return whole


def _results(ports: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"Results": ports}, "required": ["Results"]}


def _operation(
    name: str, summary: str, *, body: str = "", answer: Mapping[str, Any] | None = None, job: bool = False
) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = []
    if job:
        parameters.append({"name": "jobId", "in": "path", "required": True, "type": "string"})
    if body:
        schema = {"$ref": f"#/definitions/{body}"}
        parameters.append({"name": "request", "in": "body", "required": True, "schema": schema})
    done: dict[str, Any] = {"description": "Done."}
    if answer is not None:
        done["schema"] = dict(answer)
    refused = {"description": "The error.", "schema": {"$ref": "#/definitions/ErrorResponse"}}
    return {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": {"200": done, "default": refused},
    }


def _document_path() -> dict[str, Any]:
    found = _operation("getSwaggerDocument", "This document.", answer={"type": "object"})
    version = {"name": "api-version", "in": "query", "required": False, "type": "string", "default": SCORING_VERSION}
    return {"/swagger.json": {"get": {**found, "parameters": [version], "security": []}}}


def _scoring_paths() -> dict[str, Any]:
    return {
        f"/execute?{_QUERY}&format=swagger": {
            "post": _operation(
                "execute",
                "Score rows, each an object by column name.",
                body="ExecutionRequest",
                answer={"$ref": "#/definitions/ExecutionResults"},
            )
        },
        f"/execute?{_QUERY}&details=true": {
            "post": _operation(
                "executeWithDetails",
                "Score rows, each a list of cells; the answer has the columns' types.",
                body="TableExecutionRequest",
                answer={"$ref": "#/definitions/TableExecutionResults"},
            )
        },
    }


def _batch_paths() -> dict[str, Any]:
    status = {"$ref": "#/definitions/BatchExecutionStatus"}
    return {
        f"/jobs?{_QUERY}": {
            "post": _operation(
                "submitjob", "Submit a batch job; the answer is its id.", body="BatchExecutionRequest", answer=TEXT
            )
        },
        f"/jobs/{{jobId}}/start?{_QUERY}": {"post": _operation("startjob", "Start a submitted job.", job=True)},
        f"/jobs/{{jobId}}?{_QUERY}": {
            "get": _operation("getjobstatus", "The status of a job.", answer=status, job=True),
            "delete": _operation("canceljob", "Cancel a job.", job=True),
        },
    }

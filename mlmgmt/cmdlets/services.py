"""Cmdlets for New web services, with the names of the Az.MachineLearning and AzureRM.MachineLearning modules, and what
those modules never had: diff, test, history, rollback, restore, and work on definition files.
"""

from __future__ import annotations

from dataclasses import replace

from mlmgmt.cmdlets.declare import (
    AFTER,
    ASSET,
    DEPLOY,
    ENDPOINT,
    GROUP,
    IF_MATCH,
    LOOK,
    MESSAGE,
    NAME,
    REGION,
    REQUIRE_RUNNABLE,
    RETRAIN_STEP,
    REVIEW,
    SKIP_CHECK,
    TEMPLATE_VALUES,
    WEB_SERVICE,
    Cmdlet,
    Gate,
    Kind,
    Parameter,
    answering,
    both,
)

TOPIC = "services"
FROM_FILE, FROM_INSTANCE = "CreateFromFile", "CreateFromInstance"
TO_FILE, TO_JSON = "ExportToFile", "ExportToJSON"
BY_FILE, BY_STRING = "ImportFromJSONFile", "ImportFromJSONString."
BY_PARAMETERS, BY_OBJECT = "UpdateFromParameters", "UpdateFromObject"
REMOVE_BY_NAME, REMOVE_BY_OBJECT = "RemoveByNameAndResourceGroup", "RemoveByObject"
_SKIP = replace(SKIP_CHECK, help="Go back without checking the model. The history records this.")
KEYS_BY_NAME, KEYS_BY_OBJECT = "GetByNameAndResourceGroup", "GetByInstance"

GET = Cmdlet(
    spellings=both("Get", "MlWebService"),
    short=("get",),
    calls=("WebServices_Get", "WebServices_ListByResourceGroup", "WebServices_ListBySubscriptionId"),
    run="verbs.services.lookup:get",
    summary="Show one web service, or list those of a group or of the subscription.",
    example="mlmgmt Get-AzMlWebService -ResourceGroupName retail -Name churn",
    step=LOOK,
    view="webservice",
    lists="web services",
    parameters=(
        GROUP.optional,
        NAME.optional,
        Parameter("Region", help="Show the web service as seen from this region."),
    ),
)
NEW = Cmdlet(
    spellings=both("New", "MlWebService"),
    short=("new",),
    calls=("WebServices_CreateOrUpdate",),
    run="verbs.services.webservices:plan_create",
    summary="Create a web service from a definition. One with the same name is replaced.",
    example="mlmgmt New-AzMlWebService -ResourceGroupName retail -Location southcentralus -Name churn "
    "-DefinitionFile churn-predictive.json -Force",
    step=DEPLOY,
    view="webservice",
    sets=(FROM_FILE, FROM_INSTANCE),
    fixed_by_set=((FROM_INSTANCE, "from_instance", True),),
    gate=Gate("Creating the new web service", "Create the web service {target!r}?"),
    parameters=(
        GROUP,
        REGION,
        NAME,
        Parameter(
            "DefinitionFile",
            Kind.DOCUMENT,
            "The definition file.",
            mandatory=True,
            sets=(FROM_FILE,),
            argument="definition",
            aliases=("InputFile",),
        ),
        Parameter(
            "NewWebServiceDefinition",
            Kind.DOCUMENT,
            "The definition as an object, usually piped. Its location takes precedence.",
            mandatory=True,
            sets=(FROM_INSTANCE,),
            pipeline=True,
            argument="definition",
        ),
        *(replace(parameter, sets=(FROM_FILE,)) for parameter in TEMPLATE_VALUES),
        MESSAGE,
        IF_MATCH,
        SKIP_CHECK,
        REQUIRE_RUNNABLE,
    ),
)
EXPORT = Cmdlet(
    spellings=both("Export", "MlWebService"),
    short=("export",),
    run="verbs.services.definitions:plan_export",
    run_by_set=((TO_JSON, "verbs.services.definitions:export_text"),),
    summary="Write the definition of a web service to a file, in canonical form, without what the service sets.",
    example="mlmgmt Export-AzMlWebService -WebService wsd.json -OutputFile churn.json",
    step="3. Export and retrain",
    topic="definitions",
    view="text",
    sets=(TO_FILE, TO_JSON),
    gate=Gate("Overwriting the output file"),
    parameters=(
        Parameter("WebService", Kind.DOCUMENT, "The output of Get: a file, or piped.", mandatory=True, pipeline=True),
        Parameter(
            "OutputFile",
            Kind.FILE,
            "The file to write.",
            mandatory=True,
            sets=(TO_FILE,),
            aliases=("ToFile", "DefinitionFile"),
        ),
        Parameter(
            "ToJsonString",
            Kind.SWITCH,
            "Write the text to standard output.",
            mandatory=True,
            sets=(TO_JSON,),
            argument="_to_json",
        ),
    ),
)
IMPORT = Cmdlet(
    spellings=both("Import", "MlWebService"),
    short=("import",),
    run="verbs.services.definitions:read",
    summary="Read and check a definition file. Pipe the result into New or Update.",
    example="mlmgmt Import-AzMlWebService -InputFile churn.json | "
    "mlmgmt Update-AzMlWebService -g retail -n churn -Force",
    step=DEPLOY,
    topic="definitions",
    view="json",
    sets=(BY_FILE, BY_STRING),
    parameters=(
        Parameter(
            "InputFile",
            Kind.DOCUMENT,
            "The definition file.",
            mandatory=True,
            sets=(BY_FILE,),
            aliases=("FromFile", "DefinitionFile"),
            argument="definition",
        ),
        Parameter(
            "JsonString", Kind.TEXT, "The definition as text.", mandatory=True, sets=(BY_STRING,), argument="definition"
        ),
        *TEMPLATE_VALUES,
        replace(GROUP.optional, help="The resource group for a deployment template; default: the only one."),
        replace(NAME.optional, help="The web service to take from a deployment template."),
    ),
)
_MEMBER = (BY_PARAMETERS,)
_FORMS = "JSON, @{Name='value'}, a file, or -"
UPDATE = Cmdlet(
    spellings=both("Update", "MlWebService"),
    short=("update",),
    calls=("WebServices_Patch",),
    run="verbs.services.webservices:plan_update",
    summary="Change a web service, from a definition or by single members. A new model is checked first.",
    example="mlmgmt Update-AzMlWebService -ResourceGroupName retail -Name churn -ServiceUpdates churn.json -WhatIf",
    step=DEPLOY,
    view="webservice",
    sets=(BY_PARAMETERS, BY_OBJECT),
    gate=Gate("Updating the web service", "Update the web service {target!r}?"),
    about="What the definition omits stays unchanged. mlmgmt diff shows in advance what would change.",
    parameters=(
        GROUP,
        NAME,
        Parameter(
            "ServiceUpdates",
            Kind.DOCUMENT,
            "The changes, usually a whole definition: a file, or piped.",
            mandatory=True,
            sets=(BY_OBJECT,),
            pipeline=True,
            aliases=("UpdatedWebServiceDefinition", "DefinitionFile", "InputFile"),
        ),
        Parameter("Title", help="The new title.", sets=_MEMBER),
        Parameter("Description", help="The new description.", sets=_MEMBER),
        Parameter("IsReadOnly", Kind.SWITCH, "Make the web service read-only, permanently.", sets=_MEMBER),
        Parameter("Keys", Kind.STRUCTURE, f"Primary, Secondary: {_FORMS}.", sets=_MEMBER),
        Parameter("StorageAccountKey", help="The storage account's new key.", sets=_MEMBER),
        Parameter("Diagnostics", Kind.STRUCTURE, f"Level, Expiry: {_FORMS}.", sets=_MEMBER),
        Parameter("RealtimeConfiguration", Kind.STRUCTURE, f"MaxConcurrentCalls, 4 to 200: {_FORMS}.", sets=_MEMBER),
        Parameter("Assets", Kind.STRUCTURE, f"Assets by id; the others stay: {_FORMS}.", sets=_MEMBER),
        Parameter("Input", Kind.STRUCTURE, f"The input tables: {_FORMS}.", sets=_MEMBER),
        Parameter("Output", Kind.STRUCTURE, f"The output tables: {_FORMS}.", sets=_MEMBER),
        Parameter("Parameters", Kind.STRUCTURE, f"Parameter values by name: {_FORMS}.", sets=_MEMBER),
        Parameter(
            "Package", Kind.STRUCTURE, f"The graph; replaces the package and the given assets: {_FORMS}.", sets=_MEMBER
        ),
        Parameter("Tag", Kind.STRUCTURE, f"The tags; replaces all of them: {_FORMS}.", sets=_MEMBER, argument="tags"),
        Parameter("Clear", Kind.LIST, "Members to remove: title, description, tags, ...", sets=_MEMBER),
        MESSAGE,
        IF_MATCH,
        SKIP_CHECK,
        REQUIRE_RUNNABLE,
    ),
)
_OBJECT = Parameter(
    "MlWebService",
    Kind.DOCUMENT,
    "The output of Get: a file, or piped.",
    mandatory=True,
    pipeline=True,
    argument="web_service",
)
REMOVE = Cmdlet(
    spellings=both("Remove", "MlWebService"),
    short=("remove",),
    calls=("WebServices_Remove",),
    run="verbs.services.webservices:plan_remove",
    run_by_set=((REMOVE_BY_OBJECT, "verbs.services.webservices:plan_remove_object"),),
    summary="Remove a web service. Its history stays, and restore brings it back.",
    example="mlmgmt Remove-AzMlWebService -ResourceGroupName retail -Name churn",
    step=DEPLOY,
    sets=(REMOVE_BY_NAME, REMOVE_BY_OBJECT),
    gate=Gate("Removing the web service", "Remove the web service {target!r}?"),
    parameters=(
        replace(GROUP, sets=(REMOVE_BY_NAME,)),
        replace(NAME, sets=(REMOVE_BY_NAME,)),
        replace(_OBJECT, sets=(REMOVE_BY_OBJECT,)),
        MESSAGE,
    ),
)
KEYS = Cmdlet(
    spellings=(
        "Get-AzMlWebServiceKey",
        "Get-AzureRmMlWebServiceKeys",
        "Get-AzMlWebServiceKeys",
        "Get-AzureRmMlWebServiceKey",
    ),
    short=("keys",),
    calls=("WebServices_ListKeys",),
    run="verbs.services.lookup:keys",
    run_by_set=((KEYS_BY_OBJECT, "verbs.services.lookup:keys_of_object"),),
    summary="Show the two keys of a web service.",
    example="mlmgmt Get-AzMlWebServiceKey -ResourceGroupName retail -Name churn",
    step=LOOK,
    sets=(KEYS_BY_NAME, KEYS_BY_OBJECT),
    parameters=(
        replace(GROUP, sets=(KEYS_BY_NAME,)),
        replace(NAME, sets=(KEYS_BY_NAME,)),
        replace(_OBJECT, sets=(KEYS_BY_OBJECT,)),
    ),
)
SET_MODEL = Cmdlet(
    spellings=both("Set", "MlTrainedModel"),
    short=("set-model",),
    run="verbs.services.definitions:set_model",
    summary="Point a trained model in a definition file at another .ilearner. Nothing else in the file changes.",
    example="mlmgmt set-model churn.json --asset asset3 --location "
    "https://mlstore1a2b3c4d.blob.core.windows.net/retraining/churn/new.ilearner",
    step=RETRAIN_STEP,
    topic="definitions",
    parameters=(
        Parameter("File", Kind.FILE, "The definition file.", mandatory=True, position=0),
        ASSET,
        Parameter(
            "Location", help="The new URI: BaseLocation and RelativeLocation joined.", mandatory=True, aliases=("Uri",)
        ),
    ),
)
ASSETS = Cmdlet(
    spellings=both("Get", "MlDefinitionAsset"),
    short=("assets",),
    run="verbs.services.definitions:list_assets",
    summary="List the assets of a definition, and which of them are trained models.",
    example="mlmgmt assets churn.json",
    step=RETRAIN_STEP,
    topic="definitions",
    view="rows",
    lists="assets",
    parameters=(
        Parameter(
            "Definition",
            Kind.DOCUMENT,
            "The definition file.",
            aliases=("DefinitionFile", "InputFile"),
            mandatory=True,
            position=0,
            pipeline=True,
        ),
        *TEMPLATE_VALUES,
        replace(NAME.optional, help="The web service to take from a deployment template."),
    ),
)
DIFF = Cmdlet(
    spellings=both("Compare", "MlWebService"),
    short=("diff",),
    run="verbs.services.definitions:compare",
    summary="Show differences: what an update from a file would change, between two files, or since a revision.",
    example="mlmgmt diff -g retail -n churn churn.json",
    step=REVIEW,
    topic="definitions",
    view="diff",
    verdict="changes",
    trouble=2,
    about="Exit status 0: no difference; 1: different; 2: an error. -Format patch writes an RFC 6902 JSON Patch.",
    parameters=(
        GROUP.optional,
        NAME.optional,
        Parameter("Left", Kind.DOCUMENT, "A definition file.", position=0),
        Parameter("Right", Kind.DOCUMENT, "Another definition file.", position=1),
        Parameter("Revision", Kind.INTEGER, "An earlier revision of the web service.", completes="revision"),
        Parameter(
            "Format",
            Kind.CHOICE,
            "The form of the answer.",
            choices=("text", "json", "patch"),
            argument="_format",
            short="f",
        ),
    ),
)
TEST = Cmdlet(
    spellings=both("Test", "MlWebService"),
    short=("test", "validate"),
    run="verbs.services.definitions:test",
    summary="Check a definition file, or that a web service answers with what was deployed.",
    example="mlmgmt test -g retail -n churn",
    step=REVIEW,
    topic="definitions",
    view="checks",
    verdict="Accepted",
    parameters=(
        GROUP.optional,
        NAME.optional,
        Parameter(
            "Definition", Kind.DOCUMENT, "A definition file.", aliases=("DefinitionFile", "InputFile"), position=0
        ),
        Parameter("Strict", Kind.SWITCH, "Exit with status 1 also if the definition can be stored but not score."),
        *TEMPLATE_VALUES,
    ),
)
HISTORY = Cmdlet(
    spellings=both("Get", "MlWebServiceHistory"),
    short=("history",),
    run="verbs.services.history:history",
    summary="Show every revision of a web service: when, by whom, why, and with which model.",
    example="mlmgmt history -g retail -n churn",
    step=AFTER,
    view="history",
    lists="revisions",
    sets=(WEB_SERVICE, ENDPOINT),
    parameters=answering(),
)
ROLLBACK = Cmdlet(
    spellings=both("Undo", "MlWebService"),
    short=("rollback",),
    run="verbs.services.history:plan_rollback",
    summary="Go back to an earlier revision and its model. This makes a new revision.",
    example="mlmgmt rollback -g retail -n churn --to 1",
    step=AFTER,
    view="webservice",
    sets=(WEB_SERVICE, ENDPOINT),
    gate=Gate("Rolling back the web service"),
    parameters=(
        *answering(),
        Parameter(
            "To",
            Kind.INTEGER,
            "The revision; default: the one before the current one.",
            aliases=("Revision",),
            completes="revision",
        ),
        MESSAGE,
        IF_MATCH,
        _SKIP,
    ),
)
RESTORE = Cmdlet(
    spellings=both("Restore", "MlWebService"),
    short=("restore",),
    run="verbs.services.history:plan_restore",
    summary="Bring back a removed web service, with its keys.",
    example="mlmgmt restore -g retail -n churn",
    step=AFTER,
    view="webservice",
    sets=(WEB_SERVICE, ENDPOINT),
    gate=Gate("Restoring the web service"),
    parameters=(*answering(), MESSAGE, _SKIP),
)
SCHEMA = Cmdlet(
    spellings=both("Get", "MlSchema"),
    short=("schema",),
    run="verbs.services.definitions:schema",
    summary="Print the JSON Schema of a definition, for editors.",
    example="mlmgmt schema webservice > webservice.schema.json",
    step=REVIEW,
    topic="vs-code",
    view="text",
    parameters=(Parameter("Name", help="The kind of document: webservice.", position=0, choices=("webservice",)),),
)
ADD_REGION = Cmdlet(
    spellings=both("Add", "MlWebServiceRegionalProperty", "New-AzureRmMlWebServiceRegionalProperties"),
    short=("add-region",),
    calls=("WebServices_CreateRegionalProperties",),
    run="verbs.services.regions:plan_add",
    summary="Make a web service known in another region, for Get with -Region.",
    example="mlmgmt Add-AzMlWebServiceRegionalProperty -ResourceGroupName retail -Name churn -Region westcentralus "
    "-Force",
    step="5. Deploy",
    topic="services",
    view="webservice",
    gate=Gate("Creating regional properties of the web service"),
    parameters=(GROUP, NAME, Parameter("Region", help="The region, such as westcentralus.", mandatory=True)),
)

CMDLETS = (
    GET,
    KEYS,
    EXPORT,
    IMPORT,
    NEW,
    UPDATE,
    REMOVE,
    SET_MODEL,
    ASSETS,
    DIFF,
    TEST,
    HISTORY,
    ROLLBACK,
    RESTORE,
    SCHEMA,
    ADD_REGION,
)

"""Cmdlets for New web services, with the names of the Az.MachineLearning and AzureRM.MachineLearning modules."""

from __future__ import annotations

from dataclasses import replace

from mlmgmt.cmdlets.declare import GROUP, IF_MATCH, MESSAGE, NAME, SKIP_CHECK, Cmdlet, Gate, Kind, Parameter, both

LOOK, DEPLOY = "2. Look", "5. Deploy"
TOPIC = "services"
FROM_FILE, FROM_INSTANCE = "CreateFromFile", "CreateFromInstance"
TO_FILE, TO_JSON = "ExportToFile", "ExportToJSON"
BY_FILE, BY_STRING = "ImportFromJSONFile", "ImportFromJSONString."
BY_PARAMETERS, BY_OBJECT = "UpdateFromParameters", "UpdateFromObject"
REMOVE_BY_NAME, REMOVE_BY_OBJECT = "RemoveByNameAndResourceGroup", "RemoveByObject"
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
        replace(GROUP, mandatory=False),
        replace(NAME, mandatory=False),
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
        Parameter("Location", help="The region, such as southcentralus.", mandatory=True, short="l"),
        NAME,
        Parameter(
            "DefinitionFile",
            Kind.DOCUMENT,
            "The definition file.",
            mandatory=True,
            sets=(FROM_FILE,),
            argument="definition",
            completes="file",
        ),
        Parameter(
            "NewWebServiceDefinition",
            Kind.DOCUMENT,
            "The definition as an object, usually piped. Its location takes precedence.",
            mandatory=True,
            sets=(FROM_INSTANCE,),
            pipeline=True,
            argument="definition",
            completes="file",
        ),
        MESSAGE,
        IF_MATCH,
        SKIP_CHECK,
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
        Parameter(
            "WebService",
            Kind.DOCUMENT,
            "The output of Get: a file, or piped.",
            mandatory=True,
            pipeline=True,
            completes="file",
        ),
        Parameter(
            "OutputFile",
            Kind.FILE,
            "The file to write.",
            mandatory=True,
            sets=(TO_FILE,),
            aliases=("ToFile",),
            completes="file",
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
            aliases=("FromFile",),
            argument="definition",
            completes="file",
        ),
        Parameter(
            "JsonString", Kind.TEXT, "The definition as text.", mandatory=True, sets=(BY_STRING,), argument="definition"
        ),
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
            aliases=("UpdatedWebServiceDefinition",),
            completes="file",
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
    view="nothing",
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

CMDLETS = (GET, KEYS, EXPORT, IMPORT, NEW, UPDATE, REMOVE)

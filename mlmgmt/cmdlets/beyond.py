"""What Azure's cmdlets never had: diff, test, history, rollback, restore, retrain, score, and work on files."""

from __future__ import annotations

from dataclasses import replace

from mlmgmt.cmdlets.declare import (
    ENDPOINT,
    GROUP,
    IF_MATCH,
    MESSAGE,
    NAME,
    PARAMETERS,
    SKIP_CHECK,
    WEB_SERVICE,
    Cmdlet,
    Gate,
    Kind,
    Parameter,
    answering,
    both,
)

RETRAIN_STEP, REVIEW, DEPLOY, AFTER, FILES = (
    "3. Export and retrain",
    "4. Review",
    "5. Deploy",
    "6. Check and undo",
    "7. Homes and trust",
)
TOPIC = "services"
_OPTIONAL_GROUP, _OPTIONAL_NAME = replace(GROUP, mandatory=False), replace(NAME, mandatory=False)
_SKIP = replace(SKIP_CHECK, help="Go back without proving the model; the history says so.")

RETRAIN = Cmdlet(
    spellings=both("Invoke", "MlWebServiceRetraining"),
    short=("retrain",),
    run="verbs.retraining.retraining:retrain",
    summary="Train a new model on new data, and compare it with the deployed one on rows held out.",
    example="mlmgmt retrain -g retail -n churn --training-definition churn-training.json --data new-customers.csv "
    "--rewrite churn.json",
    step=RETRAIN_STEP,
    topic="retraining",
    view="retraining",
    gate=Gate("Keeping the new model"),
    about="The model goes to the local storage account; --rewrite points a definition file at it, --update deploys it. "
    "A page that -Report names is written before any question, with -WhatIf too.",
    parameters=(
        GROUP,
        NAME,
        Parameter("Data", Kind.ROWS, "The new data, as CSV.", mandatory=True, completes="file"),
        Parameter(
            "TrainingDefinition",
            Kind.DOCUMENT,
            "The training definition; else the service named in the tag trainingService.",
            completes="file",
        ),
        Parameter("Holdout", Kind.NUMBER, "The fraction of rows held out to compare on; 0.25 when left out."),
        Parameter("TestData", Kind.ROWS, "Rows to compare on, instead of holding some out.", completes="file"),
        Parameter("Asset", help="The trained model, by id or name, when there are several.", completes="asset"),
        Parameter("Rewrite", Kind.FILE, "A definition file to point at the new model.", completes="file"),
        Parameter("Report", Kind.FILE, "An HTML page of the evaluation to write.", completes="file"),
        Parameter("Update", Kind.SWITCH, "Go on to update the web service."),
        Parameter(
            "OnlyIfBetter", help="A metric; change nothing unless the new model is better by it (exit status 3)."
        ),
        MESSAGE,
    ),
)
EVALUATE = Cmdlet(
    spellings=both("Measure", "MlWebService"),
    short=("evaluate",),
    run="verbs.retraining.evaluating:evaluate",
    summary="Evaluate the model that answers, or another beside it, on rows with labels.",
    example="mlmgmt evaluate -g retail -n churn --data new-customers.csv --report evaluation.html",
    step=RETRAIN_STEP,
    topic="retraining",
    view="retraining",
    parameters=(
        GROUP,
        NAME,
        Parameter("Data", Kind.ROWS, "Rows with labels, as CSV.", mandatory=True, completes="file"),
        Parameter("Location", help="The uri of another .ilearner to compare with the deployed one.", aliases=("Uri",)),
        Parameter("Asset", help="The trained model, by id or name, when there are several.", completes="asset"),
        Parameter("Report", Kind.FILE, "An HTML page of the evaluation to write.", completes="file"),
    ),
)
SET_MODEL = Cmdlet(
    spellings=both("Set", "MlTrainedModel"),
    short=("set-model",),
    run="verbs.services.definitions:set_model",
    summary="Point the trained model of a definition file at another .ilearner; nothing else in the file changes.",
    example="mlmgmt set-model churn.json --asset asset3 --location "
    "https://mlstore1a2b3c4d.blob.core.windows.net/retraining/churn/new.ilearner",
    step=RETRAIN_STEP,
    topic="definitions",
    parameters=(
        Parameter("File", Kind.FILE, "The definition file.", mandatory=True, position=0, completes="file"),
        Parameter("Asset", help="The trained model, by id or name, when there are several.", completes="asset"),
        Parameter(
            "Location", help="The new uri: BaseLocation and RelativeLocation joined.", mandatory=True, aliases=("Uri",)
        ),
    ),
)
ASSETS = Cmdlet(
    spellings=both("Get", "MlDefinitionAsset"),
    short=("assets",),
    run="verbs.services.definitions:list_assets",
    summary="List the assets of a definition; trained models are marked.",
    example="mlmgmt assets churn.json",
    step=RETRAIN_STEP,
    topic="definitions",
    view="rows",
    parameters=(
        Parameter(
            "Definition",
            Kind.DOCUMENT,
            "The definition file.",
            mandatory=True,
            position=0,
            pipeline=True,
            completes="file",
        ),
    ),
)
DIFF = Cmdlet(
    spellings=both("Compare", "MlWebService"),
    short=("diff",),
    run="verbs.services.definitions:compare",
    summary="Show what differs: what an update from a file would change, two files, or a revision and now.",
    example="mlmgmt diff -g retail -n churn churn.json",
    step=REVIEW,
    topic="definitions",
    view="diff",
    verdict="changes",
    trouble=2,
    about="Exit status 0: the same; 1: different; 2: trouble. -Format patch writes an RFC 6902 JSON Patch.",
    parameters=(
        _OPTIONAL_GROUP,
        _OPTIONAL_NAME,
        Parameter("Left", Kind.DOCUMENT, "A definition file.", position=0, completes="file"),
        Parameter("Right", Kind.DOCUMENT, "Another definition file.", position=1, completes="file"),
        Parameter(
            "Revision",
            Kind.INTEGER,
            "A revision of the service, instead of the one that answers.",
            completes="revision",
        ),
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
    summary="Check a definition file; or that what was deployed is what answers.",
    example="mlmgmt test -g retail -n churn",
    step=REVIEW,
    topic="definitions",
    view="checks",
    verdict="Passed",
    parameters=(
        _OPTIONAL_GROUP,
        _OPTIONAL_NAME,
        Parameter("Definition", Kind.DOCUMENT, "A definition file.", position=0, completes="file"),
    ),
)
SCORE = Cmdlet(
    spellings=both("Invoke", "MlWebServiceScoring"),
    short=("score",),
    calls=("execute",),
    run="verbs.scoring.scoring:score",
    summary="Score rows with the model that answers.",
    example="mlmgmt score -g retail -n churn --input new-customers.csv",
    step=AFTER,
    view="scores",
    sets=(WEB_SERVICE, ENDPOINT, f"{WEB_SERVICE}WithoutRows", f"{ENDPOINT}WithoutRows"),
    about="A service that has no inputs, because its graph reads its data itself, is scored without rows.",
    parameters=(
        *answering(new=(WEB_SERVICE, f"{WEB_SERVICE}WithoutRows"), endpoint=(ENDPOINT, f"{ENDPOINT}WithoutRows")),
        Parameter(
            "InputFile",
            Kind.ROWS,
            "A CSV file, or a request-response body as JSON.",
            mandatory=True,
            sets=(WEB_SERVICE, ENDPOINT),
            pipeline=True,
            aliases=("Input",),
            argument="rows",
            short="i",
            position=0,
            completes="file",
        ),
        PARAMETERS,
        Parameter("OutputFile", Kind.FILE, "A CSV file to write the scores to.", completes="file"),
        Parameter("Force", Kind.SWITCH, "Overwrite the output file.", argument="force"),
        Parameter(
            "Server", help="Ask a running server, such as http://127.0.0.1:8777, instead of scoring in this process."
        ),
        Parameter("ApiKey", help="The key shown to the server; this home's primary key when left out."),
    ),
)
HISTORY = Cmdlet(
    spellings=both("Get", "MlWebServiceHistory"),
    short=("history",),
    run="verbs.services.history:history",
    summary="Show every revision of a web service: when, who, why, and which model.",
    example="mlmgmt history -g retail -n churn",
    step=AFTER,
    view="history",
    sets=(WEB_SERVICE, ENDPOINT),
    parameters=answering(),
)
ROLLBACK = Cmdlet(
    spellings=both("Undo", "MlWebService"),
    short=("rollback",),
    run="verbs.services.history:plan_rollback",
    summary="Make an earlier revision answer again, with the model it had; that is a new revision.",
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
            "The revision; the one before the present one when left out.",
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
    summary="Bring a removed web service back, keys included.",
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
SAMPLE = Cmdlet(
    spellings=both("New", "MlSample"),
    short=("sample",),
    run="verbs.retraining.samples:plan_sample",
    summary="Write a sample's definitions and data, and train its first model here.",
    example="mlmgmt sample churn --out .",
    step="1. Connect",
    view="rows",
    gate=Gate("Writing the sample"),
    parameters=(
        Parameter(
            "Name",
            Kind.CHOICE,
            "Which sample.",
            mandatory=True,
            position=0,
            choices=("churn", "breast-cancer"),
            short="n",
        ),
        Parameter("Out", Kind.FOLDER, "The folder to write to; the working directory when left out."),
    ),
)

CMDLETS = (RETRAIN, EVALUATE, SET_MODEL, ASSETS, DIFF, TEST, SCORE, HISTORY, ROLLBACK, RESTORE, SCHEMA, SAMPLE)

"""Cmdlets that Azure never had: diff, test, history, rollback, restore, retrain, score, and work on files."""

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
_SKIP = replace(SKIP_CHECK, help="Go back without checking the model. The history records this.")

RETRAIN = Cmdlet(
    spellings=both("Invoke", "MlWebServiceRetraining"),
    short=("retrain",),
    run="verbs.retraining.retraining:retrain",
    summary="Train a new model on new data, and compare it with the deployed one on held-out rows.",
    example="mlmgmt retrain -g retail -n churn --training-definition churn-training.json --data new-customers.csv "
    "--rewrite churn.json",
    step=RETRAIN_STEP,
    topic="retraining",
    view="retraining",
    gate=Gate("Saving the new model"),
    about="The model is saved in the local storage account. -Rewrite points a definition file at it, -Update deploys "
    "it. The page of -Report is written before any question is asked, and with -WhatIf too.",
    parameters=(
        GROUP,
        NAME,
        Parameter("Data", Kind.ROWS, "The new data, as CSV.", mandatory=True, completes="file"),
        Parameter(
            "TrainingDefinition",
            Kind.DOCUMENT,
            "The training definition; default: the training service or experiment of the web service.",
            completes="file",
        ),
        Parameter("Holdout", Kind.NUMBER, "The fraction of rows held out for the comparison; default: 0.25."),
        Parameter("TestData", Kind.ROWS, "Rows to compare on, instead of held-out rows.", completes="file"),
        Parameter("Asset", help="The trained model, by id or name, when there are several.", completes="asset"),
        Parameter("Rewrite", Kind.FILE, "A definition file to point at the new model.", completes="file"),
        Parameter("Report", Kind.FILE, "An HTML file to write the evaluation to.", completes="file"),
        Parameter("Update", Kind.SWITCH, "Also update the web service with the new model."),
        Parameter(
            "OnlyIfBetter",
            help="A metric. Unless the new model is better by it, change nothing and exit with status 3.",
        ),
        MESSAGE,
    ),
)
EVALUATE = Cmdlet(
    spellings=both("Measure", "MlWebService"),
    short=("evaluate",),
    run="verbs.retraining.evaluating:evaluate",
    summary="Evaluate the deployed model, or compare another model with it, on rows with labels.",
    example="mlmgmt evaluate -g retail -n churn --data new-customers.csv --report evaluation.html",
    step=RETRAIN_STEP,
    topic="retraining",
    view="retraining",
    parameters=(
        GROUP,
        NAME,
        Parameter("Data", Kind.ROWS, "Rows with labels, as CSV.", mandatory=True, completes="file"),
        Parameter(
            "Location", help="The URI of another .ilearner to compare with the deployed model.", aliases=("Uri",)
        ),
        Parameter("Asset", help="The trained model, by id or name, when there are several.", completes="asset"),
        Parameter("Report", Kind.FILE, "An HTML file to write the evaluation to.", completes="file"),
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
        Parameter("File", Kind.FILE, "The definition file.", mandatory=True, position=0, completes="file"),
        Parameter("Asset", help="The trained model, by id or name, when there are several.", completes="asset"),
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
    summary="Show differences: what an update from a file would change, between two files, or since a revision.",
    example="mlmgmt diff -g retail -n churn churn.json",
    step=REVIEW,
    topic="definitions",
    view="diff",
    verdict="changes",
    trouble=2,
    about="Exit status 0: no difference; 1: different; 2: an error. -Format patch writes an RFC 6902 JSON Patch.",
    parameters=(
        _OPTIONAL_GROUP,
        _OPTIONAL_NAME,
        Parameter("Left", Kind.DOCUMENT, "A definition file.", position=0, completes="file"),
        Parameter("Right", Kind.DOCUMENT, "Another definition file.", position=1, completes="file"),
        Parameter(
            "Revision",
            Kind.INTEGER,
            "An earlier revision of the web service.",
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
    summary="Check a definition file, or that a web service answers with what was deployed.",
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
    summary="Score rows with the deployed model.",
    example="mlmgmt score -g retail -n churn --input new-customers.csv",
    step=AFTER,
    view="scores",
    sets=(WEB_SERVICE, ENDPOINT, f"{WEB_SERVICE}WithoutRows", f"{ENDPOINT}WithoutRows"),
    about="A web service whose graph reads its data itself has no inputs, and is scored without rows.",
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
            "Server", help="A running server to call, such as http://127.0.0.1:8777; default: score in this process."
        ),
        Parameter("ApiKey", help="The key for the server; default: the primary key in this home."),
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
SAMPLE = Cmdlet(
    spellings=both("New", "MlSample"),
    short=("sample",),
    run="verbs.retraining.samples:plan_sample",
    summary="Write the definitions and data of a sample, and train its first model here.",
    example="mlmgmt sample churn --out .",
    step="1. Connect",
    view="rows",
    gate=Gate("Writing the sample"),
    parameters=(
        Parameter(
            "Name",
            Kind.CHOICE,
            "The sample.",
            mandatory=True,
            position=0,
            choices=("churn", "breast-cancer"),
            short="n",
        ),
        Parameter("Out", Kind.FOLDER, "The folder to write to; default: the working directory."),
    ),
)

CMDLETS = (RETRAIN, EVALUATE, SET_MODEL, ASSETS, DIFF, TEST, SCORE, HISTORY, ROLLBACK, RESTORE, SCHEMA, SAMPLE)

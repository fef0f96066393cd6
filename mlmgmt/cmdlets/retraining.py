"""Cmdlets that train: the sample, retraining and evaluation."""

from __future__ import annotations

from mlmgmt.cmdlets.declare import (
    ASSET,
    GROUP,
    HOLDOUT,
    MESSAGE,
    NAME,
    PARAMETERS,
    RETRAIN_STEP,
    Cmdlet,
    Gate,
    Kind,
    Parameter,
    both,
)

TOPIC = "retraining"
_REPORT = Parameter("Report", Kind.FILE, "An HTML file to write the evaluation to.")
SAMPLE = Cmdlet(
    spellings=both("New", "MlSample"),
    short=("sample",),
    run="verbs.retraining.samples:plan_sample",
    summary="Write the definitions and data of a sample, and train its first model here.",
    example="mlmgmt sample churn --out .",
    topic="services",
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
RETRAIN = Cmdlet(
    spellings=both("Invoke", "MlWebServiceRetraining"),
    short=("retrain",),
    run="verbs.retraining.retraining:retrain",
    summary="Train a new model on new data, and compare it with the deployed one on held-out rows.",
    example="mlmgmt retrain -g retail -n churn --training-definition churn-training.json --data new-customers.csv "
    "--rewrite churn.json",
    step=RETRAIN_STEP,
    view="retraining",
    gate=Gate("Saving the new model"),
    about="The model is saved in the local storage account. -Rewrite points a definition file at it, -Update deploys "
    "it. The page of -Report is written before any question is asked, and with -WhatIf too.",
    parameters=(
        GROUP,
        NAME,
        Parameter("Data", Kind.ROWS, "The new data, as CSV.", mandatory=True),
        Parameter(
            "TrainingDefinition",
            Kind.DOCUMENT,
            "The training definition; default: the training service or experiment of the web service.",
        ),
        HOLDOUT,
        Parameter("TestData", Kind.ROWS, "Rows to compare on, instead of held-out rows."),
        ASSET,
        Parameter("Rewrite", Kind.FILE, "A definition file to point at the new model."),
        _REPORT,
        Parameter("Update", Kind.SWITCH, "Also update the web service with the new model."),
        Parameter(
            "OnlyIfBetter",
            help="A metric. Unless the new model is better by it, change nothing and exit with status 3.",
        ),
        PARAMETERS,
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
    view="retraining",
    parameters=(
        GROUP,
        NAME,
        Parameter("Data", Kind.ROWS, "Rows with labels, as CSV.", mandatory=True),
        Parameter(
            "Location", help="The URI of another .ilearner to compare with the deployed model.", aliases=("Uri",)
        ),
        ASSET,
        PARAMETERS,
        _REPORT,
    ),
)

CMDLETS = (SAMPLE, RETRAIN, EVALUATE)

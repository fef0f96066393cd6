"""The cmdlet for many models from one experiment: `mlmgmt retrain-many`."""

from __future__ import annotations

from dataclasses import replace

from mlmgmt.cmdlets.declare import (
    ENDPOINT,
    GROUP,
    HOLDOUT,
    PARAMETERS,
    WEB_SERVICE,
    Cmdlet,
    Gate,
    Kind,
    Parameter,
    both,
)

STEP = "D. Many models"
TOPIC = "many-models"

RETRAIN_MANY = Cmdlet(
    spellings=both("Invoke", "MlManyRetraining"),
    short=("retrain-many",),
    run="verbs.many.retraining:plan",
    summary="Train one model for each key of the data, and deploy it to the key's own endpoint or New web service.",
    example='mlmgmt retrain-many -TrainingService "Bike Rental" -ScoringService "Bike Rental [Predictive Exp.]" '
    "-Data locations -Results results.csv,results.html",
    step=STEP,
    view="many",
    sets=(ENDPOINT, WEB_SERVICE),
    gate=Gate("Retraining the models"),
    about="The data is a folder with one CSV file for each key, or one file and -KeyColumn. Each key gets an endpoint, "
    "which is added if it is missing, a model and a PATCH; with -ResourceGroupName, a New web service and an update. A "
    "second run trains only what is missing or changed, and continues a run that was stopped. Exit status 4: some keys "
    "failed, and the table says why.",
    parameters=(
        replace(GROUP, sets=(WEB_SERVICE,), help="The resource group of New web services."),
        Parameter("TrainingService", help="The web service that trains.", mandatory=True, completes="classic-service"),
        Parameter(
            "ScoringService",
            help="The web service that the models are for.",
            mandatory=True,
            completes="classic-service",
        ),
        Parameter("Data", Kind.FOLDER, "A folder with CSV files, or one CSV file.", mandatory=True),
        Parameter("KeyColumn", help="The column with the key, if the data is one file. Models do not learn from it."),
        Parameter("Asset", help="The trained model, by id or name, when there are several."),
        Parameter("NamePrefix", help="A prefix for the names of the endpoints or web services."),
        Parameter(
            "ThrottleLevel",
            Kind.CHOICE,
            "The throttle level of new endpoints.",
            sets=(ENDPOINT,),
            choices=("High", "Low"),
        ),
        HOLDOUT,
        PARAMETERS,
        Parameter("OnlyIfBetter", help="A metric. Deploy the model of a key only if it is better by it."),
        Parameter("All", Kind.SWITCH, "Also train keys whose data is unchanged.", argument="again"),
        Parameter(
            "Backend",
            Kind.CHOICE,
            "Where to train: loky is processes on this machine, the default; dask is a cluster.",
            choices=("loky", "dask"),
        ),
        Parameter("Scheduler", help="The address of the Dask cluster, such as tcp://127.0.0.1:8786."),
        Parameter("Jobs", Kind.INTEGER, "The number of processes; default: one for each processor.", short="j"),
        Parameter("Results", Kind.LIST, "Files to write the table to: .csv, .json, .html.", argument="results_files"),
    ),
)
CMDLETS = (RETRAIN_MANY,)

"""Many models from one experiment: `mlmgmt retrain-many`."""

from __future__ import annotations

from dataclasses import replace

from mlmgmt.cmdlets.declare import ENDPOINT, GROUP, PARAMETERS, WEB_SERVICE, Cmdlet, Gate, Kind, Parameter, both

STEP = "D. Many models"
TOPIC = "many-models"

RETRAIN_MANY = Cmdlet(
    spellings=both("Invoke", "MlManyRetraining"),
    short=("retrain-many",),
    run="verbs.many.retraining:plan",
    summary="Train a model for each key of some data, each for an endpoint, or a New web service, of its own.",
    example='mlmgmt retrain-many -TrainingService "Bike Rental" -ScoringService "Bike Rental [Predictive Exp.]" '
    "-Data locations -Results results.csv,results.html",
    step=STEP,
    view="many",
    sets=(ENDPOINT, WEB_SERVICE),
    gate=Gate("Retraining the models"),
    about="The data is a folder with one CSV file for each key, or one file and -KeyColumn. Every key gets an "
    "endpoint, which is added where it is missing, a model and its PATCH; with -ResourceGroupName a web service and "
    "its Update. A second run does what is missing or changed alone, a run that was ended in the middle goes on. Exit "
    "status 4: some keys failed, and the table says why.",
    parameters=(
        replace(GROUP, sets=(WEB_SERVICE,), help="The resource group of New web services."),
        Parameter("TrainingService", help="The web service that trains.", mandatory=True, completes="classic-service"),
        Parameter(
            "ScoringService",
            help="The web service that the models are for.",
            mandatory=True,
            completes="classic-service",
        ),
        Parameter("Data", Kind.FOLDER, "A folder of CSV files, or one CSV file.", mandatory=True, completes="file"),
        Parameter("KeyColumn", help="The column of a single file that holds the key; no model learns from it."),
        Parameter("Asset", help="The trained model, by id or name, when there are several."),
        Parameter("NamePrefix", help="What the names of the endpoints, or services, begin with."),
        Parameter(
            "ThrottleLevel", Kind.CHOICE, "Of endpoints that are added.", sets=(ENDPOINT,), choices=("High", "Low")
        ),
        Parameter("Holdout", Kind.NUMBER, "The fraction of rows held out to compare on; 0.25 when left out."),
        PARAMETERS,
        Parameter("OnlyIfBetter", help="A metric; deploy a key's model only if it is better by it."),
        Parameter("All", Kind.SWITCH, "Train what is unchanged, too.", argument="again"),
        Parameter(
            "Backend", Kind.CHOICE, "Processes here when left out; dask for a cluster.", choices=("loky", "dask")
        ),
        Parameter("Scheduler", help="The address of the Dask cluster, such as tcp://127.0.0.1:8786."),
        Parameter("Jobs", Kind.INTEGER, "Processes; one for each processor when left out.", short="j"),
        Parameter(
            "Results", Kind.LIST, "Files for the table: .csv, .json, .html.", argument="results_files", completes="file"
        ),
    ),
)
CMDLETS = (RETRAIN_MANY,)

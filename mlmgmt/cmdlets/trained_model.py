"""Cmdlets for the trained models of a workspace: promoted from one experiment and used by others."""

from __future__ import annotations

from mlmgmt.cmdlets.declare import Cmdlet, Gate, Kind, Parameter
from mlmgmt.cmdlets.experiment import STEP

TOPIC = "classic"
_EXPERIMENT = Parameter(
    "ExperimentId",
    help="The experiment, by id or name.",
    mandatory=True,
    aliases=("Experiment",),
    argument="experiment",
    position=0,
    short="n",
    completes="experiment",
)
_ALL, _ONE = "All", "Asset"

GET = Cmdlet(
    spellings=("Get-AmlTrainedModel",),
    short=("trained-models",),
    calls=(
        "ClassicExperiments_Get",
        "ClassicTrainedModels_List",
    ),
    run="verbs.experiments.trained_models:get",
    summary="List the trained models of the workspace, or those that an experiment uses.",
    example="mlmgmt trained-models -Scope Workspace",
    step=STEP,
    classic=True,
    view="trained-model",
    lists="trained models",
    parameters=(
        Parameter(
            "Scope", Kind.CHOICE, "Where to look.", mandatory=True, position=0, choices=("Experiment", "Workspace")
        ),
        Parameter(
            "ExperimentId",
            help="The experiment, by id or name, for the scope Experiment.",
            aliases=("Experiment",),
            argument="experiment",
            position=1,
            short="n",
            completes="experiment",
        ),
    ),
)
PROMOTE = Cmdlet(
    spellings=("Promote-AmlTrainedModel",),
    short=("promote-model",),
    calls=("ClassicTrainedModels_Promote",),
    run="verbs.experiments.promoting:plan_promote",
    summary="Save what a module of an experiment trains as a trained model of the workspace.",
    example='mlmgmt promote-model "Bike Rental" -TrainModuleNodeId node6 -NodeOutputPortName "Trained model" '
    '-TrainedModelName "Bike Rental [trained model]" -TrainedModelDescription "March" -Overwrite',
    step=STEP,
    classic=True,
    view="trained-model",
    gate=Gate("Promoting the trained model"),
    about="A run does not save its models, so the experiment runs again; the same data and seeds give the same model. "
    "set-up-web-service -Predictive promotes its model too, as EXPERIMENT [trained model].",
    parameters=(
        _EXPERIMENT,
        Parameter("TrainModuleNodeId", help="The id of the module; experiment-nodes lists them.", mandatory=True),
        Parameter("NodeOutputPortName", help="The output port of the module, such as Trained model.", mandatory=True),
        Parameter("TrainedModelName", help="The model's name.", mandatory=True),
        Parameter("TrainedModelDescription", help="The model's description.", mandatory=True),
        Parameter("Overwrite", Kind.SWITCH, "Make it the latest version of the model with this name."),
    ),
)
UPDATE_ASSET = Cmdlet(
    spellings=("Update-AmlExperimentUserAsset",),
    short=("update-experiment-assets",),
    run="verbs.experiments.promoting:plan_update_asset",
    summary="Point the trained models of an experiment at their latest versions. Then run and deploy it.",
    example='mlmgmt update-experiment-assets "Bike Rental [Predictive Exp.]" -All',
    step=STEP,
    classic=True,
    view="text",
    sets=(_ALL, _ONE),
    gate=Gate("Updating the experiment"),
    parameters=(
        _EXPERIMENT,
        Parameter("All", Kind.SWITCH, "Update all of them.", mandatory=True, sets=(_ALL,), argument="everything"),
        Parameter("AssetName", help="The trained model to update.", mandatory=True, sets=(_ONE,)),
        Parameter(
            "AssetType",
            Kind.CHOICE,
            "The type of the asset; here only trained models have versions.",
            mandatory=True,
            sets=(_ONE,),
            choices=("TrainedModel", "Transform", "Dataset"),
        ),
    ),
)
CMDLETS = (GET, PROMOTE, UPDATE_ASSET)

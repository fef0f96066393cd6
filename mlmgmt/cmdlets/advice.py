"""Help with deployment and retraining: help pages, the doctor, and the steps of retraining."""

from __future__ import annotations

from dataclasses import replace

from mlmgmt.cmdlets.declare import ENDPOINT, OVERWRITE, SERVER, WEB_SERVICE, Cmdlet, Kind, Parameter, answering

STEP = "E. Help"
TOPIC = "classic"

HELP = Cmdlet(
    spellings=("Get-AmlWebServiceEndpointHelp",),
    short=("endpoint-help",),
    run="verbs.advice.help_pages:show",
    summary="Show how to call and update an endpoint or web service: addresses, PATCH URL, resource names, code.",
    example='mlmgmt endpoint-help -s "Bike Rental Scoring" -e rentalloc001 -Part update',
    step=STEP,
    view="help",
    sets=(WEB_SERVICE, ENDPOINT),
    about="No key is shown. -OutputFile writes the help page that the service had, as one HTML file.",
    parameters=(
        *answering(),
        Parameter(
            "Part", Kind.CHOICE, "One part of the help; default: all.", choices=("score", "jobs", "update"), short="p"
        ),
        Parameter("OutputFile", Kind.FILE, "An HTML file to write the help page to."),
        SERVER,
        OVERWRITE,
    ),
)
_NEW, _CLASSIC, _WORDS = "NewWebService", "ClassicEndpoint", "Words"
DOCTOR = Cmdlet(
    spellings=("Test-AmlWebServiceEndpoint",),
    short=("doctor",),
    run="verbs.doctor.examining:examine",
    summary="Find out why an endpoint or web service does not work.",
    example="mlmgmt doctor -s 'Bike Rental Scoring' -e rentalloc001 -ResourceName 'Bike Rental'",
    step=STEP,
    view="doctor",
    sets=(_NEW, _CLASSIC, _WORDS),
    verdict="Passed",
    about="Give what you have: the address that fails, the key, the PATCH URL, the name, the three parts of the "
    "model's location, the job document, the data. It changes nothing and does not use the network. Exit status 1: it "
    "found a problem.",
    parameters=(
        *(
            replace(parameter, mandatory=parameter.name != "EndpointName")
            for parameter in answering(new=(_NEW,), endpoint=(_CLASSIC,))
        ),
        Parameter("ApiLocation", help="The address that you call, with or without execute or jobs."),
        Parameter("ApiKey", help="The key that you send."),
        Parameter("PatchUrl", help="The address that you patch."),
        Parameter("AuthorizationToken", help="The token or key that you send with the patch."),
        Parameter("ResourceName", help="The resource that you patch.", completes="resource"),
        Parameter("BaseLocation", help="BaseLocation of the new model, from the job's status."),
        Parameter("RelativeLocation", help="RelativeLocation of the new model, from the job's status."),
        Parameter("SasBlobToken", help="SasBlobToken of the new model, from the job's status; in quotes."),
        Parameter("JobFile", Kind.STRUCTURE, "A job document to check before you submit it."),
        Parameter("Data", Kind.ROWS, "A CSV file for training or scoring; its header is checked."),
        Parameter("WorkspaceId", help="The Classic workspace that your script uses.", completes="workspace"),
        Parameter("Location", help="The region that your script uses."),
        Parameter("ConfigFile", Kind.FILE, "A config.json to check."),
    ),
)
EXPLAIN = Cmdlet(
    spellings=("Get-MlRetrainingStep", "Show-MlRetrainingSteps"),
    short=("explain",),
    run="verbs.advice.explaining:explain",
    summary="Show the steps to retrain a Classic or New web service: what is done, and the next step as a command.",
    example="mlmgmt explain classic",
    step=STEP,
    view="steps",
    sets=(_WORDS, _NEW, _CLASSIC),
    classic=True,
    about="In an empty home this is a tutorial; later it uses your own names. A signature in a command is valid for a "
    "day.",
    parameters=(
        Parameter(
            "Flavour",
            Kind.CHOICE,
            "The kind of web service; default: classic, or new if a resource group is given.",
            position=0,
            choices=("classic", "new"),
        ),
        *(
            replace(parameter, aliases=("WebService",) if parameter.name == "WebServiceId" else parameter.aliases)
            for parameter in DOCTOR.parameters[:4]
        ),
    ),
)
CMDLETS = (HELP, DOCTOR, EXPLAIN)

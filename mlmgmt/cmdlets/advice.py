"""What helps with the steps between training and answering: help pages, the doctor, and where one stands."""

from __future__ import annotations

from dataclasses import replace

from mlmgmt.cmdlets.declare import ENDPOINT, WEB_SERVICE, Cmdlet, Kind, Parameter, answering

STEP = "D. Help on the way"
TOPIC = "classic"

HELP = Cmdlet(
    spellings=("Get-AmlWebServiceEndpointHelp",),
    short=("endpoint-help",),
    run="verbs.advice.help_pages:show",
    summary="Show how an endpoint or a web service is asked and updated: addresses, PATCH URL, resource names, code.",
    example='mlmgmt endpoint-help -s "Bike Rental Scoring" -e rentalloc001 -Part update',
    step=STEP,
    view="help",
    sets=(WEB_SERVICE, ENDPOINT),
    about="It holds no key. -OutputFile writes the page of the service's help, one HTML file that fetches nothing.",
    parameters=(
        *answering(),
        Parameter(
            "Part", Kind.CHOICE, "One part of it; all when left out.", choices=("score", "jobs", "update"), short="p"
        ),
        Parameter("OutputFile", Kind.FILE, "An HTML page to write.", completes="file"),
        Parameter("Server", help="The server's origin; http://127.0.0.1:8777 when left out."),
        Parameter("Force", Kind.SWITCH, "Overwrite the file.", argument="force"),
    ),
)
_NEW, _CLASSIC, _WORDS = "NewWebService", "ClassicEndpoint", "Words"
DOCTOR = Cmdlet(
    spellings=("Test-AmlWebServiceEndpoint",),
    short=("doctor",),
    run="verbs.doctor.examining:examine",
    summary="Go through the usual mistakes with an endpoint or a web service, and say which one it is.",
    example="mlmgmt doctor -s 'Bike Rental Scoring' -e rentalloc001 -ResourceName 'Bike Rental'",
    step=STEP,
    view="doctor",
    sets=(_NEW, _CLASSIC, _WORDS),
    verdict="Passed",
    about="Give it whatever you have: the address that fails, the key, the PATCH URL, the name, the three parts of the "
    "model's location, the job document, the data. It changes nothing, and asks no network. Exit status 1 where "
    "there is a problem.",
    parameters=(
        *(
            replace(parameter, mandatory=parameter.name != "EndpointName")
            for parameter in answering(new=(_NEW,), endpoint=(_CLASSIC,))
        ),
        Parameter("ApiLocation", help="The address that is asked, with or without execute or jobs."),
        Parameter("ApiKey", help="The key that is shown to it."),
        Parameter("PatchUrl", help="The address that is patched."),
        Parameter("AuthorizationToken", help="The token, or key, that the patch shows."),
        Parameter("ResourceName", help="The resource that is patched.", completes="resource"),
        Parameter("BaseLocation", help="The new model's, as the job's status gives it."),
        Parameter("RelativeLocation", help="The new model's, as the job's status gives it."),
        Parameter("SasBlobToken", help="The new model's, as the job's status gives it; quoted."),
        Parameter("JobFile", Kind.STRUCTURE, "A job document that is about to be submitted.", completes="file"),
        Parameter("Data", Kind.ROWS, "A CSV file to train or to score with: its header.", completes="file"),
        Parameter("WorkspaceId", help="The Classic workspace that a script names.", completes="workspace"),
        Parameter("Location", help="The region that a script names."),
        Parameter("ConfigFile", Kind.FILE, "A config.json to try.", completes="file"),
    ),
)
EXPLAIN = Cmdlet(
    spellings=("Get-MlRetrainingStep", "Show-MlRetrainingSteps"),
    short=("explain",),
    run="verbs.advice.explaining:explain",
    summary="Show the steps of retraining a Classic or a New web service: what is done, and the next one as a command.",
    example="mlmgmt explain classic",
    step=STEP,
    view="steps",
    sets=(_WORDS, _NEW, _CLASSIC),
    classic=True,
    about="In an empty home it is the tutorial; later it has your own names. A signature in the command is good for a "
    "day.",
    parameters=(
        Parameter(
            "Flavour",
            Kind.CHOICE,
            "classic when left out, unless a group is named.",
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

"""Cmdlets that call a web service by its address and a key: request-response, and batch execution."""

from __future__ import annotations

from mlmgmt.cmdlets.classic import STEP
from mlmgmt.cmdlets.declare import (
    AFTER,
    ENDPOINT,
    OVERWRITE,
    PARAMETERS,
    WEB_SERVICE,
    Cmdlet,
    Kind,
    Parameter,
    answering,
    both,
)

TOPIC = "classic"
_KEY = Parameter("ApiKey", help="One of the two keys of the endpoint or web service.", mandatory=True)
_WHERE = (
    "An address at azureml.net is answered from this home, without a network. Any other address, such as that of a "
    "running mlmgmt serve, is called over HTTP."
)

RRS = Cmdlet(
    spellings=("Invoke-AmlWebServiceRRSEndpoint",),
    short=("invoke-rrs",),
    calls=("execute",),
    run="verbs.scoring.invoking:rrs",
    summary="Call a web service by its address and a key, and get scores.",
    example="mlmgmt invoke-rrs -ApiKey KEY -ApiLocation https://ussouthcentral.services.azureml.net/workspaces/WORKSPACE"
    "/services/ENDPOINT -InputJsonFile request.json",
    step=STEP,
    view="text",
    about=_WHERE,
    parameters=(
        _KEY,
        Parameter(
            "ApiLocation", help="The endpoint's ApiLocation; Get-AmlWebServiceEndpoint shows it.", mandatory=True
        ),
        Parameter("InputJsonText", Kind.TEXT, "The request, as JSON."),
        Parameter("InputJsonFile", Kind.ROWS, "A file with the request; takes precedence over the text."),
        Parameter("OutputJsonFile", Kind.FILE, "A file to write the answer to, instead of showing it."),
        OVERWRITE,
    ),
)
BES = Cmdlet(
    spellings=("Invoke-AmlWebServiceBESEndpoint",),
    short=("invoke-bes",),
    calls=("submitjob",),
    run="verbs.scoring.invoking:bes",
    summary="Submit and start a batch job by a web service's address and a key, and wait until it ends.",
    example="mlmgmt invoke-bes -ApiKey KEY -SubmitJobRequestUrl 'https://ussouthcentral.services.azureml.net/workspaces"
    "/WORKSPACE/services/ENDPOINT/jobs?api-version=2.0' -JobConfigFile job.json",
    step=STEP,
    view="text",
    about=f"{_WHERE} The result is the last status of the job.",
    parameters=(
        _KEY,
        Parameter("SubmitJobRequestUrl", help="ApiLocation followed by /jobs?api-version=2.0.", mandatory=True),
        Parameter("JobConfigFile", Kind.ROWS, "A file with the job document."),
        Parameter("JobConfigString", Kind.TEXT, "The job document as JSON; takes precedence over the file."),
    ),
)
SCORE = Cmdlet(
    spellings=both("Invoke", "MlWebServiceScoring"),
    short=("score",),
    calls=("execute",),
    run="verbs.scoring.scoring:score",
    summary="Score rows with the deployed model.",
    example="mlmgmt score -g retail -n churn --input new-customers.csv",
    topic="services",
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
        ),
        PARAMETERS,
        Parameter("OutputFile", Kind.FILE, "A CSV file to write the scores to."),
        Parameter("Force", Kind.SWITCH, "Overwrite the output file.", argument="force"),
        Parameter(
            "Server", help="A running server to call, such as http://127.0.0.1:8777; default: score in this process."
        ),
        Parameter("ApiKey", help="The key for the server; default: the primary key in this home."),
    ),
)

CMDLETS = (RRS, BES, SCORE)

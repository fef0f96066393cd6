"""Cmdlets that call a web service by its address and a key: request-response, and batch execution."""

from __future__ import annotations

from mlmgmt.cmdlets.classic import STEP
from mlmgmt.cmdlets.declare import Cmdlet, Kind, Parameter

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
        Parameter(
            "InputJsonFile", Kind.ROWS, "A file with the request; takes precedence over the text.", completes="file"
        ),
        Parameter(
            "OutputJsonFile", Kind.FILE, "A file to write the answer to, instead of showing it.", completes="file"
        ),
        Parameter("Force", Kind.SWITCH, "Overwrite the file.", argument="force"),
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
        Parameter("JobConfigFile", Kind.ROWS, "A file with the job document.", completes="file"),
        Parameter("JobConfigString", Kind.TEXT, "The job document as JSON; takes precedence over the file."),
    ),
)
CMDLETS = (RRS, BES)

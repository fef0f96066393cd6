"""Cmdlets for the home over HTTP: `mlmgmt serve` and sample code."""

from __future__ import annotations

from mlmgmt.cmdlets.declare import ENDPOINT, SERVER, WEB_SERVICE, Cmdlet, Kind, Parameter, answering, both

STEP = "A. Over HTTP"
TOPIC = "http"

SERVE = Cmdlet(
    spellings=("Start-MlServer",),
    short=("serve",),
    run="server.serve:serve",
    summary="Serve this home over HTTP: the resource manager's API, scoring, batch execution and blobs.",
    example="mlmgmt serve -Port 8777",
    step=STEP,
    about="It listens on this machine only, unless -ListenHost, -Certificate and -Key are given. The command line can "
    "use the same home at the same time. Ctrl-C stops the server.",
    parameters=(
        Parameter("Port", Kind.INTEGER, "The port; default: 8777; 0 takes a free one.", position=0),
        Parameter("Workers", Kind.INTEGER, "The number of processes that share the port; default: 1."),
        Parameter("Tls", Kind.SWITCH, "Serve https with a certificate from this home's own authority."),
        Parameter(
            "ListenHost",
            help="The address to listen on. One that other machines can reach needs -Certificate and -Key.",
            aliases=("HostName",),
            argument="host",
        ),
        Parameter("Certificate", Kind.FILE, "A PEM file with the certificate for https."),
        Parameter("Key", Kind.FILE, "A PEM file with the key of the certificate."),
        Parameter("Names", Kind.LIST, "More host names under which clients can call the server."),
        Parameter("Cors", Kind.LIST, "Origins of web pages that can score, such as https://shop.example.com."),
        Parameter("AccessLog", Kind.FILE, "A file for the access log, or none for no log; default: standard error."),
    ),
)
SAMPLE_CODE = Cmdlet(
    spellings=both("Get", "MlWebServiceSampleCode"),
    short=("sample-code",),
    run="verbs.advice.sample_code:sample_code",
    summary="Print a program that calls a web service over HTTP: for one row, and as a batch job.",
    example="mlmgmt sample-code -g retail -n churn --language python > ask.py",
    step=STEP,
    view="text",
    sets=(WEB_SERVICE, ENDPOINT),
    about="The program contains no keys. It reads them from environment variables, and comments name the commands that "
    "show them.",
    parameters=(
        *answering(),
        Parameter(
            "Language",
            Kind.CHOICE,
            "The language; default: python.",
            short="l",
            choices=("python", "powershell", "curl", "csharp", "r"),
        ),
        SERVER,
        Parameter(
            "Api",
            Kind.CHOICE,
            "Request-response, batch execution, both, or the update of a trained model; default: both.",
            choices=("rrs", "bes", "both", "update"),
        ),
    ),
)
CMDLETS = (SERVE, SAMPLE_CODE)

"""`mlmgmt serve`: the home over HTTP."""

from __future__ import annotations

from mlmgmt.cmdlets.declare import ENDPOINT, WEB_SERVICE, Cmdlet, Kind, Parameter, answering, both

STEP = "A. Over HTTP"
TOPIC = "http"

SERVE = Cmdlet(
    spellings=("Start-MlServer",),
    short=("serve",),
    run="server.serve:serve",
    summary="Serve this home over HTTP: the resource manager's API, scoring, batch execution and blobs.",
    example="mlmgmt serve -Port 8777",
    step=STEP,
    view="nothing",
    about="It listens on this machine alone, unless -ListenHost, -Certificate and -Key are given. The command line may "
    "work on the same home at the same time. Ctrl-C ends it.",
    parameters=(
        Parameter("Port", Kind.INTEGER, "The port; 8777 when left out, 0 takes a free one.", position=0),
        Parameter("Workers", Kind.INTEGER, "Processes that share the port; one when left out."),
        Parameter("Tls", Kind.SWITCH, "Serve https with a certificate of this home's own authority."),
        Parameter(
            "ListenHost",
            help="The address to listen on; other than this machine's own with -Certificate and -Key alone.",
            aliases=("HostName",),
            argument="host",
        ),
        Parameter("Certificate", Kind.FILE, "A certificate in PEM, for https.", completes="file"),
        Parameter("Key", Kind.FILE, "The key of -Certificate in PEM.", completes="file"),
        Parameter("Names", Kind.LIST, "Further names under which it may be asked."),
        Parameter("Cors", Kind.LIST, "Origins of web pages that may score, such as https://shop.example.com."),
        Parameter("AccessLog", Kind.FILE, "A file for the access log; none for no log; standard error when left out."),
    ),
)
SAMPLE_CODE = Cmdlet(
    spellings=both("Get", "MlWebServiceSampleCode"),
    short=("sample-code",),
    run="verbs.advice.sample_code:sample_code",
    summary="Print a program that asks a web service over HTTP, for a row and as a batch job.",
    example="mlmgmt sample-code -g retail -n churn --language python > ask.py",
    step=STEP,
    view="text",
    sets=(WEB_SERVICE, ENDPOINT),
    about="No key stands in it: it reads them from environment variables, and says which commands show them.",
    parameters=(
        *answering(),
        Parameter(
            "Language",
            Kind.CHOICE,
            "python when left out.",
            short="l",
            choices=("python", "powershell", "curl", "csharp", "r"),
        ),
        Parameter("Server", help="The server's origin; http://127.0.0.1:8777 when left out."),
        Parameter(
            "Api",
            Kind.CHOICE,
            "Request-response, batch execution, both, or the update of a trained model; both when left out.",
            choices=("rrs", "bes", "both", "update"),
        ),
    ),
)
CMDLETS = (SERVE, SAMPLE_CODE)

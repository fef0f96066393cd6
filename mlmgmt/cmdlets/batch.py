"""Batch execution: `mlmgmt batch submit`, `start`, `status`, `cancel`, `wait`."""

from __future__ import annotations

from dataclasses import replace

from mlmgmt.cmdlets.declare import ENDPOINT, PARAMETERS, WEB_SERVICE, Cmdlet, Kind, Parameter, answering, both

STEP = "8. Batch execution"
TOPIC = "batch"
_JOB = Parameter(
    "JobId", help="The job.", mandatory=True, aliases=("Job",), short="j", argument="job", position=0, completes="job"
)

SUBMIT = Cmdlet(
    spellings=both("Submit", "MlBatchJob"),
    short=("batch submit",),
    calls=("submitjob",),
    run="verbs.batch.batch:submit",
    summary="Submit a batch job to a web service, as a job document or as plain files.",
    example="mlmgmt batch submit -g retail -n churn --inputs new-customers.csv --start",
    step=STEP,
    view="job",
    sets=(WEB_SERVICE, ENDPOINT),
    about="Without -Start the job waits for mlmgmt batch start. Results go to the blobs that -Outputs or the job "
    "document names, otherwise to the container experimentoutput of the home's storage account.",
    parameters=(
        *answering(),
        Parameter(
            "JobFile",
            Kind.STRUCTURE,
            "The job document with Inputs, Outputs and GlobalParameters; - reads standard input.",
            aliases=("JobConfigFile",),
            position=0,
        ),
        Parameter("Inputs", Kind.LIST, "FILE, or PORT=FILE if there are several inputs.", short="i"),
        Parameter("Outputs", Kind.LIST, "CONTAINER/PATH, or PORT=CONTAINER/PATH if there are several outputs."),
        PARAMETERS,
        Parameter("Start", Kind.SWITCH, "Start the job immediately."),
    ),
)
START = Cmdlet(
    spellings=both("Start", "MlBatchJob"),
    short=("batch start",),
    calls=("startjob",),
    run="verbs.batch.jobs:start",
    summary="Start a submitted job. Its process outlives this shell.",
    example="mlmgmt batch start -g retail -n churn --job 6c1f0a52b7de4c3f9a8e21d403b95e77",
    step=STEP,
    view="job",
    sets=(WEB_SERVICE, ENDPOINT),
    parameters=(*answering(), _JOB),
)
STATUS = Cmdlet(
    spellings=both("Get", "MlBatchJob"),
    short=("batch status",),
    calls=("getjobstatus",),
    run="verbs.batch.jobs:status",
    summary="Show a job: its state, its results with a new signature, the time of each node. Or list the jobs.",
    example="mlmgmt batch status -g retail -n churn",
    step=STEP,
    view="job",
    lists="jobs",
    sets=(WEB_SERVICE, ENDPOINT),
    parameters=(*answering(), replace(_JOB, help="The job; default: list all.", mandatory=False)),
)
CANCEL = Cmdlet(
    spellings=both("Stop", "MlBatchJob"),
    short=("batch cancel",),
    calls=("canceljob",),
    run="verbs.batch.jobs:cancel",
    summary="Cancel a job and stop its process.",
    example="mlmgmt batch cancel -g retail -n churn --job 6c1f0a52b7de4c3f9a8e21d403b95e77",
    step=STEP,
    view="job",
    sets=(WEB_SERVICE, ENDPOINT),
    parameters=(*answering(), _JOB),
)
WAIT = Cmdlet(
    spellings=both("Wait", "MlBatchJob"),
    short=("batch wait",),
    calls=("getjobstatus",),
    run="verbs.batch.batch:wait",
    summary="Wait until a job ends, and copy its results. Fails if the job failed.",
    example="mlmgmt batch wait -g retail -n churn --job 6c1f0a52b7de4c3f9a8e21d403b95e77 --output-folder .",
    step=STEP,
    view="job",
    sets=(WEB_SERVICE, ENDPOINT),
    parameters=(
        *answering(),
        _JOB,
        Parameter("Timeout", Kind.NUMBER, "The maximum number of seconds to wait."),
        Parameter("OutputFolder", Kind.FOLDER, "A folder to copy the results to."),
        Parameter("Force", Kind.SWITCH, "Overwrite files in the folder.", argument="force"),
    ),
)
CMDLETS = (SUBMIT, START, STATUS, CANCEL, WAIT)

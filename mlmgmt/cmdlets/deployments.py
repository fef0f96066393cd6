"""The cmdlet for deployment templates, with the names of Az.Resources and AzureRM.Resources."""

from __future__ import annotations

from dataclasses import replace

from mlmgmt.cmdlets.declare import (
    DEPLOY,
    GROUP,
    REQUIRE_RUNNABLE,
    SKIP_CHECK,
    TEMPLATE_VALUES,
    Cmdlet,
    Gate,
    Kind,
    Parameter,
)

TOPIC = "templates"

NEW = Cmdlet(
    spellings=("New-AzResourceGroupDeployment", "New-AzureRmResourceGroupDeployment"),
    short=("deploy-template",),
    run="verbs.deployments.deploying:plan",
    summary="Make the web services and commitment plans of a deployment template.",
    example="mlmgmt New-AzResourceGroupDeployment -g retail -TemplateFile template.json -title Churn -Force",
    step=DEPLOY,
    view="deployment",
    gate=Gate("Creating the deployment"),
    about="The template's own parameters are parameters too: -title Churn. One that is also a parameter of the cmdlet "
    "ends in FromTemplate: -nameFromTemplate churn. Other resources of the template are left alone, and named. -WhatIf "
    "shows what would happen to each resource.",
    others="TemplateParameter",
    parameters=(
        GROUP,
        Parameter("TemplateFile", Kind.DOCUMENT, "The template.", mandatory=True, aliases=("TemplateUri",)),
        *TEMPLATE_VALUES,
        Parameter("TemplateParameterObject", Kind.STRUCTURE, "Values for the template's parameters, by name."),
        Parameter("Name", help="The deployment's name; default: the template's file.", aliases=("DeploymentName",)),
        Parameter("Mode", Kind.CHOICE, "Only Incremental is supported.", choices=("Incremental", "Complete")),
        replace(SKIP_CHECK, help="Deploy without checking the models. The history records this."),
        REQUIRE_RUNNABLE,
    ),
)

CMDLETS = (NEW,)

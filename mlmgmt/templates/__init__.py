"""Deployment templates of Azure Resource Manager: from a template and parameters to resources and outputs.

The rooms work on values alone: a template comes as a dict, and what exists around it comes as a `Scope`. `expressions`
makes a tree of the text between brackets, `evaluation` gives it a value with the functions of `functions`, and
`template` applies that to parameters, variables, resources and outputs. What a template can only know when its
resources exist, such as `reference()`, stays a `Pending` value until somebody reads the body of a resource.
"""

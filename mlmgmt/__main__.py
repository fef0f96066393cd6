"""`python -m mlmgmt` is the `mlmgmt` command."""

from mlmgmt.cli.app import main

main()

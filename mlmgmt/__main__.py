"""`mlmgmt`, and `python -m mlmgmt`. Little is imported here, so that Ctrl-C finds the door from the first moment."""

import sys
import warnings
from typing import NoReturn

_INTERRUPTED = 130


def main() -> NoReturn:
    """The console script: run the words of the command line and exit with their status."""
    if not sys.warnoptions:
        # Warnings of libraries are for their users, and these are not; what matters is told as a sentence.
        warnings.simplefilter("ignore")
    try:
        from mlmgmt.cli.app import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:
        status = _INTERRUPTED
    sys.exit(status)


if __name__ == "__main__":
    main()

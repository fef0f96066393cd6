"""`mlmgmt`, and `python -m mlmgmt`. Import little here, so that Ctrl-C is handled even during start-up."""

import sys
import warnings
from typing import NoReturn

_INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line and exit with its status."""
    if not sys.warnoptions:
        # Warnings of libraries are meant for programmers; mlmgmt reports what matters to its users itself.
        warnings.simplefilter("ignore")
    try:
        from mlmgmt.cli.app import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:
        status = _INTERRUPTED
    sys.exit(status)


if __name__ == "__main__":
    main()

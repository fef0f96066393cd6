"""`mlmgmt`, and `python -m mlmgmt`. Import little here, so that Ctrl-C is handled even during start-up."""

import sys
import warnings
from typing import NoReturn

_INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line and exit with its status."""
    if not sys.warnoptions:
        # Python warnings are for developers; what matters to users is reported as a sentence.
        warnings.simplefilter("ignore")
    try:
        from mlmgmt.cli.app import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:
        status = _INTERRUPTED
    # After an interrupt in code that was made from a text, such as a data class, `python -m` would end with the signal
    # and not with the status. Python forgets the interrupt when it runs another text.
    exec("")  # noqa: S102
    sys.exit(status)


if __name__ == "__main__":
    main()

"""Questions to the user. Standard input may be a pipe, so they go to the terminal itself."""

from __future__ import annotations

from mlmgmt.errors import Declined

_TERMINAL = "/dev/tty"
_CHOICES = "[Y] Yes  [N] No  [?] Help (default is Y): "
_HELP = "Y makes the change. N ends the command without it."


def confirm(
    question: str, *, hint: str = "Add -Force to answer yes in advance.", refused: str = "nothing was changed"
) -> None:
    """Ask a yes-or-no question.

    Args:
        hint: how to avoid the question.
        refused: what an answer of no means.

    Raises:
        Declined: the answer is no, or there is none, or there is no terminal.
    """
    try:
        # One buffered file cannot both read and write a terminal, so there are two.
        with open(_TERMINAL) as answers, open(_TERMINAL, "w") as terminal:
            while True:
                terminal.write(f"{question}\n{_CHOICES}")
                terminal.flush()
                line = answers.readline()
                word = line.strip().casefold()
                if word in ("y", "yes") or line == "\n":
                    return
                if not line:
                    raise _declined(f"No answer was given; {refused}.", "AnsweredNo", None)
                if word in ("n", "no"):
                    raise _declined(f"The answer was no; {refused}.", "AnsweredNo", None)
                terminal.write(f"{_HELP}\n")
    except OSError:
        message = f"{question} There is no terminal to answer at; {refused}."
        raise _declined(message, "ConfirmationRequired", hint) from None


def _declined(message: str, code: str, hint: str | None) -> Declined:
    return Declined(message, detail=code, hint=hint)

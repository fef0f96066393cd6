"""Questions to the person at the terminal. Standard input may be a pipe, so the terminal itself is asked."""

from __future__ import annotations

from mlmgmt.errors import Declined, Detail

_TERMINAL = "/dev/tty"
_CHOICES = "[Y] Yes  [N] No  [?] Help (default is Y): "
_HELP = "Y does it; N ends the command without the change. -Force answers the question beforehand."


def confirm(question: str, *, force: str = "-Force") -> None:
    """Ask a yes-or-no question.

    Args:
        force: what to give so that the question is not asked.

    Raises:
        Declined: the answer is no, or there is no terminal to ask at.
    """
    try:
        # Buffered reading and writing of one terminal file cannot be mixed, hence two.
        with open(_TERMINAL) as answers, open(_TERMINAL, "w") as terminal:
            while True:
                terminal.write(f"{question}\n{_CHOICES}")
                terminal.flush()
                line = answers.readline()
                word = line.strip().casefold()
                if word in ("y", "yes") or line == "\n":
                    return
                if not line or word in ("n", "no"):
                    raise _declined("The answer was no; the change was not made.", "AnsweredNo", None)
                terminal.write(f"{_HELP}\n")
    except OSError:
        message = f"{question} There is no terminal to answer at; the change was not made."
        raise _declined(message, "ConfirmationRequired", f"Give {force} to do it without being asked.") from None


def _declined(message: str, code: str, hint: str | None) -> Declined:
    return Declined(message, details=[Detail(code, message)], hint=hint)

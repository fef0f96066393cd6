"""The `mlmgmt` command: from words to a verb to an answer, with one door for every error."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mlmgmt import __version__
from mlmgmt.cli import answers, ask, guide, render
from mlmgmt.cmdlets import bind, registry, spelling
from mlmgmt.cmdlets.declare import Kind
from mlmgmt.errors import BadRequest, Declined, HomeError, MlmgmtError, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlmgmt.cli.progress import Progress
    from mlmgmt.cmdlets.bind import Bound
    from mlmgmt.cmdlets.declare import Cmdlet
    from mlmgmt.verbs.outcome import Outcome
    from mlmgmt.verbs.session import Session

BUG, INTERRUPTED = 70, 130


def run(words: Sequence[str]) -> int:
    """Run one command line and return its exit status (design: 0, 1, 2, 3, 70, 130; diff 0, 1, 2)."""
    _settle_streams()
    if any(any("\ud800" <= letter <= "\udfff" for letter in word) for word in words):
        render.error(WrongUsage("A word of the command line is not text in this terminal's encoding."))
        return WrongUsage.exit_status
    if words and words[0].casefold() == "walkthrough":
        return _walkthrough(words[1:])
    words = registry.joined(words)
    if words and (members := registry.family(words[0])) and (len(words) == 1 or words[1].startswith("-")):
        return guide.family(words, members)
    status = _Status()
    try:
        from mlmgmt.cli import complete
        from mlmgmt.cli.typer_binding import CmdletGroup

        group = CmdletGroup(status.call, complete.values, guide.root, guide.options)
        # Typer turns Ctrl-C into an exit status of its own, and gives that back.
        ended = group.main(args=list(words), prog_name="mlmgmt", standalone_mode=False)
        sys.stdout.flush()
        if ended == INTERRUPTED:
            raise KeyboardInterrupt
    except BrokenPipeError:
        # Whoever reads has read enough (`| head`); there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except BaseException as error:
        return _door(error, words)
    return status.code


def _settle_streams() -> None:
    """Closed streams take and give nothing; what a terminal's encoding lacks is shown as a question mark."""
    for name, mode in (("stdout", "w"), ("stderr", "w"), ("stdin", "r")):
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - open for as long as the process
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _door(error: BaseException, words: Sequence[str]) -> int:
    folded = [word.casefold() for word in words]
    debug = any(word in ("-debug", "--debug", "-db") for word in folded)
    if debug and not isinstance(error, (SystemExit, KeyboardInterrupt)):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, OSError):
        error = _of_the_system(error)
    if isinstance(error, MlmgmtError):
        render.error(error, as_json=_wants_json(folded))
        return _trouble(words, error)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, KeyboardInterrupt):
        render.talk("Interrupted; nothing more was changed.")
        return INTERRUPTED
    if type(error).__module__.startswith("typer") and hasattr(error, "format_message"):
        render.error(WrongUsage(str(error.format_message())))
        return WrongUsage.exit_status
    return _bug(error)


def _wants_json(words: Sequence[str]) -> bool:
    """Whether the words ask for JSON; they are looked at as they are, since they may be what is wrong."""
    spelled = (
        " ".join(words).replace(":", " ").replace("=", " ").replace("--", "-").replace("output-format", "outputformat")
    )
    return any(
        pair in (("-o", "json"), ("-output", "json"), ("-outputformat", "json")) for pair in pairwise(spelled.split())
    )


def _trouble(words: Sequence[str], error: MlmgmtError) -> int:
    cmdlet = registry.find(words[0]) if words else None
    return error.exit_status if cmdlet is None or cmdlet.trouble is None else cmdlet.trouble


def _of_the_system(error: OSError) -> MlmgmtError:
    """What the operating system refused, as an error of ours; nothing that stood is lost by it."""
    what = error.strerror or str(error)
    where = str(error.filename) if error.filename else None
    return HomeError(f"The system refused: {what}.", target=where, hint="What was there before still stands.")


def _bug(error: BaseException) -> int:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="mlmgmt-report-", suffix=".txt", delete=False) as report:
        report.write(f"mlmgmt {__version__}, Python {sys.version}\n")
        report.write("".join(traceback.format_exception(error)))
    render.talk(f"Error: InternalError: something went wrong that should not ({type(error).__name__}).")
    render.talk(f"  A report is in {report.name}; nothing that was deployed has changed half-way.")
    return BUG


class _Status:
    """Runs a cmdlet, and remembers the exit status that its answer means."""

    def __init__(self) -> None:
        self.code = 0

    def call(self, cmdlet: Cmdlet, given: Any) -> None:
        texts, loose = given
        bound = _bound(cmdlet, texts, loose)
        verb = _verb(bound.run)
        from mlmgmt.cli.progress import Progress
        from mlmgmt.verbs.session import Session

        progress = Progress(verbose=bool(bound.common.get("Verbose")))
        session = Session(
            home_option=bound.common.get("Home"),
            tell=progress.tell,
            stage=progress.stage,
            detail=progress.detail,
            count=progress.count,
        )
        if cmdlet.in_workspace(bound.parameter_set):
            from mlmgmt.verbs.classic import workspaces

            workspaces.enter(session, bound.common, bound.arguments)
        if bound.common.get("ShowHttp"):
            from mlmgmt.cli import show_http

            render.talk(show_http.request(bound, session))
        try:
            result = self._carried_out(bound, session, verb(session, **bound.arguments), progress)
        except MlmgmtError as error:
            progress.close()
            if error.report:
                answers.show(cmdlet.view, error.report, _form(bound))
            raise
        finally:
            progress.close()
        try:
            self._show(bound, result, texts)
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            message = f"The command was carried out, and its answer could not be written: {error.strerror}."
            raise HomeError(message, code="AnswerNotWritten") from error

    def _carried_out(self, bound: Bound, session: Session, result: Any, progress: Progress) -> Any:
        from mlmgmt.verbs.outcome import Outcome

        if not isinstance(result, Outcome):
            return result
        for line in result.warnings:
            progress.tell(f"Warning: {line}")
        if result.nothing is not None:
            progress.tell(result.nothing)
            return None
        progress.close()
        if bound.common.get("WhatIf"):
            return _what_if(bound, session, result)
        _should_process(bound, result)
        if result.keep is not None:
            result.keep()
        progress.close()
        report, asked = result.report, bool(result.question) and not bound.common.get("Force")
        if report is not None and asked and _form(bound) == "table":
            # Whoever is asked sees first what it is about.
            answers.show(bound.cmdlet.view, report, "table")
            report = {}
        try:
            _should_continue(bound, result)
        except Declined as error:
            message = f"{error.message} {result.kept}".strip()
            raise Declined(message, details=error.details, hint=error.hint, report=report) from None
        applied = result.apply(again=bool(bound.common.get("Force")))
        if report is None:
            return applied
        return report | ({"WebService": applied} if applied is not None else {})

    def _show(self, bound: Bound, result: Any, texts: Any) -> None:
        cmdlet = bound.cmdlet
        if cmdlet.view == "diff":
            given = texts.get("Format", [None])[0]
            render.diff(result, given.lower() if given else "json" if _form(bound) == "json" else "text")
        else:
            answers.show(cmdlet.view, result, _form(bound))
        if cmdlet.verdict == "changes":
            self.code = 1 if result["changes"] else 0
        elif cmdlet.verdict:
            self.code = 0 if result[cmdlet.verdict] else 1


def _bound(cmdlet: Cmdlet, texts: Any, loose: Any) -> Bound:
    """A call that is ready; rows that are piped and empty are none, where a parameter set does without them."""
    try:
        return bind.bind(cmdlet, texts, loose, piped=_piped())
    except BadRequest as error:
        name = error.target or ""
        if "EmptyInput" not in error.codes() or name in texts or not cmdlet.parameter(name).sets:
            raise
        if cmdlet.parameter(name).kind is not Kind.ROWS:
            raise
        return bind.bind(cmdlet, texts, loose)


def _form(bound: Bound) -> str:
    return str(bound.common.get("OutputFormat") or ("table" if sys.stdout.isatty() else "json"))


def _piped() -> Callable[[], bytes] | None:
    """Reads standard input, unless that is a terminal or closed."""
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return None
    return lambda: sys.stdin.buffer.read()


def _verb(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(f"mlmgmt.{module}"), function)
    return found


def _should_process(bound: Bound, outcome: Outcome) -> None:
    """The first gate, which only -Confirm asks."""
    gate = bound.cmdlet.gate
    assert gate is not None
    if bound.common.get("Confirm"):
        question = f'Performing the operation "{gate.operation}" on target "{outcome.target}".'
        ask.confirm(question, force="-Confirm:$false")


def _should_continue(bound: Bound, outcome: Outcome) -> None:
    """The second gate: the cmdlet's own question, which only -Force silences."""
    gate = bound.cmdlet.gate
    assert gate is not None
    question = outcome.question or gate.question.format(target=outcome.target)
    if question and not bound.common.get("Force"):
        ask.confirm(question)


def _what_if(bound: Bound, session: Session, outcome: Outcome) -> Any:
    """Say what would be done, show the difference it would make, and return the report of what was worked out."""
    gate = bound.cmdlet.gate
    assert gate is not None
    render.talk(f'What if: Performing the operation "{gate.operation}" on target "{outcome.target}".')
    before, after = outcome.compared() if outcome.compared is not None else (outcome.before or {}, outcome.after or {})
    if "properties" not in before or "properties" not in after:
        return outcome.preview() if callable(outcome.preview) else outcome.preview
    from mlmgmt.verbs.services.definitions import difference

    found = difference(session, before, after)
    if outcome.preview is not None:
        return outcome.preview | {"WhatIf": found["changes"]}
    render.diff(found, "json" if _form(bound) == "json" else "text")
    return None


def _walkthrough(words: Sequence[str]) -> int:
    """`mlmgmt walkthrough [FOLDER]`."""
    if words and words[0].startswith("-"):
        render.out(guide.WALKTHROUGH)
        return 0 if words[0].casefold() in spelling.HELP else WrongUsage.exit_status
    from mlmgmt.cli import walkthrough

    try:
        return walkthrough.walk(run, words[0] if words else None)
    except (OSError, KeyboardInterrupt) as error:
        return _door(error, words)

"""The `mlmgmt` command: parse the words, run the verb, show its answer. Every error is handled in one place."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlmgmt import __version__
from mlmgmt.cli import ask, guide, render
from mlmgmt.cmdlets import bind, registry, spelling
from mlmgmt.cmdlets.declare import Kind
from mlmgmt.errors import BadRequest, HomeError, MlmgmtError, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlmgmt.cli.progress import Progress
    from mlmgmt.cmdlets.bind import Bound
    from mlmgmt.cmdlets.declare import Cmdlet
    from mlmgmt.verbs.outcome import Outcome
    from mlmgmt.verbs.session import Session

BUG, INTERRUPTED = 70, 130


def run(words: Sequence[str]) -> int:
    """Run one command line and return its exit status."""
    _repair_streams()
    if any(any("\ud800" <= letter <= "\udfff" for letter in word) for word in words):
        render.error(WrongUsage("An argument is not valid text in this terminal's encoding."))
        return WrongUsage.exit_status
    if words and words[0].casefold() == "walkthrough":
        return _run_walkthrough(words[1:])
    words = registry.joined(words)
    if words and (members := registry.family(words[0])) and (len(words) == 1 or words[1].startswith("-")):
        return guide.family(words, members)
    status = 0
    try:
        if instruction := os.environ.get("_MLMGMT_COMPLETE"):
            from mlmgmt.cli import complete, typer_binding

            return typer_binding.complete(instruction, complete.candidates)
        if not words or words[0].startswith("-"):
            guide.options(words)
        else:
            status = _run_cmdlet(words[0], words[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader closed the pipe (`| head`). Without this, Python's last flush would fail again and say so.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except BaseException as error:
        return _handle_error(error, words)
    return status


def _run_cmdlet(name: str, words: Sequence[str]) -> int:
    """Run a cmdlet and return the exit status that its answer means."""
    cmdlet = registry.find(name)
    if cmdlet is None:
        raise guide.unknown_command(name)
    if spelling.HELP & {word.lower() for word in words}:
        guide.help_of(cmdlet, name)
        return 0
    return _call(cmdlet, *spelling.parse(cmdlet, words))


def _repair_streams() -> None:
    """Connect closed streams to the null device; show a character that the encoding lacks as a question mark."""
    for name, mode in (("stdout", "w"), ("stderr", "w"), ("stdin", "r")):
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - stays open until the process ends
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _handle_error(error: BaseException, words: Sequence[str]) -> int:
    """Report an error and return the exit status."""
    # The command line itself may be wrong, so read only what can be read.
    given = spelling.readable(registry.find(words[0]) if words else None, words[1:])
    if given.get("Debug") == "true" and not isinstance(error, (SystemExit, KeyboardInterrupt)):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, OSError):
        error = _from_os_error(error)
    if isinstance(error, MlmgmtError):
        render.error(error, as_json=given.get("OutputFormat", "").casefold() == "json")
        return _exit_status(words, error)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if _is_interrupt(error):
        render.talk("Interrupted. Nothing was changed after that.")
        return INTERRUPTED
    return _report_bug(error)


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C is the cause: Python 3.11 wraps it in another error while a class is being made."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _exit_status(words: Sequence[str], error: MlmgmtError) -> int:
    cmdlet = registry.find(words[0]) if words else None
    return error.exit_status if cmdlet is None or cmdlet.trouble is None else cmdlet.trouble


def _from_os_error(error: OSError) -> MlmgmtError:
    """Turn an error of the operating system into an expected one. Files are replaced whole, so nothing is lost."""
    reason = error.strerror or str(error)
    where = str(error.filename) if error.filename else None
    failed = f"Could not open, write or run {where}" if where else "The operating system reported an error"
    return HomeError(f"{failed}: {reason}. What was saved before is unchanged.", target=where)


def _report_bug(error: BaseException) -> int:
    """Write the traceback to a report file, and name the file."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="mlmgmt-report-", suffix=".txt", delete=False) as report:
        report.write(f"mlmgmt {__version__}, Python {sys.version}\n")
        report.write("".join(traceback.format_exception(error)))
    render.talk(f"Error: InternalError: unexpected error in mlmgmt ({type(error).__name__}).")
    render.talk(f"  The report is in {report.name}. No change was left half-made.")
    return BUG


def _call(cmdlet: Cmdlet, texts: dict[str, list[str]], loose: list[str]) -> int:
    bound = _bind(cmdlet, texts, loose)
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

        session = workspaces.enter(session, bound.common, bound.arguments)
    if bound.common.get("ShowHttp"):
        from mlmgmt.cli import show_http

        render.talk(show_http.request(bound, session))
    try:
        result = _carry_out(bound, session, verb(session, **bound.arguments), progress)
    except MlmgmtError as error:
        progress.close()
        if error.report:
            _show(bound, error.report, _output_form(bound))
        raise
    finally:
        progress.close()
    try:
        _show_answer(bound, result, texts)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"The command was carried out, but its answer could not be written: {error.strerror}."
        raise HomeError(message, code="AnswerNotWritten") from error
    if cmdlet.verdict == "changes":
        return 1 if result["changes"] else 0
    return 1 if cmdlet.verdict and not result[cmdlet.verdict] else 0


def _carry_out(bound: Bound, session: Session, result: Any, progress: Progress) -> Any:
    from mlmgmt.verbs.outcome import Gates, Outcome, carry_out

    if not isinstance(result, Outcome):
        return result

    def preview(outcome: Outcome) -> Any:
        progress.close()
        return _what_if(bound, session, outcome)

    def should_process(outcome: Outcome) -> None:
        progress.close()
        _should_process(bound, outcome)

    def show_report(outcome: Outcome) -> Any:
        progress.close()
        asks = bool(outcome.question) and not bound.common.get("Force")
        if outcome.report is None or not asks or _output_form(bound) != "table":
            return outcome.report
        # A person needs the report to answer the question.
        _show(bound, outcome.report, "table")
        return {}

    gates = Gates(
        preview if bound.common.get("WhatIf") else None,
        should_process,
        lambda outcome: _should_continue(bound, outcome),
        show_report,
        again=bool(bound.common.get("Force")),
    )
    return carry_out(session, result, gates)


def _show_answer(bound: Bound, result: Any, texts: dict[str, list[str]]) -> None:
    if bound.cmdlet.view == "diff":
        given = texts.get("Format", [None])[0]
        render.diff(result, given.lower() if given else "json" if _output_form(bound) == "json" else "text")
    else:
        _show(bound, result, _output_form(bound))


def _show(bound: Bound, result: Any, form: str) -> None:
    from mlmgmt.cli import views

    views.show(bound.cmdlet.view, result, form, lists=bound.cmdlet.lists)


def _bind(cmdlet: Cmdlet, texts: Any, loose: Any) -> Bound:
    """Bind the words. An empty pipe counts as no rows if a parameter set works without rows."""
    try:
        return bind.bind(cmdlet, texts, loose, piped=_standard_input())
    except BadRequest as error:
        name = error.target or ""
        if "EmptyInput" not in error.codes() or name in texts or not cmdlet.parameter(name).sets:
            raise
        if cmdlet.parameter(name).kind is not Kind.ROWS:
            raise
        return bind.bind(cmdlet, texts, loose)


def _output_form(bound: Bound) -> str:
    return str(bound.common.get("OutputFormat") or ("table" if sys.stdout.isatty() else "json"))


def _standard_input() -> Callable[[], bytes] | None:
    """Return a function that reads standard input; None if that is a terminal or closed."""
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return None
    return lambda: sys.stdin.buffer.read()


def _verb(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(f"mlmgmt.{module}"), function)
    return found


def _should_process(bound: Bound, outcome: Outcome) -> None:
    """Ask PowerShell's first question, which only -Confirm turns on."""
    gate = bound.cmdlet.gate
    assert gate is not None
    if bound.common.get("Confirm"):
        question = f'Performing the operation "{gate.operation}" on target "{outcome.target}".'
        ask.confirm(question, hint="Omit -Confirm to run without this question.")


def _should_continue(bound: Bound, outcome: Outcome) -> None:
    """Ask PowerShell's second question, the cmdlet's own, which only -Force turns off."""
    gate = bound.cmdlet.gate
    assert gate is not None
    question = outcome.question or gate.question.format(target=outcome.target)
    if question and not bound.common.get("Force"):
        ask.confirm(question, refused="the change was not made" if outcome.kept else "nothing was changed")


def _what_if(bound: Bound, session: Session, outcome: Outcome) -> Any:
    """Say what would be done and show the difference; return the preview, if the change has one."""
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
    render.diff(found, "json" if _output_form(bound) == "json" else "text")
    return None


def _run_walkthrough(words: Sequence[str]) -> int:
    """Run `mlmgmt walkthrough [FOLDER]`, which has no declaration."""
    if words and words[0].startswith("-"):
        render.out(guide.WALKTHROUGH)
        return 0 if words[0].casefold() in spelling.HELP else WrongUsage.exit_status
    from mlmgmt.cli import walkthrough

    try:
        return walkthrough.walk(run, words[0] if words else None)
    except (OSError, KeyboardInterrupt) as error:
        return _handle_error(error, words)

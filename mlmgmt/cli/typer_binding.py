"""Cmdlet declarations as Typer commands.

Everything that depends on Typer's internals is in this file. A command is built when its name is looked up. Typer only
parses and shows help; `bind` converts the texts. So Typer's type conversion, which imports pydantic, is never loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from typer._coercion import resolve_type_descriptor
from typer.core import TyperCommand, TyperGroup, TyperOption

from mlmgmt.cmdlets import registry, spelling
from mlmgmt.cmdlets.declare import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typer._click.core import Context
    from typer._click.formatting import HelpFormatter
    from typer._click.parser import _OptionParser
    from typer._click.shell_completion import CompletionItem

    from mlmgmt.cmdlets.declare import Cmdlet, Parameter

_PLACEHOLDERS = {
    Kind.INTEGER: "<number>",
    Kind.NUMBER: "<number>",
    Kind.FILE: "<file>",
    Kind.FOLDER: "<folder>",
    Kind.DOCUMENT: "<file>",
    Kind.ROWS: "<file>",
    Kind.TEXT: "<json>",
    Kind.STRUCTURE: "<object>",
    Kind.LIST: "<names>",
}
Given = tuple[list[tuple["Parameter", str]], list[str]]


class CmdletOption(TyperOption):
    """A parameter as a Typer option, whose texts are not converted."""

    def __init__(self, parameter: Parameter) -> None:
        self.declared = parameter
        names = [f"-{parameter.short}"] if parameter.short else []
        is_flag = parameter.kind is Kind.SWITCH
        super().__init__(
            param_decls=[*names, f"-{parameter.name}", parameter.option],
            type_descriptor=resolve_type_descriptor(str, typer.Option()),
            help=parameter.described,
            metavar=None if is_flag else "|".join(parameter.choices) or _PLACEHOLDERS.get(parameter.kind, "<text>"),
            is_flag=is_flag,
            multiple=True,
        )

    def add_to_parser(self, parser: _OptionParser, ctx: Context) -> None:
        parser.add_option(obj=self, opts=self.opts, dest=self.name, action="append", nargs=1)

    def process_value(self, ctx: Context, value: Any) -> Any:
        return value

    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
        command = ctx.command
        return command.complete_value(ctx, self.declared, incomplete) if isinstance(command, CmdletCommand) else []


class CmdletCommand(TyperCommand):
    """One cmdlet as a command. `call` gets the texts of the parameters, and the words without a parameter."""

    def __init__(self, cmdlet: Cmdlet, name: str, call: Callable[[Cmdlet, Given], None], complete: Any) -> None:
        self.cmdlet = cmdlet
        self._call = call
        self._complete = complete
        super().__init__(
            name,
            params=[CmdletOption(parameter) for parameter in cmdlet.all_parameters],
            help=f"{cmdlet.summary}\n\n{cmdlet.about}".strip(),
            short_help=cmdlet.summary,
            options_metavar="[PARAMETERS]",
            add_help_option=False,
            rich_markup_mode=None,
        )

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Write every parameter as `--name=value`, then let Typer parse that."""
        if spelling.HELP & {arg.lower() for arg in args} and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            ctx.exit()
        if ctx.resilient_parsing:
            ctx.meta["pairs"], ctx.meta["pending"] = self._parse_incomplete(args)
            return []
        pairs, loose, pending = spelling.pairs(self.cmdlet, args)
        if pending is not None:
            raise spelling.missing_argument(pending)
        parser = self.make_parser(ctx)
        words = [f"{parameter.option}={text}" for parameter, text in pairs]
        found, _, _ = parser.parse_args(words)
        ctx.params = {
            "given": {option.declared.name: found[option.name] for option in self._options() if option.name in found},
            "loose": loose,
        }
        ctx.args = []
        return []

    def _options(self) -> list[CmdletOption]:
        return [option for option in self.params if isinstance(option, CmdletOption)]

    def _parse_incomplete(self, args: Sequence[str]) -> tuple[list[tuple[Parameter, str]], Parameter | None]:
        from mlmgmt.errors import WrongUsage

        try:
            pairs, loose, pending = spelling.pairs(self.cmdlet, args)
        except WrongUsage:
            return [], None
        positional = sorted(
            (p for p in self.cmdlet.parameters if p.position is not None), key=lambda p: p.position or 0
        )
        return [*pairs, *zip(positional, loose, strict=False)], pending

    def invoke(self, ctx: Context) -> Any:
        return self._call(self.cmdlet, (ctx.params["given"], ctx.params["loose"]))

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        positional = sorted(
            (p for p in self.cmdlet.parameters if p.position is not None), key=lambda p: p.position or 0
        )
        return [*(f"[{parameter.name}]" for parameter in positional), "[PARAMETERS]"]

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        own = {parameter.name for parameter in self.cmdlet.parameters}
        for title, mine in (("Parameters", True), ("Common parameters", False)):
            records = [
                record
                for option in self._options()
                if (option.declared.name in own) is mine and (record := option.get_help_record(ctx)) is not None
            ]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        with formatter.section("Also called"):
            formatter.write_text(", ".join(name for name in (*self.cmdlet.spellings, *self.cmdlet.short)))
        with formatter.section("Example"):
            # A wrapped command cannot be pasted, so the example stays on one line.
            formatter.write(f"{'':>{formatter.current_indent}}{self.cmdlet.example}\n")
        formatter.write(f"\nMore: mlmgmt help {registry.topic(self.cmdlet)}\n")

    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
        from typer._click.shell_completion import CompletionItem

        pending = ctx.meta.get("pending")
        if pending is not None:
            return self.complete_value(ctx, pending, incomplete)
        if incomplete.startswith("-"):
            return [
                CompletionItem(name, help=option.declared.help)
                for option in self._options()
                for name in (f"-{option.declared.name}", option.declared.option)
                if name.lower().startswith(incomplete.lower())
            ]
        given = {parameter.name for parameter, _ in ctx.meta.get("pairs", ())}
        free = [p for p in self.cmdlet.parameters if p.position is not None and p.name not in given]
        return self.complete_value(ctx, free[0], incomplete) if free else []

    def complete_value(self, ctx: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:
        from typer._click.shell_completion import CompletionItem

        found = self._complete(self.cmdlet, parameter, ctx.meta.get("pairs", []), incomplete)
        return [CompletionItem(value) for value in found]


class CmdletGroup(TyperGroup):
    """The `mlmgmt` command: finds cmdlets in any letter case.

    Args:
        call: runs a cmdlet.
        complete: returns the values that complete a parameter.
        root_help: returns the list of commands.
        options: answers options that are given instead of a command, such as --version.
    """

    def __init__(self, call: Any, complete: Any, root_help: Callable[[], str], options: Any) -> None:
        self._call = call
        self._complete = complete
        self._root_help = root_help
        self._options = options
        super().__init__(name="mlmgmt", add_help_option=False, rich_markup_mode=None)

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing and (not args or args[0].lower() in spelling.HELP or args[0].startswith("-")):
            self._options(args)
            ctx.exit()
        return super().parse_args(ctx, registry.joined(args))

    def get_command(self, ctx: Context, cmd_name: str) -> CmdletCommand | None:
        cmdlet = registry.find(cmd_name)
        return None if cmdlet is None else CmdletCommand(cmdlet, cmd_name, self._call, self._complete)

    def list_commands(self, ctx: Context) -> list[str]:
        return [cmdlet.short[0] for cmdlet in registry.CMDLETS]

    def resolve_command(self, ctx: Context, args: list[str]) -> Any:
        if registry.find(args[0]) is None and not ctx.resilient_parsing:
            raise unknown_command(args[0])
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        formatter.write(self._root_help())

    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
        from typer._click.shell_completion import CompletionItem

        found: dict[str, CompletionItem] = {}
        if before := [*ctx._protected_args, *ctx.args]:
            seconds = ((cmdlet.short[0].partition(" ")[2], cmdlet) for cmdlet in registry.family(before[0]))
            return [CompletionItem(n, help=c.summary) for n, c in seconds if n.startswith(incomplete.lower())]
        for cmdlet in registry.CMDLETS:
            # Offer only one kind of name: a shell completes nothing if the candidates have no common start.
            whole = "-" in incomplete or incomplete[:1].isupper()
            names = cmdlet.spellings if whole else cmdlet.short if incomplete else cmdlet.short[:1]
            names = tuple(dict.fromkeys(name.partition(" ")[0] for name in names))
            for name in names:
                second = ", ".join(other.short[0].partition(" ")[2] for other in registry.family(name))
                found.setdefault(name, CompletionItem(name, help=second or cmdlet.summary))
        found["walkthrough"] = CompletionItem("walkthrough", help="Run the whole retraining story on real data.")
        return [item for name, item in found.items() if name.lower().startswith(incomplete.lower())]

    def _main_shell_completion(self, ctx_args: Any, prog_name: str, complete_var: str | None = None) -> None:
        import os

        if os.environ.get(complete_var or "_MLMGMT_COMPLETE"):
            from typer._completion_classes import completion_init

            completion_init()
            _quote_for_bash()
        super()._main_shell_completion(ctx_args, prog_name, complete_var)


def _quote_for_bash() -> None:
    """Quote the candidates for bash, which inserts them into the command line unquoted."""
    import os
    import re

    from typer._click.shell_completion import add_completion_class
    from typer._completion_classes import BashComplete

    class Quoting(BashComplete):
        def format_completion(self, item: CompletionItem) -> str:
            words, place = os.environ["COMP_WORDS"].split("\n"), int(os.environ["COMP_CWORD"])
            if place < len(words) and words[place].startswith(("'", '"')):
                # The user has opened a quote, which keeps blanks together.
                return str(item.value)
            return re.sub(r"([^\w@%+=:,./-])", r"\\\1", str(item.value))

    add_completion_class(Quoting, "bash")


def unknown_command(name: str) -> Exception:
    """Return the error for a word that is not a command, with the nearest commands."""
    from difflib import get_close_matches

    from mlmgmt.errors import WrongUsage

    known = {
        key: spelled
        for cmdlet in registry.CMDLETS
        for spelled in (*cmdlet.spellings, *cmdlet.short)
        for key in (spelled.casefold(),)
    }
    near = [known[key] for key in get_close_matches(name.casefold(), known, n=3)]
    hint = f"Did you mean {' or '.join(near)}?" if near else "See them all with: mlmgmt --help"
    return WrongUsage(f"There is no command {name!r}.", detail="CommandNotFound", target=name, hint=hint)


def help_text(cmdlet: Cmdlet, name: str) -> str:
    """Return the text of `mlmgmt NAME --help`."""
    from typer._click.core import Context

    whole = Context(TyperGroup(name="mlmgmt"), info_name="mlmgmt")
    command = CmdletCommand(cmdlet, name, lambda *_: None, None)
    return command.get_help(Context(command, info_name=name, parent=whole))


def completion_script(shell: str) -> str:
    """Return the completion script for bash, zsh, fish, powershell or pwsh."""
    from typer._completion_shared import get_completion_script

    return get_completion_script(prog_name="mlmgmt", complete_var="_MLMGMT_COMPLETE", shell=shell)


def install_completion(shell: str | None) -> tuple[str, str]:
    """Install completion for a shell, by default the current one; return the shell and the file."""
    from typer._completion_shared import install

    found, path = install(shell=shell, prog_name="mlmgmt", complete_var="_MLMGMT_COMPLETE")
    return found, str(path)

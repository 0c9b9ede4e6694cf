"""The group of all commands: their help by topic, and one line with the nearest name for what is mistyped."""

from __future__ import annotations

import typer
from typer.core import TyperGroup

from ...model.suggestion import suggestion


class Commands(TyperGroup):
    """The commands of `bellqueue`, under the headings of their panels; mistyped ones get our own hint."""

    def resolve_command(self, ctx, args):  # type: ignore[no-untyped-def]  # typer's types of both are private
        """The command that the first argument names (see `TyperGroup`)."""
        name = args[0]
        if not name.startswith("-") and not ctx.resilient_parsing and self.get_command(ctx, name) is None:
            ctx.fail(f"unknown command {name!r}{suggestion(name, self.list_commands(ctx), listing='bellqueue --help')}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx, formatter):  # type: ignore[no-untyped-def]
        """Write the commands under the headings of their panels, in the order in which they were declared."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            row = name, command.get_short_help_str(formatter.width)
            panels.setdefault(getattr(command, "rich_help_panel"), []).append(row)  # noqa: B009  # typer's own
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)


def one_line(mistake: typer.TyperException) -> str:
    """What was wrong with the command line."""
    option, context = getattr(mistake, "option_name", None), getattr(mistake, "ctx", None)
    if getattr(mistake, "param", None) and mistake.__cause__:
        return f"{_wrong_value(mistake.__cause__, getattr(mistake, 'param').opts[0])} (see --help)"  # noqa: B009
    if option is None or context is None or not hasattr(mistake, "possibilities"):
        text = " ".join(mistake.format_message().split())
        return text if "--help" in text else f"{text} (see --help)"
    valid = [each for param in context.command.get_params(context) for each in param.opts if each.startswith("--")]
    return f"unknown option {option}{suggestion(option, valid, listing=f'{context.command_path} --help')}"


def _wrong_value(cause: BaseException, option: str) -> str:
    from pydantic import ValidationError  # which typer has loaded by now, and not before

    from ...model.validation import first_complaint

    text = first_complaint(cause, whole=option) if isinstance(cause, ValidationError) else str(cause)
    return (text if text.startswith(option) else f"{option}: {text}").removesuffix(".")

"""Commands that are imported when they are called: `distnet --help` imports none of them."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


@dataclass(frozen=True)
class Verb:
    """A command: where its function is, and what its group lists of it."""

    function: str
    """`MODULE:FUNCTION`, below `distnet.cli`."""
    help: str
    """The first line of the function's docstring, which the group shows without importing it."""
    example: str
    """A command line, shown at the end of its help."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Typer's `context_settings`."""


@dataclass(frozen=True)
class Group:
    """A command that only holds other commands."""

    help: str
    example: str
    verbs: Mapping[str, Verb]
    default: str | None = None
    """The command that is called where none is named."""


Entries = Mapping[str, Verb | Group]
"""The commands of a panel of the help, by name."""


def imported(function: str) -> Any:
    """Import a function below `distnet.cli` that few calls need: `MODULE:FUNCTION`."""
    module, _, name = function.partition(":")
    return getattr(import_module(f"distnet.cli.{module}"), name)


class LazyCommand(TyperCommand):
    """Stands for a verb in the list of its group."""

    def __init__(self, name: str, verb: Verb, panel: str | None = None) -> None:
        super().__init__(name, help=verb.help, rich_help_panel=panel)
        self._verb = verb

    def load(self) -> Any:
        """Import the verb's module and make the command that parses its options."""
        function = imported(self._verb.function)
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        register = app.command(
            self.name,
            help=_unwrapped(inspect.getdoc(function) or ""),
            epilog=f"Example: {self._verb.example}",
            context_settings=dict(self._verb.settings),
        )
        register(function)
        return get_command(app)


class LazyGroup(TyperGroup):
    """A group whose commands are only listed, until one of them is called or completed."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that `args` call, and import it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, LazyCommand) else command, rest


class GroupWithDefault(LazyGroup):
    """A group one of whose commands need not be named."""

    def __init__(self, default: str, **settings: Any) -> None:
        super().__init__(**settings)
        self._default = default

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse `--json` as `list --json`, and nothing as `list`."""
        is_named = args and (not args[0].startswith("-") or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if is_named else [self._default, *args])


def _unwrapped(text: str) -> str:
    """Put each paragraph on one line: the terminal wraps it, not the source file."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def listed(entries: Mapping[str, Verb | Group], panel: str | None = None) -> dict[str, Any]:
    """Make the commands that stand for verbs and groups, by name."""
    return {name: _listed(name, entry, panel) for name, entry in entries.items()}


def _listed(name: str, entry: Verb | Group, panel: str | None) -> LazyCommand | LazyGroup:
    if isinstance(entry, Verb):
        return LazyCommand(name, entry, panel)
    settings: dict[str, Any] = {
        "name": name,
        "commands": listed(entry.verbs),
        "help": entry.help,
        "epilog": f"Example: {entry.example}",
        "rich_help_panel": panel,
    }
    if entry.default is not None:
        return GroupWithDefault(entry.default, **settings)
    return LazyGroup(no_args_is_help=True, **settings)

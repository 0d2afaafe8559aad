"""The panels of `distnet --help`: which verb stands where."""

from typing import Any

import typer
from typer.core import TyperGroup

PANELS = {
    "Train": ("run", "stop", "resize", "check", "init", "schema", "chaos"),
    "Queue": (
        "submit",
        "schedule",
        "schedules",
        "ps",
        "why",
        "logs",
        "wait",
        "cancel",
        "hold",
        "release",
        "retry",
        "priority",
        "history",
    ),
    "Data": ("data",),
    "Look": ("runs", "show", "report", "compare", "audit", "eval", "predict", "export"),
    "Server": ("server", "sim", "context", "whoami", "token", "team"),
}


class InPanels(TyperGroup):
    """Lists its verbs in the order of their panels, so that the panels are in order, too."""

    def list_commands(self, ctx: Any) -> list[str]:
        """List all verbs."""
        order = [verb for verbs in PANELS.values() for verb in verbs]
        known = super().list_commands(ctx)
        return sorted(known, key=lambda verb: order.index(verb) if verb in order else len(order))


def show_in_panels(app: typer.Typer) -> None:
    """Give every verb its panel."""
    panel_of = {verb: panel for panel, verbs in PANELS.items() for verb in verbs}
    for command in app.registered_commands:
        verb = command.name or _name(command.callback)
        command.rich_help_panel = panel_of.get(verb, command.rich_help_panel)
    for group in app.registered_groups:
        group.rich_help_panel = panel_of.get(str(group.name), group.rich_help_panel)


def _name(callback: object) -> str:
    return str(getattr(callback, "__name__", "")).strip("_")

"""The only consoles of rich: they print text literally.

What is printed are names and paths of users, so neither markup (`[red]`) nor the codes of emoji
(`:smile:`) are read, and control characters are shown as escapes. Colours are `Text` with a style.
For commands that can afford to import rich.
"""

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.status import Status
from rich.text import Text

from distnet.spec.printable import printable, printable_lines

PIPE_WIDTH = 200
"""A pipe has no width of its own: wide enough that no name is folded."""


class LiteralConsole(Console):
    """A console that shows every text as it is."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Turn text into what is drawn; also that of a table's cells and titles."""
        return super().render_str(printable_lines(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Draw something; everything that is drawn passes here."""
        if isinstance(renderable, Text):
            plain = printable_lines(renderable.plain)
            if plain != renderable.plain:
                renderable = renderable.copy()
                renderable.plain = plain
        return super().render(renderable, options)


class LiteralStatus(Status):
    """A spinner beside text that is not markup."""

    def __init__(self, text: str, console: Console) -> None:
        super().__init__(Text(printable(text)), console=console)

    def update(self, status: RenderableType | None = None, **options: Any) -> None:
        """Show another text."""
        text = Text(printable(status)) if isinstance(status, str) else status
        super().update(text, **options)


def stdout_console() -> LiteralConsole:
    """The console for results."""
    return LiteralConsole(width=None if sys.stdout.isatty() else PIPE_WIDTH)


def stderr_console(*, is_quiet: bool = False) -> LiteralConsole:
    """The console for progress and messages."""
    return LiteralConsole(stderr=True, quiet=is_quiet)


def spinner(what: str, *, is_quiet: bool = False) -> Status:
    """Show on stderr, where it is a terminal, what is being done."""
    return LiteralStatus(what, stderr_console(is_quiet=is_quiet))

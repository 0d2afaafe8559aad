"""What a command says when Ctrl-C ends it."""

from collections.abc import Iterator
from contextlib import contextmanager

from distnet.cli.output import say


@contextmanager
def says_when_stopped(text: str) -> Iterator[None]:
    """Within the context Ctrl-C prints one line on stderr: what was not done."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"stopped: {text}")
        raise

"""Tell whoever starts the server once that the cluster does not answer, and when it does."""

from collections.abc import Callable

from distnet.server.state.mirror import Mirror

IMPORTING = "Ray is still being imported"  # as the gateway says it
REMEDY = "jobs wait until it does; start one with: ray start --head, or name another: --ray URL"


class Reach:
    """Looks after each round at what the newest look at the cluster has found."""

    def __init__(self, mirror: Mirror, say: Callable[[str], None]) -> None:
        """Take the mirror, and whom to tell."""
        self._book = mirror
        self._say = say
        self._not_yet = mirror.unreachable
        """What the mirror says before the first look has ended."""
        self._is_silent = True
        self._has_warned = False

    def begin(self) -> None:
        """Speak from now on: the server itself has been announced."""
        self._is_silent = False

    def look(self) -> None:
        """Say what is new; nothing more once the cluster has answered."""
        why = self._book.unreachable
        if self._is_silent or why == self._not_yet or why.endswith(IMPORTING):
            return
        if not why:
            self._is_silent = True
            if self._has_warned:
                self._say("the Ray cluster answers now")
        elif not self._has_warned:
            self._has_warned = True
            self._say(f"no Ray cluster answers yet ({why}); {REMEDY}")

"""Warn whoever starts the server while the cluster cannot be reached, and say when it can be."""

from collections.abc import Callable

from distnet.server.state.mirror import Mirror

IMPORTING = "Ray is still being imported"  # the gateway's message
REMEDY = "jobs wait until it is; start one with: ray start --head, or name another: --ray URL"


class ReachabilityNotice:
    """Checks the newest snapshot after each iteration of the loop, until the cluster responds."""

    def __init__(self, mirror: Mirror, say: Callable[[str], None]) -> None:
        """Take the mirror, and the function that shows a message to the person."""
        self._mirror = mirror
        self._say = say
        self._before_first = mirror.unreachable
        """The mirror's text before the first snapshot."""
        self._is_silent = True
        self._has_warned = False

    def enable(self) -> None:
        """Show messages from now on: the server itself has been announced."""
        self._is_silent = False

    def check(self) -> None:
        """Show a message if something has changed; none once the cluster has responded."""
        why = self._mirror.unreachable
        if self._is_silent or why == self._before_first or why.endswith(IMPORTING):
            return
        if not why:
            self._is_silent = True
            if self._has_warned:
                self._say("the Ray cluster is reachable now")
        elif not self._has_warned:
            self._has_warned = True
            self._say(f"no Ray cluster is reachable yet ({why}); {REMEDY}")

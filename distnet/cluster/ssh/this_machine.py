"""Commands on this machine, for a cluster of this machine alone."""

from collections.abc import Sequence

from distnet.cluster.ssh.shell import Shell


class ThisMachine(Shell):
    """Runs commands here, without ssh."""

    def _command(self, words: Sequence[str], step: str) -> Sequence[str]:  # noqa: ARG002
        return words

"""Commands on this machine, for a cluster of this machine alone."""

import subprocess
from collections.abc import Callable, Sequence

from distnet.cluster.errors import HostError
from distnet.cluster.ssh.process import Ended, run
from distnet.cluster.ssh.shell import RUN_TIMEOUT_S, Shell


class ThisMachine(Shell):
    """Runs commands here, without ssh."""

    def run(
        self,
        words: Sequence[str],
        *,
        step: str = "run",
        data: bytes = b"",
        timeout_s: float = RUN_TIMEOUT_S,
        on_line: Callable[[str], None] | None = None,
        holds_input: bool = False,
    ) -> Ended:
        """Run a command here."""
        try:
            return run(
                words, data, timeout_s, on_line, running=self.running, holds_input=holds_input
            )
        except subprocess.TimeoutExpired:
            raise self.timed_out(step, timeout_s) from None
        except FileNotFoundError as error:
            found = f"found no `{error.filename}` on this machine"
            raise HostError(self.host.name, step, "command", found, "install it") from None

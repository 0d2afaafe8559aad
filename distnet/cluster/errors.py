"""What can go wrong with a host, named by the host and the step."""

from distnet.errors import DistnetError


class HostError(DistnetError):
    """A step failed on a host.

    Args:
        host: its name in the cluster file.
        step: what was being done, such as `connect`.
        kind: a stable word for programs, such as `unknown-host-key`.
        found: what was found.
        remedy: what to do about it.
    """

    def __init__(self, host: str, step: str, kind: str, found: str, remedy: str) -> None:
        super().__init__(f"{host}: {step}: {found}; {remedy}")
        self.host = host
        self.step = step
        self.kind = kind
        self.found = found
        self.remedy = remedy

"""The jobs of a sweep, where a command was given its name instead of a job's."""

from collections.abc import Collection

from distnet.client.client import Client
from distnet.errors import DistnetError
from distnet.protocol.errors import NotFoundError


def jobs_of_sweep(
    client: Client, name: str, no_job: NotFoundError, states: Collection[str] | None = None
) -> list[str]:
    """List the jobs of a sweep, by their numbers.

    Args:
        client: of the server.
        name: which no job has.
        no_job: says so.
        states: only jobs in these; None for all.

    Raises:
        NotFoundError: `no_job`, as there is no sweep of this name either.
        DistnetError: no job of the sweep is in these states.
    """
    try:
        trials = client.sweep(name)["trials"]
    except NotFoundError:
        raise no_job from None
    chosen = [trial["name"] for trial in trials if states is None or trial["state"] in states]
    if not chosen:
        found = ", ".join(sorted({str(trial["state"]) for trial in trials}))
        raise DistnetError(
            f"{name}: the jobs of this sweep are {found}, expected one that is "
            f"{' or '.join(states or ())}; see: distnet sweep {name}"
        )
    return sorted(chosen, key=_by_number)


def _by_number(name: str) -> tuple[str, int]:
    base, _, number = name.rpartition("-")
    return base, int(number) if number.isdecimal() else 0

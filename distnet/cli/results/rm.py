"""`distnet rm`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from distnet.cli.agree import agree
from distnet.cli.console import spinner
from distnet.cli.options import RUNS, AsJson, Context, Runs, Server
from distnet.cli.output import echo, print_json, say
from distnet.cli.results.open_jobs import OpenJobs
from distnet.client.times import past_time
from distnet.errors import RunError, RunInUseError
from distnet.report.text import size
from distnet.spec.plural import listed
from distnet.spec.printable import argument
from distnet.sweeps.stored import Stored, find_stored, list_stored, remove, superfluous

MOST_NAMED = 12

Names = Annotated[
    list[str], typer.Argument(metavar="[RUN|SWEEP]...", help="Runs and sweeps, by name or folder.")
]
Keep = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="All but the newest N runs and sweeps.")
]
OlderThan = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Those that began before then: 30d ago, or 2026-05-01."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def rm(
    names: Names = [],  # noqa: B006 - typer copies it
    keep: Keep = None,
    older_than: OlderThan = None,
    is_agreed: Yes = False,
    runs: Runs = RUNS,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Remove runs and sweeps of this machine: by name, all but the newest, or the old ones.

    A run that trains is never removed, nor that of a server's job that has not ended. A sweep goes
    with all of its trials. With --keep and --older-than, only what both mean is removed. What is
    stored outside of a run's folder stays there, and is named.
    """
    if bool(names) == (keep is not None or older_than is not None):
        raise RunError(
            f"found {'both' if names else 'neither'} of runs and --keep or --older-than, expected "
            "one of them; example: distnet rm digits-1, or distnet rm --keep 10"
        )
    jobs = OpenJobs(server, context)
    chosen = _named(names, runs, jobs) if names else _old(runs, keep, older_than, jobs)
    if not chosen:
        say(f"{runs}: found nothing to remove")
    else:
        total = size(sum(one.num_bytes for one in chosen))
        which = listed([one.name for one in chosen], MOST_NAMED)
        agree(f"removes {which} ({total}) from {runs}", is_agreed=is_agreed)
    removed = [_removed(one, as_json=as_json) for one in chosen]
    if as_json:
        print_json({"removed": removed})


def _named(names: list[str], runs: Path, jobs: OpenJobs) -> list[Stored]:
    """Find those that are named; nothing is removed if one of them is unknown, or is to stay."""
    found = {one.path.resolve(): one for one in (find_stored(name, runs) for name in names)}
    for one in found.values():
        if one.is_running:
            raise RunInUseError(
                f"{one.path}: found a run that trains, expected one that has ended; stop it first: "
                f"distnet stop {argument(one.path)}"
            )
        if (why := jobs.why_kept(one)) is not None:
            raise RunInUseError(f"{one.path}: {why}")
    return list(found.values())


def _old(runs: Path, keep: int | None, older_than: str | None, jobs: OpenJobs) -> list[Stored]:
    before = None if older_than is None else past_time(older_than, now=time.time())
    with spinner("reading runs"):
        chosen = superfluous(list_stored(runs), keep=keep, before=before)
    return [one for one in chosen if not _stays(one, jobs)]


def _stays(one: Stored, jobs: OpenJobs) -> bool:
    """Whether something old is still in use; says so."""
    why = "it trains" if one.is_running else jobs.why_kept(one)
    if why is not None:
        say(f"{one.name} stays: {why}")
    return why is not None


def _removed(one: Stored, *, as_json: bool) -> dict[str, object]:
    facts = {"name": one.name, "folder": str(one.path), "size_bytes": one.num_bytes}
    outside = one.outside
    with spinner(f"removing {one.name}"):
        remove(one)
    if not as_json:
        echo(f"{one.name} is removed")
    for where in outside:
        say(f"note: checkpoints of {one.name} stay in {where}")
    return {**facts, "checkpoints_left": outside}

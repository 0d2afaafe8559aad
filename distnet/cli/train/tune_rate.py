"""`distnet tune-rate`: the loss while the learning rate rises, and a suggestion."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from distnet.cli.exit_codes import FAILED
from distnet.cli.lazy import imported
from distnet.cli.options import AsJson, JobFile, Sets
from distnet.cli.output import echo, print_json, say
from distnet.cli.table import Column, print_table
from distnet.errors import RunError
from distnet.report.text import number, sparkline
from distnet.spec.plural import counted
from distnet.spec.read import read_job

if TYPE_CHECKING:
    from distnet.launch.tuning.range_test import RangeTest

Low = Annotated[
    float, typer.Option("--from", min=1e-30, max=1e6, metavar="RATE", help="The first rate.")
]
High = Annotated[
    float, typer.Option("--to", min=1e-30, max=1e6, metavar="RATE", help="The last rate.")
]
Steps = Annotated[int, typer.Option(min=20, max=100_000, help="Steps from the one to the other.")]
Picture = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Draw the losses into this file: .png, .svg or .html."),
]
MEANINGS = {
    "steepest": "where the loss falls fastest",
    "valley": "in the middle of the longest fall: more careful",
    "tenth of lowest": "a tenth of the rate with the lowest loss: bolder",
}
ENDS = {
    "all steps": "",
    "diverged": ": there the loss is 4 times its lowest",
    "not finite": ": at the next one the loss is not finite",
}
HEADS = (Column("rule"), Column("rate", is_number=True), Column("loss", is_number=True), Column(""))


def tune_rate(
    job: JobFile,
    low: Low = 1e-7,
    high: High = 10.0,
    steps: Steps = 100,
    sets: Sets = [],  # noqa: B006 - typer copies it
    picture: Picture = None,
    as_json: AsJson = False,
) -> None:
    """Train a job for some steps at rising learning rates, and suggest one.

    The rate rises from --from to --to by the same factor at each step, until the loss diverges. All
    slices are computed in this process, which gives the losses that any number of workers would
    have. No run folder is written.

    Exit code 3: the loss falls at none of the rates.
    """
    file = read_job(job, overrides=sets)
    if not low < high:
        raise RunError(f"--from {low:g}: expected a rate below --to, which is {high:g}")
    found = imported("train.rates:measure")(file, low, high, steps, picture, is_quiet=as_json)
    command = _command(job, [*sets, *found.settings]) if found.settings else None
    if as_json:
        print_json(found.to_dict() | {"command": command})
    else:
        _show(found, command)
    if picture is not None and found.rates:
        say(f"wrote {picture}")
    if not found.suggestions:
        raise typer.Exit(FAILED)


def _command(job: Path, settings: Sequence[str]) -> str:
    """The run with the suggested rate."""
    sets = [word for setting in settings for word in ("--set", setting)]
    return shlex.join(["distnet", "run", str(job), *sets])


def _show(found: "RangeTest", command: str | None) -> None:
    if found.rates:
        _show_losses(found)
    for note in filter(None, (found.problem, *found.notes)):
        echo(f"note: {note}")
    if command is not None:
        echo(f"use: {command}")


def _show_losses(found: "RangeTest") -> None:
    tried, last = counted(len(found.rates), "step"), f"{found.rates[-1]:.2g}{ENDS[found.end]}"
    echo(f"{found.job}: {tried} at rates from {found.rates[0]:.2g} to {last}")
    first, lowest = found.smoothed[0], min(found.smoothed)
    bars = sparkline([min(loss, first + (first - lowest) / 4) for loss in found.smoothed])
    echo(f"loss  {bars}  {number(first)}, at its lowest {number(lowest)}")
    rows = [
        (one.rule, f"{one.rate:g}", number(one.loss), MEANINGS[one.rule])
        for one in found.suggestions
    ]
    if rows:
        print_table(HEADS, [*rows, ("job file", f"{found.job_rate:g}", "", "what it has now")])

"""The table of a sweep on stdout."""

from pathlib import Path

from distnet.cli.output import echo, print_json, say
from distnet.cli.table import Column, print_table
from distnet.protocol.sweeps import SweepResponse
from distnet.report.parts import Listing
from distnet.run_folder.paths import shown
from distnet.spec.printable import argument
from distnet.sweeps.listing import listings
from distnet.sweeps.record import SweepFolder


def show(
    sweep: SweepResponse,
    *,
    job_file: str | None,
    command: str | None,
    page: Path | None = None,
    as_json: bool = False,
) -> None:
    """Print the trials, the best first, and where the job file of the best one is.

    Args:
        sweep: as it stands.
        job_file: of the best trial, or the command that writes it.
        command: what to do with the best one.
        page: its HTML report, if that was written.
        as_json: print JSON instead.
    """
    if as_json:
        files = {"job_file": job_file, "report": page and str(page), "command": command}
        print_json(sweep.model_dump(mode="json") | files)
        return
    for listing in listings(sweep):
        _print(listing)
    where = f"; its job file is {job_file}" if job_file else ""
    if where and sweep.folds:
        where += ", which leaves out a fold: to train on all samples, --set data.fold=null"
    echo(f"{sweep.best_text}{where}")
    if sweep.rules_text:
        say(sweep.rules_text)
    if page is not None:
        say(f"report: {page}")
    if command is not None:
        say(f"next: {command}")


def export_command(sweep: SweepFolder, best: str | None) -> str | None:
    """The command that exports the best trial of a sweep here; None before anything is measured."""
    runs = [sweep.run(trial) for trial in sweep.trials if trial.name == best]
    return f"distnet export {argument(shown(runs[0].path))}" if runs else None


def _print(listing: Listing) -> None:
    columns = [
        Column(head, is_number=at in listing.numeric, is_state=head == "state")
        for at, head in enumerate(listing.heads)
    ]
    print_table(columns, listing.rows)

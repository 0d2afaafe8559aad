"""The command `distnet audit`: prove from a run's records that nothing was lost."""

import json
from typing import TYPE_CHECKING, Any

import typer

from distnet.cli.look.runs import RUNS, Json, Reference, RunsFolder

if TYPE_CHECKING:
    from distnet.report.audit import Audit

NOT_CLEAN = 3
MOST_FAULTS = 50


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(epilog="Example: distnet audit digits-1")(audit)


def audit(run: Reference, runs: RunsFolder = RUNS, as_json: Json = False) -> None:
    """Prove that every sample was used once an epoch over all attempts, and no step is missing.

    Ends with 0 if the records prove it, else with 3.
    """
    from distnet.report.audit import audit_run
    from distnet.report.find import find_run

    found = audit_run(find_run(run, runs))
    if as_json:
        typer.echo(json.dumps(found.to_dict()))
    else:
        _print(found)
    if not found.is_clean:
        raise typer.Exit(NOT_CLEAN)


def _print(found: "Audit") -> None:
    causes = ", ".join(f"{count} {cause}" for cause, count in found.causes.items())
    epochs = f"{found.epochs} whole"
    rows = {
        "steps": f"{found.steps:,} of {found.num_steps:,}, {found.status}",
        "attempts": f"{found.attempts} ({causes})" if causes else "0",
        "recomputed": f"{found.steps_recomputed:,} steps",
        "epochs": f"{epochs}, each of {found.samples:,} samples" if found.epochs else epochs,
        "passed over": f"{found.skips:,} steps",
    }
    rows |= {f"restart {i}": _restart(line) for i, line in enumerate(found.restarts, start=1)}
    for name, text in rows.items():
        typer.echo(f"{name:12} {text}")
    for fault in found.faults[:MOST_FAULTS]:
        typer.echo(typer.style("fault ", fg="red") + fault)
    if len(found.faults) > MOST_FAULTS:
        typer.echo(f"and {len(found.faults) - MOST_FAULTS} more, see: distnet audit RUN --json")
    verdict = "clean: every sample once an epoch, no step missing"
    typer.echo(f"{found.run} is {verdict if found.is_clean else 'not clean'}")


def _restart(line: dict[str, Any]) -> str:
    seconds = "" if line["seconds"] is None else f", {line['seconds']:.1f} s"
    return (
        f"{line['cause']} at step {line['step']:,}, workers {line['from']} -> {line['to']}{seconds}"
    )

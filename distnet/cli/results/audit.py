"""`distnet audit`."""

from typing import Any

import typer

from distnet.cli.exit_codes import FAILED
from distnet.cli.options import RUNS, AsJson, Context, RunOrJob, Runs, Server
from distnet.cli.output import echo, print_json
from distnet.cli.results.find import find_or_fetch
from distnet.report.audit import Audit, audit_run
from distnet.spec.plural import counted

MOST_FAULTS = 50


def audit(
    run: RunOrJob,
    runs: Runs = RUNS,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Verify from a run's records that no step is missing and every sample was used once.

    Once per epoch, that is, over all attempts. Exit code: 0 if the records prove it, else 3.
    """
    found = audit_run(find_or_fetch(run, runs, server, context, has_weights=False))
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found)
    if not found.is_clean:
        raise typer.Exit(FAILED)


def _print(found: Audit) -> None:
    causes = ", ".join(f"{count} {cause}" for cause, count in found.causes.items())
    epochs = f"{found.epochs} complete"
    samples = counted(found.samples, "sample") if found.samples else "samples that the task makes"
    rows = {
        "steps": f"{found.steps:,} of {found.num_steps:,}, {found.status}",
        "attempts": f"{found.attempts} ({causes})" if causes else "0",
        "recomputed": counted(found.steps_recomputed, "step"),
        "epochs": f"{epochs}, each of {samples}" if found.epochs else epochs,
        "skipped": counted(found.skips, "step"),
    }
    rows |= {f"restart {i}": _restart(line) for i, line in enumerate(found.restarts, start=1)}
    for name, text in rows.items():
        echo(f"{name:12} {text}")
    for fault in found.faults[:MOST_FAULTS]:
        echo(fault, mark=typer.style("fault ", fg="red"))
    if len(found.faults) > MOST_FAULTS:
        echo(f"and {len(found.faults) - MOST_FAULTS} more, see: distnet audit RUN --json")
    used = "every sample once per epoch, " if found.samples else ""
    verdict = f"clean: {used}no step missing"
    echo(f"{found.run} is {verdict if found.is_clean else 'not clean'}")


def _restart(line: dict[str, Any]) -> str:
    seconds = "" if line["seconds"] is None else f", {line['seconds']:.1f} s"
    return (
        f"{line['cause']} at step {line['step']:,}, workers {line['from']} -> {line['to']}{seconds}"
    )

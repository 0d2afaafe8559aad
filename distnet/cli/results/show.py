"""`distnet show`."""

import dataclasses

from distnet.cli.console import stdout_console
from distnet.cli.options import RUNS, AsJson, Context, RunOrJob, Runs, Server
from distnet.cli.output import print_json
from distnet.cli.results.find import find_or_fetch
from distnet.report.commands import commands
from distnet.report.run import read_run
from distnet.report.summary import attempt_rows, summarise
from distnet.report.terminal import run_view


def show(
    run: RunOrJob,
    runs: Runs = RUNS,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Show one run: results, epochs, attempts, checkpoints, what to do next."""
    found = read_run(find_or_fetch(run, runs, server, context, has_weights=False))
    summary = summarise(found)
    if not as_json:
        stdout_console().print(run_view(found, summary))
        return
    print_json(
        {
            "summary": summary.to_dict(),
            "attempts": [dataclasses.asdict(row) for row in attempt_rows(found, summary)],
            "epochs": [epoch.model_dump() for epoch in found.history.epochs],
            "checkpoints": found.saved,
            "evaluation": found.evaluation and found.evaluation.to_dict(),
            "plan": found.plan,
            "environment": found.environment,
            "commands": [command for _, command in commands(found, summary)],
        }
    )

"""`distnet report`."""

from pathlib import Path

from distnet.cli.console import spinner
from distnet.cli.options import RUNS, AsJson, Context, RunOrJob, Runs, Server
from distnet.cli.output import echo, print_json
from distnet.cli.results.find import find_or_fetch
from distnet.report.page import write_report
from distnet.run_folder.paths import RunFolder


def report(
    run: RunOrJob,
    runs: Runs = RUNS,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Write the HTML report of a run, finished or not."""
    folder = find_or_fetch(run, runs, server, context, has_weights=False)
    page = draw(folder)
    if as_json:
        figures = sorted(str(path) for path in folder.figures.glob("*.png"))
        print_json({"run": folder.name, "report": str(page), "figures": figures})
    else:
        echo(page)


def draw(folder: RunFolder) -> Path:
    """Write the report, with a spinner meanwhile."""
    with spinner(f"drawing {folder.path}"):
        return write_report(folder)

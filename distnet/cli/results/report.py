"""`distnet report`."""

from distnet.cli.console import spinner
from distnet.cli.options import RUNS, AsJson, Run, Runs
from distnet.cli.output import echo, print_json
from distnet.report.find import find_run
from distnet.report.page import write_report


def report(run: Run, runs: Runs = RUNS, as_json: AsJson = False) -> None:
    """Write the HTML report of a run, finished or not."""
    folder = find_run(run, runs)
    with spinner(f"drawing {folder.path}"):
        page = write_report(folder)
    if as_json:
        figures = sorted(str(path) for path in folder.figures.glob("*.png"))
        print_json({"run": folder.name, "report": str(page), "figures": figures})
    else:
        echo(page)

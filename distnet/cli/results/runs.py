"""`distnet runs`."""

from collections.abc import Iterator

from rich.progress import track

from distnet.cli.console import stderr_console, stdout_console
from distnet.cli.options import RUNS, AsJson, Runs
from distnet.cli.output import print_json, say
from distnet.errors import RunError
from distnet.report.find import list_runs
from distnet.report.run import read_run
from distnet.report.summary import Summary, summarise
from distnet.report.terminal import runs_table
from distnet.run_folder.paths import RunFolder


def runs(runs: Runs = RUNS, as_json: AsJson = False) -> None:
    """List the runs, newest first.

    The metric is the headline metric of a run's last evaluation.
    """
    found = list(_summaries(list_runs(runs)))
    if as_json:
        print_json([summary.to_dict() for summary in found])
    elif found:
        console = stdout_console()
        console.print(runs_table(found, width=console.width))
    else:
        say(f"{runs} has no runs yet; start one with: distnet run JOB")


def _summaries(folders: list[RunFolder]) -> Iterator[Summary]:
    console = stderr_console()
    is_quiet = not console.is_terminal
    for folder in track(folders, "reading runs", console=console, transient=True, disable=is_quiet):
        try:
            yield summarise(read_run(folder))
        except RunError as error:
            say(f"left out: {error}")  # a damaged run must not hide the others

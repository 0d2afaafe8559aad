"""The runs of `distnet chaos` as lines and tables for a terminal."""

from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from distnet.chaos.results import Hit, Results, TrialResult
from distnet.cli.console import stdout_console
from distnet.report.text import NONE, duration, number
from distnet.spec.plural import counted


def news(results: Results) -> RenderableType:
    """Write the newest result in one line."""
    if results.trials:
        return _line(results.trials[-1], results.request.trials)
    if results.undisturbed is None:
        return Text(f"run folders: {results.folder}")
    run = results.undisturbed
    return Text(
        f"without faults: {run.steps:,} steps on {counted(run.workers, 'worker')} in "
        f"{duration(run.seconds)}, "
        f"weights {run.weights_sha256[:12]}"
    )


def show_results(results: Results) -> None:
    """Print the tables on stdout."""
    console, plain = stdout_console(), results.to_dict()["summary"]
    console.print(_kinds_table(plain))
    console.print(_summary_table(plain, results))
    for trial in results.trials:
        if not trial.is_passed:
            console.print(_line(trial, results.request.trials), soft_wrap=True)


def _line(trial: TrialResult, trials: int) -> Text:
    faults = "; ".join(_fault(hit) for hit in trial.hits) or "no fault"
    line = Text(f"trial {trial.trial + 1} of {trials}: {faults}; ")
    if trial.is_passed:
        return line.append("same weights", style="green")
    said = [trial.error] if trial.error else [] if trial.is_equal else ["different weights"]
    said += [f"left behind: {', '.join(trial.remains)}"] if trial.remains else []
    return line.append("; ".join(said), style="red").append(f" ({trial.run})")


def _fault(hit: Hit) -> str:
    if hit.recovery_s is None:
        return f"{hit.kind} at step {hit.reached:,}, not recovered"
    again = counted(hit.recomputed or 0, "step")
    recovery = f"recovered in {duration(hit.recovery_s)}, {again} recomputed"
    return f"{hit.kind} at step {hit.reached:,}, {recovery}"


def _kinds_table(summary: dict[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("fault", "faults", "recovered", "p50", "p95", "recomputed"):
        table.add_column(head, justify="left" if head == "fault" else "right")
    groups = {f"all {name} faults": facts for name, facts in summary["groups"].items()}
    for name, facts in (summary["kinds"] | groups).items():
        if facts["faults"]:
            times = [duration(facts[key]) for key in ("p50_s", "p95_s")]
            counts = [number(facts[key]) for key in ("faults", "recoveries")]
            table.add_row(name, *counts, *times, number(facts["steps_recomputed"]))
    return table


def _summary_table(summary: dict[str, Any], results: Results) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    trials, bound = summary["trials"], summary["failure_bound"]
    weights = results.undisturbed.weights_sha256[:12] if results.undisturbed else NONE
    planned = f" of {results.request.trials:,}" if not results.is_complete else ""
    table.add_row("trials", f"{trials:,}{planned}, {summary['passed']:,} passed")
    table.add_row("same weights", f"{summary['equal']:,} of {trials:,} ({weights})")
    table.add_row(
        "faults",
        f"{summary['faults']:,}, {counted(summary['recoveries'], 'recovery', 'recoveries')}",
    )
    table.add_row("steps recomputed", number(summary["steps_recomputed"]))
    table.add_row("missed faults", f"{summary['misses']:,} (the run had ended; drawn again)")
    table.add_row("failure rate", f"at most {bound:.1%} of runs, at 95% confidence")
    table.add_row("records", f"{results.folder}/chaos.json")
    return table

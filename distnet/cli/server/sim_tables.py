"""The results of `distnet sim` as tables on the terminal."""

from typing import Any

from rich.table import Table

from distnet.cli.console import stdout_console
from distnet.report.text import NONE, duration, number
from distnet.spec.plural import counted


def show_figures(found: dict[str, Any]) -> None:
    """Print the tables on stdout."""
    console = stdout_console()
    console.print(_waits_table(found["waits_s"]))
    console.print(_summary_table(found))


def _waits_table(waits: dict[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("waiting time", "jobs", "mean", "p50", "p95", "max"):
        table.add_column(head, justify="left" if head == "waiting time" else "right", no_wrap=True)
    groups = {"all": waits["all"]}
    groups |= {
        f"priority {level}": waits["priority"][level]
        for level in sorted(waits["priority"], key=int, reverse=True)
    }
    groups |= {f"team {name}": facts for name, facts in waits["team"].items()}
    for name, facts in groups.items():
        times = [duration(facts[key]) for key in ("mean", "p50", "p95", "max")]
        table.add_row(name, number(facts["count"]), *times)
    return table


def _summary_table(found: dict[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    jobs, slowdown = found["jobs"], found["bounded_slowdown"]
    parts = [f"{jobs['ended']:,} of {jobs['all']:,} ended"]
    waiting = jobs["submitted"] - jobs["started"]
    parts += [f"{waiting:,} never started"] if waiting else []
    parts += [f"{counted(jobs['skipped'], 'line')} of the trace skipped"] if jobs["skipped"] else []
    table.add_row("jobs", ", ".join(parts))
    table.add_row(
        "utilisation", f"{_used(found['utilisation_while_jobs_arrive'])} while jobs arrive"
    )
    table.add_row("", f"{_used(found['utilisation'])} until the last has ended")
    table.add_row("fairness", f"{found['fairness']:.3f} (Jain's index over users; 1 is equal)")
    low, high = slowdown["p50"], slowdown["p95"]
    table.add_row(
        "bounded slowdown", f"p50 {low:,.2f}, p95 {high:,.1f}, max {slowdown['max']:,.0f}"
    )
    table.add_row("preemptions", f"{found['preemptions']:,}, and {found['resizes']:,} resizes")
    table.add_row("lost", f"{found['lost']:.1%} of the allocated time, to restarts")
    table.add_row("makespan", duration(found["makespan_s"]))
    speed = f"{found['passes']:,} scheduler passes in {duration(found['seconds'])}"
    table.add_row("simulated", f"{speed}{', interrupted' if found['is_interrupted'] else ''}")
    return table


def _used(parts: dict[str, float | None]) -> str:
    return ", ".join(
        f"{kind.upper().replace('S', 's')} {NONE if part is None else f'{part:.1%}'}"
        for kind, part in parts.items()
    )

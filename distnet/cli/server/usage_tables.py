"""The tables of `distnet usage`."""

from collections.abc import Sequence

from distnet.cli.output import echo, one_line
from distnet.cli.table import Column, print_table
from distnet.client.client import Json
from distnet.report.text import NONE, duration, size
from distnet.spec.plural import counted

HOUR_S = 3600.0


def show_usage(found: Json, keys: Sequence[str]) -> None:
    """Print hours, one row for each user, team, month or job, and their total."""
    is_by_job = "job" in keys
    order = [key for key in ("month", "team", "user", "job") if key in keys]
    numbers = ["CPU hours", "GPU hours"]
    numbers += ["CPU used", "GPU used", "memory"] if is_by_job else []
    heads = [*order, *([] if is_by_job else ["jobs"]), *numbers]
    columns = [Column(head, is_number=head not in order) for head in heads]
    rows = [_row(row, order, is_by_job=is_by_job) for row in found["rows"]]
    if not rows:
        echo("no jobs had workers in this time")
        return
    total = _row(found["total"], order, is_by_job=is_by_job)
    print_table(columns, [*rows, ["total", *total[1:]]])


def show_job(details: Json) -> None:
    """Print what a job was given, and what it has used of that."""
    job, use = details["job"], details["use"]
    echo(f"{job['name']} of {job['owner']}, team {job['team']}: {job['state']}")
    _line("given", f"{_hours(use['cpu_s'])} CPU hours, {_hours(use['gpu_s'])} GPU hours")
    _line("CPU", _used(use["cpu_used_s"], use["cpu_efficiency"], "CPU"))
    if job["gpus"]:
        _line("GPU", _used(use["gpu_used_s"], use["gpu_efficiency"], "GPU"))
    _line("memory", _memory(use))
    _line("waited", f"{duration(use['waited_s'])} without workers since its submit")
    _line("steps", _steps(use))


def _line(head: str, text: str) -> None:
    echo(f"  {head:<8}{one_line(text)}")


def _row(row: Json, order: Sequence[str], *, is_by_job: bool) -> list[str]:
    cells = [row[key] or "" for key in order]
    hours = [_hours(row["cpu_s"]), _hours(row["gpu_s"])]
    if not is_by_job:
        return [*cells, f"{row['num_jobs']:,}", *hours]
    use = row["use"] or {}
    shares = [_percent(use.get(key)) for key in ("cpu_efficiency", "gpu_efficiency")]
    return [*cells, *hours, *shares, size(use["peak_bytes"]) if use.get("peak_bytes") else ""]


def _hours(seconds: float) -> str:
    return f"{seconds / HOUR_S:,.2f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _used(used_s: float | None, share: float | None, what: str) -> str:
    if used_s is None or share is None:
        return "not measured"
    return f"{_hours(used_s)} {what} hours used, {share:.1%} of what was given"


def _memory(use: Json) -> str:
    if not use["peak_bytes"]:
        return "not measured"
    peak, node = use["peak_bytes"], use["node_bytes"]
    of_node = f", {peak / node:.1%} of the {size(node)} of its node" if node else ""
    return f"{size(peak)} at most in one worker{of_node}"


def _steps(use: Json) -> str:
    if use["num_steps"] is None:
        return NONE
    made, again = use["num_steps"], use["num_recomputed"]
    share = f" ({again / made:.1%})" if made else ""
    return f"{counted(made, 'step')} made, {again:,} of them again after a failure{share}"

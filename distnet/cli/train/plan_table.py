"""A plan as a table on the terminal."""

from typing import Any

from rich.table import Table

from distnet.cli.console import stdout_console
from distnet.report.text import duration, size
from distnet.spec.code.names import shown_name
from distnet.spec.metric import Metric
from distnet.spec.packages.requirements import packages_of
from distnet.spec.plural import counted


def show_plan(plan: dict[str, Any]) -> None:
    """Print the plan of a job.

    Args:
        plan: as `make_plan(...).to_dict()` gives it, with `estimate`.
    """
    table = Table(title=f"plan of {plan['name']}", show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column()
    for name, text in _rows(plan):
        table.add_row(name, text)
    stdout_console().print(table)


def _rows(plan: dict[str, Any]) -> list[tuple[str, str]]:
    shape = " x ".join(map(str, plan["input_shape"])) or "any length"
    source = "in memory" if plan["data_in_memory"] else "streamed from disk"
    owned = ", ".join(f"{low}-{high - 1}" for low, high in plan["slices_per_worker"])
    memory = plan["memory_bytes"]
    parts = ", ".join(f"{k} {size(v)}" for k, v in memory.items() if k != "total")
    flow = f": {shape} -> {plan['num_outputs']}" if plan["num_outputs"] else ""
    data = [
        ("training samples", f"{plan['train_samples']:,}, {source}"),
        ("evaluation samples", _evaluated(plan)),
        ("dataset", plan["dataset"]),
    ]
    return [
        ("network", f"{plan['network']}{flow}"),
        ("parameters", f"{plan['num_parameters']:,}"),
        *(data if plan["dataset"] else _made_samples(plan)),
        *([("baseline", _baseline(plan["baseline"]))] if plan["baseline"] else []),
        (
            "steps",
            f"{plan['steps']:,} = {counted(plan['epochs'], 'epoch')} of "
            f"{plan['steps_per_epoch']:,}, {counted(plan['batch_size'], 'sample')} each",
        ),
        *([("time", _time(plan["estimate"]))] if plan["estimate"] else []),
        ("slices", f"{plan['slices']} on {counted(plan['workers'], 'worker')}: {owned}"),
        ("precision", f"{_precision(plan['precision'])} on {plan['device']}"),
        ("memory per worker", f"about {size(memory['total'])} ({parts})"),
        *([("code", ", ".join(map(shown_name, plan["code"])))] if plan["code"] else []),
        *([("packages", ", ".join(packages_of(plan["packages"])))] if plan["packages"] else []),
        ("writes", ", ".join(plan["writes"])),
        *(("note", note) for note in plan["notes"]),
    ]


def _time(found: dict[str, Any]) -> str:
    """Write `about 3 min 20 s on this machine: steps of 12 ms, 10 evaluations of 0.8 s`."""
    step_s, count = found["step_s"], found["num_evaluations"]
    step, evaluation = map(_short, (step_s, found["evaluation_s"]))
    each = f", {counted(count, 'evaluation')} of {evaluation}" if count else ""
    return f"about {duration(found['seconds'])} on this machine: steps of {step}{each}"


def _short(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else duration(seconds)


def _precision(planned: str) -> str:
    if planned != "auto":
        return planned
    return "bf16 if the hardware of all workers is made for it, else fp32,"


def _made_samples(plan: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [("samples", "made by the task")]
    if plan["eval_samples"]:
        rows.append(("evaluation samples", f"{plan['eval_samples']:,}, made by the task"))
    return rows


def _baseline(found: dict[str, Any]) -> str:
    """Write `majority class, on test: accuracy 11.35%, macro_f1 2.04%`."""
    metrics = ", ".join(
        f"{name} {Metric(name, found['formats'].get(name, 'number')).text(value)}"
        for name, value in found["metrics"].items()
    )
    return f"{found['name']}, on {found['split']}: {metrics}"


def _evaluated(plan: dict[str, Any]) -> str:
    split, final = plan["eval_split"], plan["final_split"]
    found = f"{plan['eval_samples']:,}, the split {split}" if split else "none"
    at_end = f"; at the end {plan['final_samples']:,}, the split {final}" if final else ""
    return found + at_end

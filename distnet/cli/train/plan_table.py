"""A plan as a table on the terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table


def show_plan(plan: dict[str, Any]) -> None:
    """Print what a job will do."""
    table = Table(title=f"plan of {plan['name']}", show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column()
    for name, text in _rows(plan):
        table.add_row(name, text)
    Console().print(table, highlight=False)


def _rows(plan: dict[str, Any]) -> list[tuple[str, str]]:
    shape = " x ".join(map(str, plan["input_shape"]))
    held = "held in memory" if plan["data_in_memory"] else "streamed from disk"
    owned = ", ".join(f"{low}-{high - 1}" for low, high in plan["slices_per_worker"])
    memory = plan["memory_bytes"]
    parts = ", ".join(f"{k} {_size(v)}" for k, v in memory.items() if k != "total")
    return [
        ("network", f"{plan['network']}: {shape} -> {plan['num_outputs']}"),
        ("parameters", f"{plan['num_parameters']:,}"),
        ("training samples", f"{plan['train_samples']:,}, {held}"),
        ("evaluation samples", f"{plan['eval_samples']:,}"),
        ("dataset", plan["dataset"]),
        (
            "steps",
            f"{plan['steps']:,} = {plan['epochs']:g} epochs of {plan['steps_per_epoch']:,}, "
            f"{plan['batch_size']:,} samples each",
        ),
        ("slices", f"{plan['slices']} over {_count(plan['workers'], 'worker')}: {owned}"),
        ("numbers", f"{plan['precision']} on {plan['device']}"),
        ("memory a worker", f"about {_size(memory['total'])} ({parts})"),
        ("writes", ", ".join(plan["writes"])),
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _size(num_bytes: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if num_bytes >= size:
            return f"{num_bytes / size:.3g} {unit}"
    return f"{num_bytes} B"

"""What can be done with a run next, as commands to copy."""

from distnet.report.run import Run
from distnet.report.summary import Summary
from distnet.spec.printable import argument


def commands(run: Run, summary: Summary) -> list[tuple[str, str]]:
    """List what can be done with a run, each as (purpose, command)."""
    name = argument(summary.folder)
    found = []
    if summary.status not in ("finished", "running"):
        found.append(("resume the run", f"distnet run --resume {name}"))
    if run.saved:
        is_text = run.input_kind == "tokens"
        found += [
            ("predict with the network", f"distnet predict {name} {_example(run)}"),
            ("evaluate again", f"distnet eval {name}"),
            ("export as safetensors", f"distnet export {name} --format safetensors")
            if is_text
            else ("export as safetensors and ONNX", f"distnet export {name}"),
        ]
        if summary.better and summary.better.is_kept:
            step = summary.better.step
            found.append(("export the best", f"distnet export {name} --checkpoint {step}"))
    return [*found, ("draw the report", f"distnet report {name}")]


def _example(run: Run) -> str:
    """What may be predicted."""
    shape = run.plan.get("input_shape")
    if run.input_kind == "tokens":
        return '--text "..."'
    return "image.png" if isinstance(shape, list) and len(shape) == 3 else "rows.csv"

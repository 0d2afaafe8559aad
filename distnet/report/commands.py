"""What a person can do with a run next, as commands to copy."""

import shlex

from distnet.report.run import Run
from distnet.report.summary import Summary


def commands(run: Run, summary: Summary) -> list[tuple[str, str]]:
    """List what can be done with a run, each as (what it does, the command)."""
    name = shlex.quote(summary.folder)
    found = []
    if summary.status not in ("finished", "running"):
        found.append(("go on with the run", f"distnet run --resume {name}"))
    if run.saved:
        shape = run.plan.get("input_shape")
        is_image = isinstance(shape, list) and len(shape) == 3
        found += [
            (
                "ask the network",
                f"distnet predict {name} {'picture.png' if is_image else 'rows.csv'}",
            ),
            ("measure again", f"distnet eval {name}"),
            ("the network as safetensors and ONNX", f"distnet export {name}"),
        ]
    return [*found, ("figures and page", f"distnet report {name}")]

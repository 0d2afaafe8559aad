"""What can be done with a run next, as commands to copy."""

from distnet.report.run import Run
from distnet.report.summary import Summary
from distnet.spec.printable import argument

MAKES = {
    "deep-q": ("play with the network", "play {}"),
    "diffusion": ("make images with the network", "sample {}"),
    "gan": ("make images with the network", "sample {}"),
    "language-model": ("write with the network", 'generate {} --prompt "..."'),
}
"""What the networks of some tasks do instead of predicting."""
EXAMPLES = {"audio": "sound.wav", "image": "image.png", "tokens": '--text "..."'}
OF_ANY_LENGTH = ("audio", "tokens")
"""Kinds of samples for which no ONNX files are made."""


def commands(run: Run, summary: Summary) -> list[tuple[str, str]]:
    """List what can be done with a run, each as (purpose, command)."""
    name = argument(summary.folder)
    found = []
    if summary.status not in ("finished", "running"):
        found.append(("resume the run", f"distnet run --resume {name}"))
    if run.saved:
        found += [
            _use(run, name),
            ("evaluate again", f"distnet eval {name}"),
            ("export as safetensors", f"distnet export {name} --format safetensors")
            if run.input_kind in OF_ANY_LENGTH
            else ("export as safetensors and ONNX", f"distnet export {name}"),
        ]
        if summary.better and summary.better.is_kept and not summary.better.is_preferred:
            step = summary.better.step
            found.append(("export the best", f"distnet export {name} --checkpoint {step}"))
    found.append(("draw the report", f"distnet report {name}"))
    if run.folder.tensorboard.is_dir():
        found.append(("see the curves in TensorBoard", f"tensorboard --logdir {name}/tensorboard"))
    return found


def _use(run: Run, name: str) -> tuple[str, str]:
    """What the network is for."""
    task = run.evaluation.task if run.evaluation else ""
    if task in MAKES:
        purpose, words = MAKES[task]
        return purpose, f"distnet {words.format(name)}"
    return "predict with the network", f"distnet predict {name} {_example(run)}"


def _example(run: Run) -> str:
    """What may be predicted."""
    if run.input_kind in EXAMPLES:
        return EXAMPLES[run.input_kind]
    shape = run.plan.get("input_shape")
    return "image.png" if isinstance(shape, list) and len(shape) == 3 else "rows.csv"

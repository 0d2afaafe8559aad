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
        found.append(_go_on(run, name))
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


def _go_on(run: Run, name: str) -> tuple[str, str]:
    """How it goes on: a copy of a server's job is trained there."""
    if run.fetched is not None:
        return "queue the job again", f"distnet retry {argument(run.fetched.job)}"
    return "resume the run", f"distnet run --resume {name}"


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

"""The best evaluation of a run where it is not the last one, and the best of its checkpoints.

Both are found by the records alone: no checkpoint is opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from distnet.errors import JobFileError
from distnet.report.measured import Measured
from distnet.report.run import Run
from distnet.spec.metric import Metric
from distnet.spec.read import read_job_text
from distnet.spec.sections.job import Checkpoint

KEEP_BEST = "checkpoint.keep_best: 1"


@dataclass(frozen=True)
class Best:
    """An evaluation that was better than a later one."""

    epoch: int
    step: int
    best: Measured
    other: Measured
    """The later one: the last of the run, or that of the checkpoint in use."""
    other_step: int
    is_kept: bool | None
    """Whether its checkpoint still exists; None if it is kept where this machine did not look."""
    is_preferred: bool
    """Whether the job keeps the best by this metric: they are used unless another is named."""

    @property
    def text(self) -> str:
        """Both values: `epoch 3 (step 705) was better: test accuracy 95.9% instead of 95.1%`."""
        return (
            f"epoch {self.epoch} (step {self.step:,}) was better: {self.best.name} "
            f"{self.best.text} instead of {self.other.text} at step {self.other_step:,}"
        )

    @property
    def remedy(self) -> str:
        """How to use its weights, or why they cannot be used."""
        option = f"--checkpoint {self.step}"
        if self.is_kept and self.is_preferred:
            return "its checkpoint is kept, and what eval, predict and export use by default"
        if self.is_kept:
            return f"its checkpoint is kept: use it with {option} (export, predict, eval)"
        if self.is_kept is None:
            return (
                f"if its checkpoint is kept, use it with {option}; a job keeps it with {KEEP_BEST}"
            )
        return f"its checkpoint is no longer kept; to keep it, train with {KEEP_BEST}"

    def to_dict(self) -> dict[str, Any]:
        """The best evaluation, for JSON."""
        facts = {"epoch": self.epoch, "step": self.step, "is_kept": self.is_kept}
        return {**facts, "best": self.best.to_dict(), "instead_of": self.other.to_dict()}


def better_than(run: Run, step: int | None = None) -> Best | None:
    """The best evaluation of a run, if it is better than that at `step`; else None.

    Args:
        run: the run.
        step: of an evaluation; by default the last one.
    """
    metric = run.headline
    evaluated = _evaluated(run, metric.name) if metric else {}
    step = next(reversed(evaluated), None) if step is None else step
    if metric is None or step not in evaluated:
        return None
    best = next(iter(evaluated))
    for other, value in evaluated.items():
        # Of equal ones the newest, as of the checkpoints that are kept.
        best = best if metric.is_better(evaluated[best], value) else other
    if not metric.is_better(evaluated[best], evaluated[step]):
        return None
    return Best(
        epoch=next(epoch.epoch for epoch in run.history.epochs if epoch.step == best),
        step=best,
        best=Measured(run.split, metric, evaluated[best]),
        other=Measured(run.split, metric, evaluated[step]),
        other_step=step,
        is_kept=_is_kept(run, best),
        is_preferred=_keeps_best(run, metric),
    )


def best_kept(run: Run, names: Sequence[str]) -> str | None:
    """The best of some checkpoints, as `checkpoint.best_metric` ranks them; of equal ones the last.

    Args:
        run: the run.
        names: of checkpoints, oldest first, as `step-00000938`.

    Returns:
        None if none of them was evaluated.
    """
    spec = _checkpoint(run)
    if spec is None or not run.metrics:
        return None
    spec = spec.ranked(run.metrics)
    steps = {int(name.removeprefix("step-")): name for name in names}
    sign = 1.0 if spec.best_order == "min" else -1.0
    values = [
        (sign * metrics[name], -step)
        for step, metrics in run.history.evaluations(run.split)
        if step in steps and (name := spec.best_metric or "") in metrics
    ]
    return steps[-min(values)[1]] if values else None


def keeps_best(run: Run) -> bool:
    """Whether the job keeps its best checkpoints, which are then used by default."""
    spec = _checkpoint(run)
    return spec is not None and bool(spec.keep_best)


def store_of(run: Run) -> str | None:
    """The store in which the job keeps its checkpoints; None if that is its run folder."""
    spec = _checkpoint(run)
    return None if spec is None else spec.store


def _evaluated(run: Run, name: str) -> dict[int, float]:
    """The headline metric by step, in order."""
    evaluations = run.history.evaluations(run.split)
    return {step: metrics[name] for step, metrics in evaluations if name in metrics}


def _is_kept(run: Run, step: int) -> bool | None:
    name = f"step-{step:08d}"
    if any(saved.rsplit("/", 1)[-1] == name for saved in run.saved):
        return True
    return False if run.outside is None else None


def _keeps_best(run: Run, metric: Metric) -> bool:
    """Whether the job keeps the best checkpoints by this metric."""
    spec = _checkpoint(run)
    if spec is None:
        return False
    return bool(spec.keep_best) and spec.best_metric in (None, metric.name)


def _checkpoint(run: Run) -> Checkpoint | None:
    """What the job says about checkpoints; None if its file cannot be read."""
    try:
        return read_job_text(run.job_text).job.checkpoint
    except JobFileError:
        return None

"""Which of the checkpoints of a run is the best, by its records alone: no checkpoint is opened."""

from collections.abc import Sequence

from distnet.errors import DistnetError
from distnet.report.run import Run
from distnet.spec.read import read_job_text
from distnet.spec.sections.job import Checkpoint


def best_kept(run: Run, names: Sequence[str]) -> str | None:
    """The best of some checkpoints, as `checkpoint.best_metric` ranks them; of equal ones the last.

    Args:
        run: the run.
        names: of checkpoints, oldest first, as `step-00000938`.

    Returns:
        None if none of them was evaluated.
    """
    spec = _spec(run)
    if spec is None or spec.best_metric is None:
        return None
    steps = {int(name.removeprefix("step-")): name for name in names}
    sign = 1.0 if spec.best_order == "min" else -1.0
    values = [
        (sign * metrics[spec.best_metric], -step)
        for step, metrics in run.history.evaluations(run.split)
        if step in steps and spec.best_metric in metrics
    ]
    return steps[-min(values)[1]] if values else None


def keeps_best(run: Run) -> bool:
    """Whether the job keeps its best checkpoints, which are then used by default."""
    spec = _spec(run)
    return spec is not None and bool(spec.keep_best)


def store_of(run: Run) -> str | None:
    """The store in which the job keeps its checkpoints; None if that is its run folder."""
    spec = _spec(run)
    return None if spec is None else spec.store


def _spec(run: Run) -> Checkpoint | None:
    try:
        return read_job_text(run.job_text).job.checkpoint.ranked(run.metrics)
    except DistnetError:  # of another version, or of a run that has declared no metric yet
        return None

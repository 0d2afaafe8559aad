"""The last measurement of a run, on samples by which nothing was chosen while it trained.

It measures the weights that are used from then on: the best ones where the job keeps them
(`checkpoint.keep_best`), else those of the last step.
"""

from dataclasses import dataclass

from distnet.run_folder.workers.heartbeat import Heartbeat, Stage
from distnet.tasks.task import shadows_of
from distnet.train.checkpoint.checkpoint import read_checkpoint, step_of
from distnet.train.checkpoint.home import Home
from distnet.train.checkpoint.retention import ranked_names
from distnet.train.checkpoint.saver import patience_s
from distnet.train.compute.evaluate import Evaluation
from distnet.train.compute.shadows import networks_for
from distnet.train.compute.trainee import Trainee
from distnet.train.exchange.worker_group import WorkerGroup, gather
from distnet.train.resume import load_state


@dataclass(frozen=True)
class Final:
    """What was measured at the end."""

    split: str
    weights_step: int
    """The step after which the weights were as they are measured."""
    evaluation: Evaluation


def measure_at_end(
    trainee: Trainee, group: WorkerGroup, home: Home, step: int, heartbeat: Heartbeat
) -> Final | None:
    """Measure the weights that a run has brought; None where the job names no split for that.

    All workers must call this, after the last checkpoint is written. The trainee is left with the
    weights that were measured.

    Raises:
        CheckpointError: the best checkpoint is damaged.
        StorageError: the store does not respond.
    """
    evaluator, split = trainee.final, trainee.final_split
    if evaluator is None or split is None:
        return None
    heartbeat.at(Stage.EVALUATING, limit_s=patience_s(trainee.job.retry))
    if trainee.job.checkpoint.keep_best:
        step = _take_best(trainee, group, home, step)
    networks = networks_for("evaluation", trainee.networks, shadows_of(trainee.task))
    evaluation = evaluator(networks, heartbeat.stay)
    trainee.flat.network.train()
    heartbeat.pause()
    return Final(split, step, evaluation)


def _take_best(trainee: Trainee, group: WorkerGroup, home: Home, step: int) -> int:
    """Load the best checkpoint, unless the last step is the best; its step."""
    store = home.open_store()
    spec = trainee.job.checkpoint.ranked(trainee.task.metrics)
    # One worker decides, so that all take the same.
    found = gather(group, ranked_names(store, spec)[:1] if group.rank == 0 else [])[0]
    best = step_of(found[0]) if found else step
    if best != step:
        load_state(trainee, read_checkpoint(store, found[0]))
    return best

"""The last measurement of a run, on samples by which nothing was chosen while it trained."""

from dataclasses import dataclass

from distnet.run_folder.heartbeat import Heartbeat
from distnet.tasks.task import shadows_of
from distnet.train.compute.evaluate import Evaluation
from distnet.train.compute.shadows import networks_for
from distnet.train.compute.trainee import Trainee


@dataclass(frozen=True)
class Final:
    """What was measured at the end, and on which split."""

    split: str
    evaluation: Evaluation


def measure_at_end(trainee: Trainee, heartbeat: Heartbeat) -> Final | None:
    """Measure the weights that a run ends with; None where the job names no split for that.

    All workers must call this.
    """
    evaluator, split = trainee.final, trainee.final_split
    if evaluator is None or split is None:
        return None
    networks = networks_for("evaluation", trainee.networks, shadows_of(trainee.task))
    evaluation = evaluator(networks, heartbeat.stay)
    trainee.flat.network.train()
    heartbeat.pause()
    return Final(split, evaluation)

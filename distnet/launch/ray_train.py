"""Train on the workers of Ray Train V2.

    a Ray -> TorchTrainer.fit in a thread -> the outcome of rank 0, or one DistnetError

Ray brings the workers together and tells when one is gone; checkpoints, records and retries are
our own. The main thread waits and answers Ctrl-C, because Ray's own handler aborts at the first.
"""

import os
import threading
from functools import partial
from typing import Any
from uuid import uuid4

from ray.train import FailureConfig, LoggingConfig, RunConfig, ScalingConfig

from distnet.launch.lean_trainer import LeanTrainer
from distnet.launch.planned_stop import planned_stop
from distnet.launch.ray_cluster import Cluster, ray_cluster
from distnet.launch.ray_controller import ProcessGroup
from distnet.launch.ray_failure import as_distnet_error
from distnet.launch.ray_worker import Work, run_worker
from distnet.train.assignment import Assignment
from distnet.train.worker import work

LOOKED_AT_EVERY_S = 0.1
FORWARDED = ("GLOO_", "NCCL_", "TORCH_DISTRIBUTED_", "TORCH_NCCL_", "DISTNET_")


def train_on_ray(
    assignment: Assignment,
    *,
    workers: int,
    cpus: int,
    gpus: int,
    address: str | None = None,
    function: Work = work,
) -> dict[str, Any]:
    """Run one attempt on `workers` processes of Ray.

    The first Ctrl-C or SIGTERM asks for a planned stop, the second ends everything at once. No
    process and no temporary file is left behind, whatever the end.

    Args:
        assignment: the attempt.
        workers: how many.
        cpus: cores a worker.
        gpus: GPUs a worker, 0 or 1.
        address: of a Ray cluster, or `auto`; by default RAY_ADDRESS, else one is started.
        function: what each worker does.

    Returns:
        What `function` returned on rank 0.

    Raises:
        NotEnoughResourcesError: there is no room for the workers, or no Ray.
        DistnetError: what a worker raised.
        WorkerFailedError: a worker died.
        KeyboardInterrupt: a second signal came.
    """
    folder = assignment.folder
    with ray_cluster(address, workers=workers, cpus=cpus, gpus=gpus) as cluster:
        trainer = LeanTrainer(
            # Bound, not as `train_loop_config`: the controller reads that, and would import torch.
            partial(run_worker, function, assignment),
            torch_config=ProcessGroup(str(folder.path), "nccl" if gpus else "gloo"),
            scaling_config=ScalingConfig(
                num_workers=workers,
                use_gpu=gpus > 0,
                resources_per_worker={"CPU": cpus, **({"GPU": gpus} if gpus else {})},
            ),
            run_config=_run_config(assignment, cluster),
            is_alone=cluster.is_ours,
        )
        fit = Fit(trainer)
        with planned_stop(folder.stop):
            fit.start()
            while fit.is_alive():
                fit.join(LOOKED_AT_EVERY_S)  # not for ever: a signal is answered in between
    if fit.error is not None:
        raise as_distnet_error(fit.error, folder) from fit.error
    return fit.outcome


class Fit(threading.Thread):
    """Calls `fit`, and keeps what came of it."""

    def __init__(self, trainer: LeanTrainer) -> None:
        super().__init__(name="fit", daemon=True)  # must not keep an aborted process alive
        self.outcome: dict[str, Any] = {}
        self.error: BaseException | None = None
        self._trainer = trainer

    def run(self) -> None:
        """Wait until Ray Train has ended."""
        try:
            self.outcome = self._trainer.fit().return_value
        except BaseException as error:  # nothing may end this thread without being told
            self.error = error


def _run_config(assignment: Assignment, cluster: Cluster) -> RunConfig:
    # Ray resumes a name that it knows, hence a new one each time.
    name = f"{assignment.folder.name}-{assignment.attempt}-{uuid4().hex[:8]}"
    forwarded = {k: v for k, v in os.environ.items() if k.startswith(FORWARDED)}
    return RunConfig(
        name=name,
        storage_path=str(cluster.scratch / "train"),
        failure_config=FailureConfig(
            max_failures=0, controller_failure_limit=0, max_preemption_failures=0
        ),
        worker_runtime_env={"env_vars": forwarded},
        logging_config=LoggingConfig(log_level="WARNING"),
    )

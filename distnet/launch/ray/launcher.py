"""Train on the workers of Ray Train V2.

    a Ray -> TorchTrainer.fit in a thread -> the outcome of rank 0, or one DistnetError

Ray brings the workers together and tells when one is gone; checkpoints, records and retries are
our own. The main thread waits and answers Ctrl-C, because Ray's own handler aborts at the first.
"""

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import ray
from ray.exceptions import RayError
from ray.train import FailureConfig, LoggingConfig, RunConfig, ScalingConfig

from distnet.errors import HangError, NotEnoughResourcesError, WorkerFailedError
from distnet.launch.launcher import Look
from distnet.launch.placement import ANYWHERE, Placement
from distnet.launch.ray import capacity
from distnet.launch.ray.cluster import Cluster, ray_cluster
from distnet.launch.ray.controller import LeanTrainer, ProcessGroup
from distnet.launch.ray.end import end_workers
from distnet.launch.ray.failure import as_distnet_error
from distnet.launch.ray.worker import Work, run_worker
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.paths import RunFolder
from distnet.train.worker import work

LOOKED_AT_EVERY_S = 0.1
RAY_LOOKED_AT_EVERY_S = 1.0
HANGING_END_S = 15.0
LOST_END_S = 5.0
NODE = "ray.io/node-id"
"""The label by which Ray finds a node."""
FORWARDED = ("GLOO_", "NCCL_", "TORCH_DISTRIBUTED_", "TORCH_NCCL_", "DISTNET_")


class RayLauncher:
    """Makes attempts on one Ray, which is started or reached when it is first needed.

    No process and no temporary file is left behind when it is closed, whatever the end.

    Args:
        address: of a Ray cluster, or `auto`; by default RAY_ADDRESS, else one is started.
        most: the workers that there may ever be.
        cpus: cores a worker.
        gpus: GPUs a worker, 0 or 1.
        placement: where a server lets the workers be; by default wherever there is room.
        function: what each worker does.
    """

    def __init__(
        self,
        *,
        most: int,
        cpus: int,
        gpus: int,
        address: str | None = None,
        placement: Placement | None = None,
        function: Work = work,
    ) -> None:
        self._address, self._most, self._cpus, self._gpus = address, most, cpus, gpus
        self._placement, self._function = placement, function
        self._stack = ExitStack()
        self._cluster: Cluster | None = None
        self._was_open = False

    def close(self) -> None:
        """Let go of the Ray: the next attempt starts or reaches it anew."""
        self._cluster = None
        self._stack.close()

    @property
    def is_shared(self) -> bool:
        """Whether the Ray was there before."""
        return not self._open().is_ours

    @property
    def is_given(self) -> bool:
        """Whether a server gave the room."""
        return self._placement is not None

    def room(self) -> int:
        """How many workers there could be if nobody else used the machines."""
        if self.is_shared:
            with self._answering():
                self._note_draining()
                return capacity.count_room(self._cpus, self._gpus, self._nodes)
        by_cpu = max(1, (os.cpu_count() or 1) // self._cpus)
        return min(by_cpu, capacity.count_gpus() // self._gpus) if self._gpus else by_cpu

    def free_workers(self) -> int:
        """How many workers more would fit now; a Ray of our own does not grow by itself."""
        if not self.is_shared:
            return 0
        with self._answering():
            return capacity.count_free(self._cpus, self._gpus, self._nodes)

    def describe_room(self, workers: int) -> str:
        """What is missing for so many workers."""
        size = {"workers": workers, "cpus": self._cpus, "gpus": self._gpus}
        address = self._open().address
        with self._answering():
            return capacity.describe_room(address, **size, placement=self._nodes)

    def is_home_draining(self) -> bool:
        """Whether the node of this process is about to be taken away."""
        if not self.is_shared:
            return False
        with self._answering():
            return capacity.is_home_draining()

    def is_draining(self, folder: RunFolder, workers: int) -> bool:
        """Whether a node with one of the workers is about to be taken away."""
        if not self.is_shared:
            return False
        with self._answering():
            self._note_draining()
            return capacity.is_draining(folder, workers)

    def train(self, assignment: Assignment, workers: int, look: Look) -> dict[str, Any]:
        """Run one attempt on `workers` processes; returns what the function returned on rank 0.

        Args:
            assignment: the attempt.
            workers: how many.
            look: called a few times a second; what it raises ends the attempt.

        Raises:
            DistnetError: what a worker raised, or `look`.
            WorkerFailedError: a worker died.
            KeyboardInterrupt: a second signal came.
        """
        if not self.is_shared:
            capacity.require_gpus(workers * self._gpus)
        fit, cluster = Fit(self._trainer(assignment, workers)), self._open()
        fit.start()
        looked = time.monotonic()
        try:
            while fit.is_alive():
                fit.join(LOOKED_AT_EVERY_S)  # not for ever: a signal is answered in between
                if time.monotonic() - looked > RAY_LOOKED_AT_EVERY_S:
                    cluster.require_alive()
                    looked = time.monotonic()
                look()
        except WorkerFailedError:
            self.close()
            fit.join(LOST_END_S)  # what it still asks of Ray must not reach the next one
            raise
        except HangError:
            end_workers(assignment.folder, assignment.attempt)
            fit.join(HANGING_END_S)
            if fit.is_alive():  # what does not end must not hold the room of the next attempt
                self.close()
            raise
        if fit.error is not None:
            error = as_distnet_error(fit.error, assignment.folder)
            self._mend()
            raise error from fit.error
        return fit.outcome

    def _mend(self) -> None:
        """Leave a Ray on which the next attempt can be made, or none: it will get a new one."""
        try:
            if not any(node["Alive"] for node in ray.nodes()):
                self.close()
            elif not self.is_shared:
                capacity.free_groups()
        except (RayError, OSError, RuntimeError):
            self.close()

    def _open(self) -> Cluster:
        if self._cluster is None:
            size = {"workers": self._most, "cpus": self._cpus, "gpus": self._gpus}
            try:
                self._cluster = self._stack.enter_context(ray_cluster(self._address, **size))
            except NotEnoughResourcesError as error:
                if self._was_open or self.is_given:  # it is there, so the user is not to blame
                    raise WorkerFailedError(str(error)) from None
                raise
            self._was_open = True
        return self._cluster

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Let go of a Ray that does not answer any more.

        Raises:
            WorkerFailedError: it does not.
        """
        try:
            yield
        except (RayError, OSError, RuntimeError) as error:
            self.close()
            raise WorkerFailedError(f"Ray itself does not answer: {error}") from None

    def _note_draining(self) -> None:
        if self._placement is not None:
            self._placement.draining = capacity.draining_nodes()

    @property
    def _nodes(self) -> Mapping[str, int]:
        return self._placement.nodes if self._placement is not None else ANYWHERE

    def _trainer(self, assignment: Assignment, workers: int) -> LeanTrainer:
        cluster, cpus, gpus = self._open(), self._cpus, self._gpus
        return LeanTrainer(
            # Bound, not as `train_loop_config`: the controller reads that, and would import torch.
            partial(run_worker, self._function, assignment),
            torch_config=ProcessGroup(assignment.run, "nccl" if gpus else "gloo"),
            scaling_config=ScalingConfig(
                num_workers=workers,
                use_gpu=gpus > 0,
                resources_per_worker={"CPU": cpus, **({"GPU": gpus} if gpus else {})},
                label_selector=self._selectors(workers),
            ),
            run_config=_run_config(assignment, cluster),
            is_alone=cluster.is_ours,
        )

    def _selectors(self, workers: int) -> list[dict[str, str]] | None:
        """What Ray is told of the node of each worker; None leaves it the choice."""
        if not self._nodes:
            return None
        with self._answering():
            chosen = capacity.choose_nodes(workers, self._cpus, self._gpus, self._nodes)
        return [{NODE: node} for node in chosen]


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

"""Train on the workers of Ray Train V2.

    a Ray -> TorchTrainer.fit in a thread -> the outcome of rank 0, or one DistnetError

Ray starts the workers and notices when one is gone; checkpoints, records and retries are our own.
The main thread waits and handles Ctrl-C, because Ray's own handler aborts at the first.
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
from distnet.launch.launcher import Poll
from distnet.launch.placement import ANYWHERE, Placement
from distnet.launch.ray import capacity
from distnet.launch.ray.capacity import Needs
from distnet.launch.ray.cluster import Cluster, ray_cluster
from distnet.launch.ray.controller import LeanTrainer, ProcessGroup
from distnet.launch.ray.end import end_workers
from distnet.launch.ray.failure import as_distnet_error
from distnet.launch.ray.forwarded import forwarded
from distnet.launch.ray.relay.described import folders_of
from distnet.launch.ray.relay.leftover import fetch_leftovers
from distnet.launch.ray.worker import Work, run_worker
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.paths import RunFolder
from distnet.spec.selector import Selector
from distnet.train.device.device import GPU_BACKEND, count_gpus, require_gpus
from distnet.train.worker import work

POLL_S = 0.1
RAY_POLL_S = 1.0
HANG_END_TIMEOUT_S = 15.0
LOST_END_TIMEOUT_S = 5.0
NO_VARIABLES: Mapping[str, str] = {}
NODE = "ray.io/node-id"
"""The label by which Ray selects a node."""


class RayLauncher:
    """Makes attempts on one Ray, which is started or connected to when it is first needed.

    Closing it leaves no process and no temporary file behind, however the attempts ended.

    Args:
        address: of a Ray cluster, or `auto`; by default RAY_ADDRESS, else one is started.
        most: the maximum of workers.
        cpus: cores per worker.
        gpus: GPUs per worker, 0 or 1.
        selector: the nodes of a shared Ray that workers may use; None: any.
        placement: where a server lets the workers be; by default on any node.
        variables: added to the environment of the workers.
        function: what each worker does.
    """

    def __init__(
        self,
        *,
        most: int,
        cpus: int,
        gpus: int,
        selector: Selector | None = None,
        address: str | None = None,
        placement: Placement | None = None,
        variables: Mapping[str, str] = NO_VARIABLES,
        function: Work = work,
    ) -> None:
        self._address, self._most, self._cpus, self._gpus = address, most, cpus, gpus
        self._needs = Needs(cpus, gpus, selector)
        self._placement, self._function = placement, function
        self._variables = variables
        self._stack = ExitStack()
        self._cluster: Cluster | None = None
        self._was_open = False

    def close(self) -> None:
        """Release the Ray: the next attempt starts or connects to it anew."""
        self._cluster = None
        self._stack.close()

    @property
    def is_shared(self) -> bool:
        """Whether the Ray was running before."""
        return not self._open().is_private

    @property
    def has_placement(self) -> bool:
        """Whether a server allocated the resources."""
        return self._placement is not None

    def capacity(self) -> int:
        """How many workers would fit if nobody else used the machines."""
        if self.is_shared:
            with self._responding():
                self._note_draining()
                return capacity.count_capacity(self._needs, self._nodes)
        by_cpu = max(1, (os.cpu_count() or 1) // self._cpus)
        return min(by_cpu, count_gpus() // self._gpus) if self._gpus else by_cpu

    def free_workers(self) -> int:
        """How many more workers would fit now; a private Ray does not grow by itself."""
        if not self.is_shared:
            return 0
        with self._responding():
            return capacity.count_free(self._needs, self._nodes)

    def describe_shortage(self, workers: int) -> str:
        """Say what is missing for this many workers, and what to do."""
        address = self._open().address
        with self._responding():
            return capacity.describe_shortage(
                address, workers=workers, needs=self._needs, placement=self._nodes
            )

    def is_home_draining(self) -> bool:
        """Whether the node of this process is being drained."""
        if not self.is_shared:
            return False
        with self._responding():
            return capacity.is_home_draining()

    def is_draining(self, folder: RunFolder, workers: int) -> bool:
        """Whether a node with one of the workers is being drained."""
        if not self.is_shared:
            return False
        with self._responding():
            self._note_draining()
            return capacity.is_draining(folder, workers)

    def train(self, assignment: Assignment, workers: int, poll: Poll) -> dict[str, Any]:
        """Run one attempt on `workers` processes; returns what the function returned on rank 0.

        Args:
            assignment: the attempt.
            workers: how many.
            poll: called a few times a second; what it raises ends the attempt.

        Raises:
            DistnetError: what a worker raised, or `poll`.
            WorkerFailedError: a worker died.
            KeyboardInterrupt: a second signal came.
        """
        if not self.is_shared:
            require_gpus(workers * self._gpus)
        fit, cluster = Fit(self._trainer(assignment, workers)), self._open()
        fit.start()
        polled = time.monotonic()
        try:
            while fit.is_alive():
                fit.join(POLL_S)  # not forever, so that signals are handled
                if time.monotonic() - polled > RAY_POLL_S:
                    cluster.require_alive()
                    polled = time.monotonic()
                poll()
        except WorkerFailedError:
            self.close()
            fit.join(LOST_END_TIMEOUT_S)  # its last calls must not reach the next Ray
            raise
        except HangError:
            end_workers(assignment.folder, assignment.attempt)
            fetch_leftovers(assignment.folder, workers)
            fit.join(HANG_END_TIMEOUT_S)
            if fit.is_alive():  # it must not hold the resources of the next attempt
                self.close()
            raise
        if fit.error is not None:
            fetch_leftovers(assignment.folder, workers)
            error = as_distnet_error(fit.error, assignment.folder)
            self._mend()
            raise error from fit.error
        return fit.outcome

    def _mend(self) -> None:
        """Leave a Ray that the next attempt can use, or none: then it starts a new one."""
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
                if self._was_open or self.has_placement:  # it existed, so the user is not to blame
                    raise WorkerFailedError(str(error)) from None
                raise
            self._was_open = True
        return self._cluster

    @contextmanager
    def _responding(self) -> Iterator[None]:
        """Release a Ray that no longer responds.

        Raises:
            WorkerFailedError: it does not respond.
        """
        try:
            yield
        except (RayError, OSError, RuntimeError) as error:
            self.close()
            raise WorkerFailedError(f"Ray itself does not respond: {error}") from None

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
            backend_config=ProcessGroup(folders_of(assignment), GPU_BACKEND if gpus else "gloo"),
            scaling_config=ScalingConfig(
                num_workers=workers,
                use_gpu=gpus > 0,
                resources_per_worker={"CPU": cpus, **({"GPU": gpus} if gpus else {})},
                label_selector=self._selectors(workers),
            ),
            run_config=_run_config(
                assignment, cluster, {**forwarded(os.environ), **self._variables}
            ),
            is_private=cluster.is_private,
        )

    def _selectors(self, workers: int) -> list[dict[str, str]] | None:
        """The label of each worker's node, for Ray; None leaves the choice to Ray."""
        is_selective = self._needs.selector is not None and self.is_shared
        if not self._nodes and not is_selective:
            return None
        with self._responding():
            chosen = capacity.choose_nodes(workers, self._needs, self._nodes)
        return [{NODE: node} for node in chosen]


class Fit(threading.Thread):
    """Calls `fit`, and keeps its outcome or error."""

    def __init__(self, trainer: LeanTrainer) -> None:
        super().__init__(name="fit", daemon=True)  # must not keep an aborted process alive
        self.outcome: dict[str, Any] = {}
        self.error: BaseException | None = None
        self._trainer = trainer

    def run(self) -> None:
        """Wait until Ray Train has ended."""
        try:
            self.outcome = self._trainer.fit().return_value
        except BaseException as error:  # nothing may end this thread unreported
            self.error = error


def _run_config(
    assignment: Assignment, cluster: Cluster, variables: Mapping[str, str]
) -> RunConfig:
    # Ray resumes a name that it knows, so every attempt has a new one.
    name = f"{assignment.folder.name}-{assignment.attempt}-{uuid4().hex[:8]}"
    return RunConfig(
        name=name,
        storage_path=str(cluster.scratch / "train"),
        failure_config=FailureConfig(
            max_failures=0, controller_failure_limit=0, max_preemption_failures=0
        ),
        worker_runtime_env={"env_vars": dict(variables)},
        logging_config=LoggingConfig(log_level="WARNING"),
    )

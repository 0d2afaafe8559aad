"""A second network, built anew: it computes a slice as a worker would that has just been resumed.

It has the weights, buffers and extra state of the one that trains, and nothing else of its past. So
a network that keeps anything elsewhere computes other bits.
"""

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO

from distnet.spec.code.importer import PREFIX, loaded_packages
from distnet.tasks.per_sample import PerSample
from distnet.tasks.task import NETWORK, Networks, Task, players_of
from distnet.train.checkpoint.extra_state import set_extra_states
from distnet.train.compute.flat import FlatNetwork
from distnet.train.compute.parts import build_network, build_task
from distnet.train.compute.slice_gradient import SliceGradient
from distnet.train.compute.trainee import Trainee

MOST_BYTES = 256_000_000
"""A network with more than that is not built twice, to save memory."""


@dataclass(frozen=True)
class Witness:
    """The second network."""

    gradient: SliceGradient
    networks: Networks
    task: Task


class Builder:
    """Builds second networks, while the user's files are those that were loaded.

    A large network is not built twice, to save memory. A feed with a state may share objects with
    the task that made it, so there is no second task beside it.
    """

    def __init__(self, trainee: Trainee) -> None:
        self._trainee = trainee
        task = trainee.task.task if isinstance(trainee.task, PerSample) else trainee.task
        modules = {type(part).__module__ for part in (trainee.flat.network, task)}
        names = {name.partition(".")[0] for name in modules if name.startswith(PREFIX)}
        self._packages = [package for package in loaded_packages() if package.name in names]

    @property
    def may_build(self) -> bool:
        """Whether a second network is worth it: one of the user's own that is not large."""
        tensors = self._trainee.flat.weights().values()
        is_small = sum(tensor.nbytes for tensor in tensors) <= MOST_BYTES
        return bool(self._packages) and is_small and not self._trainee.feed.has_state

    def build(self, extra: Mapping[str, bytes]) -> Witness | None:
        """Build network and task anew; None where that cannot be done.

        Args:
            extra: the extra state of its modules.
        """
        is_current = all(package.is_current() for package in self._packages)
        if not self.may_build or not is_current:
            return None
        self._trainee.gradient.reset_buffers()
        return _build(self._trainee, extra)


def _build(trainee: Trainee, extra: Mapping[str, bytes]) -> Witness | None:
    flat, job, folder = trainee.flat, trainee.job, trainee.folder
    own_modules = {name: module for name, module in sys.modules.items() if name.startswith(PREFIX)}
    try:
        with redirect_stdout(StringIO()):  # a constructor may print, and has done so already
            task = build_task(job, trainee.data, folder)
            network = build_network(job, task, folder).train()
        twin = FlatNetwork(network, str(flat.vector.device), players_of(task))
        twin.load(flat.weights())
        set_extra_states(twin.network, extra)
    except Exception:  # whatever a constructor raises that is called twice
        return None
    finally:
        sys.modules.update(own_modules)  # reading a user's file again has replaced its module
    networks = {**trainee.networks, NETWORK: twin.network}
    return Witness(trainee.gradient.twin(twin, networks, task), networks, task)

"""A second network, built anew: it computes a slice as a worker would that has just been resumed.

It has the weights, buffers and extra state of the one that trains, and nothing else of its past. So
a network that keeps anything elsewhere computes other bits.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO

from distnet.spec.code.fresh import FreshModules, own_modules
from distnet.spec.code.importer import packages_of
from distnet.tasks.checked import unwrapped
from distnet.tasks.task import NETWORK, players_of
from distnet.train.checkpoint.extra_state import set_extra_states
from distnet.train.compute.parts import build_network, build_task
from distnet.train.compute.slice_gradient import SliceGradient
from distnet.train.compute.trainee import Trainee
from distnet.train.device.arithmetic import settings_kept
from distnet.train.inventory.flat import FlatNetwork
from distnet.train.step.plain_state import OwnParts

MOST_BYTES = 256_000_000
"""A network with more than that is not built twice, to save memory."""


@dataclass(frozen=True)
class Witness:
    """The second network."""

    gradient: SliceGradient
    _parts: OwnParts
    _fresh: FreshModules

    @property
    def own(self) -> OwnParts:
        """What computes its slices."""
        return OwnParts(self._parts.networks, self._parts.task, self._fresh.modules)

    @contextmanager
    def used(self) -> Iterator[None]:
        """Use its own modules, and print nothing a second time."""
        with self._fresh.used(), redirect_stdout(StringIO()):
            yield


class Builder:
    """Builds second networks, while the user's files are those that were loaded.

    A large network is not built twice, to save memory. A feed with a state may share objects with
    the task that made it, so there is no second task beside it.
    """

    def __init__(self, trainee: Trainee) -> None:
        self._trainee = trainee
        self._packages = packages_of(trainee.flat.network, unwrapped(trainee.task))

    @property
    def may_build(self) -> bool:
        """Whether a second network is worth it: one of the user's own that is not large."""
        tensors = self._trainee.flat.weights().values()
        is_small = sum(tensor.nbytes for tensor in tensors) <= MOST_BYTES
        return self.is_own and is_small and not self._trainee.feed.has_state

    @property
    def is_own(self) -> bool:
        """Whether network or task are a user's own."""
        return bool(self._packages)

    @property
    def own(self) -> OwnParts:
        """What trains."""
        trainee = self._trainee
        return OwnParts(trainee.networks, trainee.task, own_modules(self._packages))

    def build(self, extra: Mapping[str, bytes]) -> Witness | None:
        """Build network and task anew; None where that cannot be done.

        Args:
            extra: the extra state of its modules.
        """
        is_current = all(package.is_current() for package in self._packages)
        if not self.may_build or not is_current:
            return None
        self._trainee.gradient.reset_buffers()
        try:
            return self._built(extra)
        except Exception:  # whatever a constructor raises that is called twice
            return None

    def _built(self, extra: Mapping[str, bytes]) -> Witness:
        trainee, flat = self._trainee, self._trainee.flat
        fresh = FreshModules(self._packages)
        with ExitStack() as stack:
            stack.enter_context(fresh.used())
            stack.enter_context(redirect_stdout(StringIO()))  # a constructor has printed already
            stack.enter_context(settings_kept())  # a file may set them for the whole process
            task = build_task(trainee.job, trainee.data, trainee.folder)
            network = build_network(trainee.job, task, trainee.folder).train()
            twin = FlatNetwork(network, str(flat.vector.device), players_of(task))
            twin.load(flat.weights())
            set_extra_states(twin.network, extra)
        networks = {**trainee.networks, NETWORK: twin.network}
        gradient = trainee.gradient.twin(twin, networks, task)
        return Witness(gradient, OwnParts(networks, task, ()), fresh)

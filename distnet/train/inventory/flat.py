"""All trainable parameters of a network as one vector.

The network's own tensors become views of this vector, so the optimizer, the sum and the checkpoint
are a few large operations, whatever the number of layers. The parameters of one player are
adjacent, so a player is a stretch of the vector. Tensors that share a parameter's memory go on
sharing it: they become views of the vector, too.
"""

import hashlib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from distnet.errors import CheckpointError, NetworkError
from distnet.tasks.task import ONE_PLAYER
from distnet.train.checkpoint.safetensors_file import raw_bytes
from distnet.train.compute.player import Player, Tie, owned_names
from distnet.train.inventory.buffers import Buffers
from distnet.train.inventory.inventory import Inventory
from distnet.train.inventory.requirements import CONSTRAIN
from distnet.train.inventory.ties import View


class FlatNetwork:
    """A network whose trainable parameters are one vector.

    Args:
        network: the network; it is moved to `device`.
        device: where it computes.
        players: the name pattern of each player's parameters and buffers.
        views: the tensors that share memory with a parameter; by default those found. A copy of a
            network has lost them.

    Raises:
        UnknownPartError: a tensor can be neither trained nor saved, shares memory in a way that
            cannot be kept, or a parameter has no player or two.
    """

    def __init__(
        self,
        network: nn.Module,
        device: str = "cpu",
        players: Mapping[str, str] = ONE_PLAYER,
        views: Sequence[View] | None = None,
    ) -> None:
        self.inventory = Inventory(network, device)
        self.views = self.inventory.views() if views is None else views
        tied = frozenset(view.name for view in self.views)
        self.inventory.own_memory(tied)
        self.network = network.to(device)
        self.patterns = players
        self._trained = self.inventory.trained()
        owned = owned_names(self.inventory, players, self.views)
        self._names = [name for names in owned.values() for name in names]
        parameters = [self._trained[name] for name in self._names]
        self._shapes = [parameter.shape for parameter in parameters]
        self.vector = torch.cat([p.detach().reshape(-1) for p in parameters])
        for parameter, piece in zip(parameters, self._pieces(), strict=True):
            parameter.data = piece.view(parameter.shape)
        for view in self.views:
            self.inventory.put(view, self._trained[view.base].data)
        self.buffers = Buffers(self.inventory.buffers(without=tied))
        sizes = [sum(self._trained[n].numel() for n in names) for names in owned.values()]
        stretches = torch.split(self.vector, sizes)
        self.players = {
            name: Player(
                name,
                [self._trained[each] for each in owned[name]],
                [self._all_names(each) for each in owned[name]],
                self._ties(owned[name]),
                stretch,
                Buffers(self.inventory.buffers(pattern, tied)),
            )
            for (name, pattern), stretch in zip(players.items(), stretches, strict=True)
        }

    @property
    def num_parameters(self) -> int:
        """Numbers in all trainable parameters; memory that several share counts once."""
        return self.vector.numel()

    @property
    def num_frozen(self) -> int:
        """Numbers in all parameters that are not trained."""
        tied = {view.name for view in self.views}
        frozen = (e for e in self.inventory.unique.values() if e.kind == "frozen parameter")
        return sum(entry.tensor.numel() for entry in frozen if entry.name not in tied)

    def stretches(self, pattern: str) -> list[Tensor]:
        """The pieces of the vector of all parameters one of whose names matches."""
        pairs = zip(self._names, self._pieces(), strict=True)
        return [
            piece
            for name, piece in pairs
            if any(fnmatchcase(each, pattern) for each in self._all_names(name))
        ]

    def weights(self) -> dict[str, Tensor]:
        """Parameters and buffers by their names: views, which change while training continues."""
        return self.inventory.named()

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Set parameters and buffers by their names.

        Raises:
            CheckpointError: names or shapes are not this network's.
        """
        own = self.inventory.named()
        wrong = sorted(own.keys() ^ weights.keys())
        wrong += [n for n in own.keys() & weights.keys() if own[n].shape != weights[n].shape]
        if wrong:
            raise CheckpointError(
                f"the checkpoint is of another network: {', '.join(wrong[:3])} differ in name or "
                "shape; use the job file, and the network's own file, that the run started with"
            )
        for view in self.views:
            if view.name in weights:
                _require_tied(view, weights)
        tied = {view.name for view in self.views}
        with torch.no_grad():
            for name, tensor in own.items():
                if name not in tied:
                    tensor.copy_(weights[name])

    def require_unchanged(self) -> None:
        """Refuse a network that holds other tensors, or other memory, than when training began.

        Raises:
            NetworkError: it does: what is new would be neither trained nor saved.
        """
        self.inventory.require_unchanged()
        now = self.inventory.named()
        expected = {
            name: piece.view(shape)
            for name, piece, shape in zip(self._names, self._pieces(), self._shapes, strict=True)
        }
        expected |= {view.name: view.of(expected[view.base]) for view in self.views}
        for name in expected.keys() & now.keys():
            if not _is_same_memory(now[name], expected[name]):
                raise NetworkError(
                    f"network: {name} was replaced by another tensor during training, so it "
                    f"would no longer be trained; {CONSTRAIN}"
                )

    def _ties(self, names: list[str]) -> list[Tie]:
        """The trained parameters that are views of these."""
        return [
            (names.index(view.base), self._trained[view.name], view)
            for view in self.views
            if view.base in names and view.name in self._trained
        ]

    def _all_names(self, name: str) -> list[str]:
        """The names of a parameter, and of what shares its memory."""
        tied = [view.name for view in self.views if view.base == name]
        return [*self.inventory.names_of(self._trained[name]), *tied]

    def _pieces(self) -> tuple[Tensor, ...]:
        return torch.split(self.vector, [shape.numel() for shape in self._shapes])


def weights_sha256(network: nn.Module) -> str:
    """The identity of the weights: raw bytes of all parameters in the order of their names."""
    digest = hashlib.sha256()
    for _, parameter in sorted(network.named_parameters()):
        digest.update(raw_bytes(parameter))
    return digest.hexdigest()


def state_sha256(flat: FlatNetwork) -> str:
    """The identity of all that a checkpoint holds of a network: parameters and buffers."""
    digest = hashlib.sha256()
    for _, tensor in sorted(flat.weights().items()):
        digest.update(raw_bytes(tensor))
    return digest.hexdigest()


def _is_same_memory(one: Tensor, other: Tensor) -> bool:
    if not (one.numel() or other.numel()):
        return True
    facts = [(tensor.data_ptr(), tensor.shape, tensor.stride()) for tensor in (one, other)]
    return facts[0] == facts[1]


def _require_tied(view: View, weights: Mapping[str, Tensor]) -> None:
    """Refuse weights that differ where the network has one memory for both."""
    base, tied = weights[view.base].contiguous(), weights[view.name]
    if not torch.allclose(view.of(base), tied, rtol=0, atol=0, equal_nan=True):
        raise CheckpointError(
            f"the checkpoint has unlike values for {view.base} and {view.name}, which share memory "
            "in this network: an earlier version of distnet trained them apart. Start a new run, "
            "or give each its own memory with tensor.clone() to use this checkpoint as it is"
        )

"""All trainable parameters of a network as one vector.

The network's own tensors become views of this vector, so the optimizer, the sum and the checkpoint
are a few large operations, whatever the number of layers. The parameters of one player are
adjacent, so a player is a stretch of the vector.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from distnet.errors import CheckpointError, TrainingError, UnknownPartError
from distnet.tasks.task import ONE_PLAYER
from distnet.train.compute.buffers import Buffers


@dataclass(frozen=True)
class Player:
    """The parameters that one optimizer moves.

    Letters: P numbers in its parameters.
    """

    name: str
    parameters: list[nn.Parameter]
    vector: Tensor
    """[P]: its stretch of the network's vector."""
    decayed: Tensor
    """[P]: 1 where weight decay applies (weights of two or more dimensions), else 0."""
    buffers: Buffers
    """Those that its phases move."""

    @property
    def num_parameters(self) -> int:
        """P."""
        return self.vector.numel()


class FlatNetwork:
    """A network whose trainable parameters are one vector.

    Args:
        network: the network; it is moved to `device`.
        device: where it computes.
        players: the name pattern of each player's parameters and buffers.

    Raises:
        UnknownPartError: a parameter is not of fp32, has no shape yet, or has no player or two.
    """

    def __init__(
        self, network: nn.Module, device: str = "cpu", players: Mapping[str, str] = ONE_PLAYER
    ) -> None:
        refuse_other_types(network)
        self.network = network.to(device)
        self.patterns = players
        owned = _owned_parameters(network, players)
        self.parameters = [p for of_player in owned.values() for p in of_player]
        self.vector = torch.cat([p.detach().reshape(-1) for p in self.parameters])
        for parameter, piece in zip(self.parameters, self._pieces(), strict=True):
            parameter.data = piece.view(parameter.shape)
        self.buffers = Buffers(network)
        sizes = [sum(p.numel() for p in of_player) for of_player in owned.values()]
        stretches = torch.split(self.vector, sizes)
        self.players = {
            name: Player(
                name,
                owned[name],
                stretch,
                _decayed(owned[name]).to(device),
                Buffers(network, pattern),
            )
            for (name, pattern), stretch in zip(players.items(), stretches, strict=True)
        }

    @property
    def num_parameters(self) -> int:
        """Numbers in all trainable parameters."""
        return self.vector.numel()

    def stretches(self, pattern: str) -> list[Tensor]:
        """The pieces of the vector of all parameters whose name matches."""
        names = {id(p): name for name, p in self.network.named_parameters()}
        pairs = zip(self.parameters, self._pieces(), strict=True)
        return [piece for p, piece in pairs if fnmatchcase(names[id(p)], pattern)]

    def weights(self) -> dict[str, Tensor]:
        """Parameters and buffers by their names: views, which change while training continues."""
        return {name: tensor.detach() for name, tensor in self._named().items()}

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Set parameters and buffers by their names.

        Raises:
            CheckpointError: names or shapes are not this network's.
        """
        own = self._named()
        wrong = sorted(own.keys() ^ weights.keys())
        wrong += [n for n in own.keys() & weights.keys() if own[n].shape != weights[n].shape]
        if wrong:
            raise CheckpointError(
                f"the checkpoint is of another network: {', '.join(wrong[:3])} differ in name or "
                "shape; use the job file, and the network's own file, that the run started with"
            )
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(weights[name])

    def require_views(self) -> None:
        """Refuse a network that has replaced the memory of a parameter.

        Raises:
            TrainingError: it did; the optimizer would no longer update that parameter.
        """
        for parameter, piece in zip(self.parameters, self._pieces(), strict=True):
            if parameter.numel() and parameter.data_ptr() != piece.data_ptr():
                names = [n for n, p in self.network.named_parameters() if p is parameter]
                raise TrainingError(
                    f"network: {names[0]} was replaced by another tensor during training, so it "
                    "would no longer be trained; change it in place, as in weight.data.clamp_(...)"
                )

    def _named(self) -> dict[str, Tensor]:
        """Parameters and buffers, also those that are no part of the state_dict."""
        return {
            **dict(self.network.named_parameters(remove_duplicate=False)),
            **dict(self.network.named_buffers(remove_duplicate=False)),
        }

    def _pieces(self) -> tuple[Tensor, ...]:
        return torch.split(self.vector, [p.numel() for p in self.parameters])


def refuse_other_types(network: nn.Module) -> None:
    """Refuse parameters that cannot be part of one fp32 vector.

    Raises:
        UnknownPartError: one is of another type, or has no shape yet.
    """
    for name, parameter in network.named_parameters():
        if nn.parameter.is_lazy(parameter):
            raise UnknownPartError(
                f"network: found the lazy parameter {name}, expected one with a shape: "
                "name the layer's inputs"
            )
        if parameter.requires_grad and parameter.dtype != torch.float32:
            raise UnknownPartError(
                f"network: found {name} of {parameter.dtype}, expected torch.float32; "
                "for bf16 arithmetic set train.precision"
            )


def weights_sha256(network: nn.Module) -> str:
    """The identity of the weights: raw bytes of all parameters in the order of their names."""
    digest = hashlib.sha256()
    for _, parameter in sorted(network.named_parameters()):
        digest.update(parameter.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _owned_parameters(
    network: nn.Module, players: Mapping[str, str]
) -> dict[str, list[nn.Parameter]]:
    """The trainable parameters of each player, in the network's order; each has one player."""
    owned: dict[str, list[nn.Parameter]] = {player: [] for player in players}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        owners = [player for player, pattern in players.items() if fnmatchcase(name, pattern)]
        if len(owners) != 1:
            patterns = ", ".join(f"{player}: {pattern}" for player, pattern in players.items())
            found = " and ".join(owners) or "no player"
            raise UnknownPartError(
                f"network: parameter {name} belongs to {found}, expected exactly one of the task's "
                f"players ({patterns}); set requires_grad=False on a parameter that is not trained"
            )
        owned[owners[0]].append(parameter)
    empty = [player for player, parameters in owned.items() if not parameters]
    if empty:
        raise UnknownPartError(
            f"network: player {empty[0]} has no trainable parameter: none is named "
            f"{players[empty[0]]}"
        )
    return owned


def _decayed(parameters: list[nn.Parameter]) -> Tensor:
    return torch.cat([torch.full((p.numel(),), float(p.ndim > 1)) for p in parameters])

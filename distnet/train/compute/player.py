"""The parameters that one optimizer moves, and the gradient of a loss by them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from distnet.errors import NetworkError, PartError, UnknownPartError
from distnet.train.inventory.buffers import Buffers
from distnet.train.inventory.inventory import Inventory
from distnet.train.inventory.ties import View

Tie = tuple[int, nn.Parameter, View]
"""The index of a parameter, and another one that is a view of its memory."""


@dataclass(frozen=True)
class Player:
    """The parameters that one optimizer moves.

    Letters: P numbers in its parameters.
    """

    name: str
    parameters: Sequence[nn.Parameter]
    """In the order of the vector."""
    names: Sequence[Sequence[str]]
    """All names of each, and of what shares its memory."""
    ties: Sequence[Tie]
    """Trained parameters that lie in the memory of others: their gradients are added up."""
    vector: Tensor
    """[P]: its stretch of the network's vector."""
    buffers: Buffers
    """Those that its phases move."""

    @property
    def num_parameters(self) -> int:
        """P."""
        return self.vector.numel()

    def gradients(self, loss: Tensor) -> list[Tensor]:
        """Compute the gradient of `loss`, flat, one vector a parameter.

        Sparse gradients, as of `nn.Embedding(sparse=True)`, become dense: the weights are one
        vector.

        Raises:
            NetworkError: a parameter was frozen.
            PartError: the loss does not depend on any parameter.
        """
        for names, parameter in zip(self.names, self.parameters, strict=True):
            if not parameter.requires_grad:
                raise NetworkError(
                    f"network: parameter {names[0]} was frozen in forward, but what trains is "
                    "fixed when the constructor returns; freeze it there"
                )
        if not loss.requires_grad:
            raise PartError(
                "found a loss that does not depend on the network's parameters, expected one "
                "computed from its outputs, without detach(), item() or no_grad()"
            )
        own = len(self.parameters)
        parts = torch.autograd.grad(
            loss,
            [*self.parameters, *(parameter for _, parameter, _ in self.ties)],
            allow_unused=True,
            materialize_grads=True,
        )
        dense = [part.to_dense() if part.is_sparse else part for part in parts]
        flat = [part.reshape(-1) for part in dense[:own]]
        for (index, _, view), part in zip(self.ties, dense[own:], strict=True):
            flat[index] = view.add(flat[index].clone(), part)
        return flat

    def without_gradient(self, loss: Tensor) -> set[str]:
        """The names of the parameters on which `loss` does not depend; its graph is freed."""
        tied = [parameter for _, parameter, _ in self.ties]
        parts = torch.autograd.grad(loss, [*self.parameters, *tied], allow_unused=True)
        own = len(self.parameters)
        used = {index for index, part in enumerate(parts[:own]) if part is not None}
        pairs = zip(self.ties, parts[own:], strict=True)
        used |= {index for (index, _, _), part in pairs if part is not None}
        return {names[0] for index, names in enumerate(self.names) if index not in used}


def owned_names(
    inventory: Inventory, players: Mapping[str, str], views: Sequence[View]
) -> dict[str, list[str]]:
    """The parameters of each player, in the network's order, without views of other parameters.

    Raises:
        UnknownPartError: a parameter has no player or several, or a player has no parameter.
    """
    owners = {name: _owner(name, inventory, players) for name in inventory.trained()}
    bases = {view.name: view.base for view in views}
    owned: dict[str, list[str]] = {player: [] for player in players}
    for name, owner in owners.items():
        if name not in bases:
            owned[owner].append(name)
        elif owners[bases[name]] != owner:
            raise UnknownPartError(
                f"network: {name} shares the memory of {bases[name]}, but they belong to the "
                f"players {owner} and {owners[bases[name]]}; one memory has one player"
            )
    empty = [player for player, names in owned.items() if not names]
    if empty:
        raise UnknownPartError(
            f"network: player {empty[0]} has no trainable parameter: none is named "
            f"{players[empty[0]]}"
        )
    return owned


def _owner(name: str, inventory: Inventory, players: Mapping[str, str]) -> str:
    """The one player of a parameter, which may have several names."""
    names = inventory.names_of(inventory.trained()[name])
    owners = [p for p in players if any(fnmatchcase(each, players[p]) for each in names)]
    if len(owners) != 1:
        patterns = ", ".join(f"{player}: {pattern}" for player, pattern in players.items())
        found = " and ".join(owners) or "no player"
        known = f" (also named {', '.join(names[1:])})" if names[1:] else ""
        raise UnknownPartError(
            f"network: parameter {name}{known} belongs to {found}, expected exactly one of the "
            f"task's players ({patterns}); set requires_grad=False on a parameter that is not "
            "trained"
        )
    return owners[0]

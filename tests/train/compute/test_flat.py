"""Parameters as one vector: each player has a stretch of it, and its own buffers."""

import pytest
import torch
from torch import nn

from distnet.errors import UnknownPartError
from distnet.spec.sections.optimizer import Sgd
from distnet.train.compute.groups import groups_of
from distnet.train.inventory.flat import FlatNetwork, weights_sha256


class Pair(nn.Module):
    """Parameters of two players, in turn; one that is not trained."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a1, self.b1, self.a2 = nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1)
        self.c = nn.Linear(1, 1).requires_grad_(False)


PLAYERS = {"a": "a*", "b": "b*"}


def test_the_parameters_of_a_player_lie_side_by_side() -> None:
    network = Pair()
    before = weights_sha256(network)

    flat = FlatNetwork(network, players=PLAYERS)

    assert weights_sha256(network) == before
    assert flat.vector.numel() == 2 * 3 + 3 + 3 + 3 + 3 + 1
    a, b = flat.players["a"], flat.players["b"]
    assert torch.equal(flat.vector, torch.cat([a.vector, b.vector]))
    a.vector.zero_()
    assert not network.a1.weight.any()
    assert not network.a2.bias.any()
    assert network.b1.weight.all()
    decayed, others = groups_of(a, Sgd(kind="sgd", weight_decay=0.1))
    assert list(decayed.slices) == [slice(0, 6), slice(9, 12)]
    assert list(others.slices) == [slice(6, 9), slice(12, 13)]


def test_a_player_moves_its_own_buffers() -> None:
    flat = FlatNetwork(Pair(), players=PLAYERS)

    assert flat.players["a"].buffers.num_numbers == 0
    # Means, variances, the counter, and whether its change fits into fp32.
    assert flat.players["b"].buffers.num_numbers == flat.buffers.num_numbers == 3 + 3 + 1 + 1


@pytest.mark.parametrize(
    ("players", "message"),
    [
        ({"a": "a*"}, r"b1\.weight belongs to no player.*requires_grad=False"),
        ({"a": "a*", "b": "b*", "all": "*"}, r"a1\.weight belongs to a and all"),
        ({**PLAYERS, "d": "d*"}, r"player d has no trainable parameter: none is named d\*"),
    ],
)
def test_a_parameter_has_exactly_one_player(players: dict[str, str], message: str) -> None:
    with pytest.raises(UnknownPartError, match=message):
        FlatNetwork(Pair(), players=players)

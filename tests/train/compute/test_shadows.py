"""Networks that follow the one that trains."""

import threading

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from distnet.errors import UnknownPartError
from distnet.tasks.task import Shadow
from distnet.train.compute.shadows import ShadowNetwork, networks_for, networks_of
from distnet.train.inventory.flat import FlatNetwork


def flat() -> FlatNetwork:
    torch.manual_seed(0)
    return FlatNetwork(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))


def test_a_moving_average_follows_slowly_and_copies_buffers() -> None:
    network = flat()
    shadow = ShadowNetwork(Shadow("ema", decay=0.75), network)
    before = network.vector.clone()
    network.vector.add_(1.0)
    network.network[1].running_mean.fill_(5.0)

    shadow.follow(1)

    mine = torch.cat([p.reshape(-1) for p in shadow.network.parameters()])
    torch.testing.assert_close(mine, before + 0.25)
    assert shadow.network[1].running_mean.tolist() == [5.0, 5.0]
    assert not any(p.requires_grad for p in shadow.network.parameters())


def test_a_moving_average_is_that_of_torch_to_the_last_bit() -> None:
    network = flat()
    shadow = ShadowNetwork(Shadow("ema", decay=0.9), network)
    rival = AveragedModel(network.network, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    rival.update_parameters(network.network)  # the first one copies

    for step in range(50):
        network.vector.add_(torch.randn(10, generator=torch.Generator().manual_seed(step)))
        network.network[1].running_var.fill_(float(step))
        shadow.follow(step + 1)
        rival.update_parameters(network.network)

    expected = rival.module.state_dict()
    for name, tensor in shadow.network.state_dict().items():
        assert tensor.equal(expected[name]), name
    assert not shadow.network.training


def test_a_corrected_average_has_no_part_of_the_first_weights() -> None:
    network, decay, seen = flat(), 0.9, []
    network.vector.fill_(1e6)
    shadow = ShadowNetwork(Shadow("ema", decay=decay, is_corrected=True), network)

    for step in range(1, 31):
        network.vector.copy_(torch.randn(10, generator=torch.Generator().manual_seed(step)))
        seen.append(network.vector.double())
        shadow.follow(step)
        weights = [decay ** (step - n) for n in range(1, step + 1)]
        mean = sum(w * v for w, v in zip(weights, seen, strict=True)) / sum(weights)
        mine = torch.cat([p.reshape(-1) for p in shadow.network.parameters()])
        torch.testing.assert_close(mine.double(), mean, rtol=0, atol=1e-6)

    shadow.restart()
    shadow.follow(1)
    assert torch.equal(shadow.network[0].weight, network.network[0].weight)


def test_a_copy_is_made_in_every_nth_step_of_the_parameters_named() -> None:
    network = flat()
    shadow = ShadowNetwork(Shadow("target", source="0.*", every=3, has_buffers=False), network)
    first = shadow.network[1].weight.clone()
    network.vector.add_(1.0)

    shadow.follow(2)
    assert not torch.equal(shadow.network[0].weight, network.network[0].weight)
    shadow.follow(3)

    assert torch.equal(shadow.network[0].weight, network.network[0].weight)
    assert torch.equal(shadow.network[1].weight, first)


def test_a_shadow_replaces_the_network_where_it_is_used() -> None:
    network = flat()
    shadow = ShadowNetwork(Shadow("ema", decay=0.9, used_by=frozenset({"evaluation"})), network)
    networks = networks_of(network, [shadow])

    assert networks["network"] is network.network
    assert networks_for("evaluation", networks, [shadow.shadow])["network"] is shadow.network
    assert networks_for("export", networks, [shadow.shadow])["network"] is network.network


def test_a_shadow_of_tied_weights_is_tied_as_well() -> None:
    tied = nn.Sequential(nn.Linear(3, 2, bias=False), nn.Linear(2, 3, bias=False))
    tied[1].weight.data = tied[0].weight.data.t()
    network = FlatNetwork(tied)
    shadow = ShadowNetwork(Shadow("ema", source="1.*", decay=0.75), network)
    before = network.vector.clone()
    network.vector.add_(1.0)

    shadow.follow(1)

    mine = shadow.network[0].weight
    torch.testing.assert_close(mine.flatten(), before + 0.25)
    assert torch.equal(shadow.network[1].weight, mine.t())
    assert list(shadow.state()) == ["shadow/ema/0.weight"]


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_network_with_attributes_that_python_cannot_copy_has_a_shadow() -> None:
    layer = nn.utils.weight_norm(nn.Linear(2, 2))
    layer.lock = threading.Lock()
    network = FlatNetwork(nn.Sequential(prune.identity(nn.Linear(2, 2), "weight"), layer))
    shadow = ShadowNetwork(Shadow("ema", every=1), network)
    network.vector.add_(1.0)
    x = torch.ones(1, 2)
    before = shadow.network(x)

    shadow.follow(1)

    assert not torch.equal(before, shadow.network(x))
    assert torch.equal(network.network(x), shadow.network(x))
    assert shadow.network[1] is not layer


@pytest.mark.parametrize(
    ("shadow", "message"),
    [
        (Shadow("a"), "either decay or every"),
        (Shadow("a", decay=0.9, every=2), "either decay or every"),
        (Shadow("a", source="head.*", decay=0.9), r"no trainable parameter is named head\.\*"),
    ],
)
def test_a_shadow_without_a_rule_or_parameters_is_refused(shadow: Shadow, message: str) -> None:
    with pytest.raises(UnknownPartError, match=message):
        ShadowNetwork(shadow, flat())

"""The transformer: causal, the same with a cache as without, and of the size that it says."""

import pytest
import torch
from torch import Tensor

from distnet.networks.texts.gpt import GPT
from distnet.train.inventory.flat import weights_sha256

LENGTH, VOCABULARY = 12, 7


def make(*, seed: int = 0, **options: int | float) -> GPT:
    torch.manual_seed(seed)
    settings = {"layers": 2, "heads": 2, "width": 16} | options
    return GPT((LENGTH, VOCABULARY), VOCABULARY, **settings).eval()


def tokens(num: int = LENGTH, *, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, VOCABULARY, (3, num), generator=generator)


@torch.no_grad()
def test_a_later_token_never_changes_an_earlier_output() -> None:
    network, read = make(), tokens()
    before = network(read)

    for position in range(LENGTH):
        other = read.clone()
        other[:, position] = (other[:, position] + 1) % VOCABULARY
        after = network(other)

        assert torch.equal(after[:, :position], before[:, :position])
        assert not torch.allclose(after[:, position:], before[:, position:])


@torch.no_grad()
@pytest.mark.parametrize("prompt", [1, 5, LENGTH - 1])
def test_a_cache_changes_no_output(prompt: int) -> None:
    network, read = make(), tokens()
    cache = network.new_cache()

    found = [network(read[:, :prompt], cache)]
    found += [network(read[:, i : i + 1], cache) for i in range(prompt, LENGTH)]

    torch.testing.assert_close(torch.cat(found, 1), network(read), atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_only_distances_between_tokens_matter() -> None:
    network, read = make(), tokens(6)
    cache = network.new_cache()
    cache.length = 5  # as if five tokens had been read that nothing looks at

    later = [network(read[:, i : i + 1], cache) for i in range(6)]

    torch.testing.assert_close(torch.cat(later, 1), network(read), atol=1e-5, rtol=1e-4)


def test_it_has_the_parameters_of_its_layers_and_one_table_of_tokens() -> None:
    network = make(layers=3, width=16)

    assert network.output.weight is network.embedding.weight
    layer = 16 * 48 + 16 * 16 + 2 * 16 * 64 + 2 * 16
    assert sum(p.numel() for p in network.parameters()) == VOCABULARY * 16 + 3 * layer + 16


def test_weights_depend_on_the_global_seed_alone() -> None:
    assert weights_sha256(make(seed=1)) == weights_sha256(make(seed=1))
    assert weights_sha256(make(seed=1)) != weights_sha256(make(seed=2))


def test_dropout_draws_while_training_only() -> None:
    network, read = make(dropout=0.5), tokens()

    assert torch.equal(network(read), network(read))
    network.train()
    assert not torch.equal(network(read), network(read))


def test_what_does_not_fit_is_named() -> None:
    network = make()

    with pytest.raises(ValueError, match=r"shape \(7,\); set data.view: {kind: pack"):
        GPT((7,), 7)
    with pytest.raises(ValueError, match="multiple of twice its heads; found 18, 6"):
        make(width=18, heads=6)
    with pytest.raises(ValueError, match="found 13 tokens, expected at most 12"):
        network(tokens(LENGTH + 1))
    cache = network.new_cache()
    network(tokens(3), cache)
    with pytest.raises(ValueError, match="found 2 tokens behind a cache, expected 1"):
        network(tokens(2), cache)

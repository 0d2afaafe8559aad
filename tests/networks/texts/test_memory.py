"""The memory network, against its definition."""

import pytest
import torch
from torch import Tensor

from distnet.data.batch import Ragged
from distnet.networks.texts.memory import Memory
from distnet.networks.texts.transformer import positions

LENGTHS = (9, 1, 4, 14)


def make(**options: int) -> Memory:
    torch.manual_seed(0)
    network = Memory((20,), 5, width=6, **options)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def texts(*lengths: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(20, (length,), generator=generator) for length in lengths]


def by_definition(network: Memory, text: Tensor, *, window: int, question: int) -> Tensor:
    """The outputs for one text, memory by memory."""
    words, contents, last = network.keys.weight[text], network.contents.weight[text], len(text) - 1

    def around(weights: Tensor, vectors: Tensor, middle: int) -> Tensor:
        indices = range(max(0, middle - window), min(last, middle + window) + 1)
        return sum(
            (weights[:, 0, i - middle + window] * vectors[i] for i in indices), torch.zeros(6)
        )

    state = torch.zeros(6)
    for age in range(min(question, len(text))):
        state = state + network.question[age] * words[last - age]
    memories = range(max(1, len(text) - question))
    keys = torch.stack([around(network.key_window.weight, words, i) for i in memories])
    held = torch.stack([around(network.content_window.weight, contents, i) for i in memories])
    recency = network.age(positions(len(text), 6, text.device))[:, 0]
    ages = torch.tensor([last - i for i in memories])
    for hop in network.hops:
        attention = (keys @ state + recency[ages]).softmax(0)
        state = hop.weight @ state + attention @ held
    return network.output(state)


@pytest.mark.parametrize(("window", "question"), [(2, 3), (1, 8)])
def test_outputs_are_those_of_the_definition(window: int, question: int) -> None:
    network, parts = make(window=window, question=question, hops=2), texts(*LENGTHS)

    found = network(Ragged.of(parts))

    expected = [by_definition(network, text, window=window, question=question) for text in parts]
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found[2:3], network(Ragged.of(parts[2:3])), rtol=1e-5, atol=1e-6)


def test_every_parameter_gets_a_gradient() -> None:
    network = make()

    outputs = network(Ragged.of(texts(*LENGTHS)))

    gradients = torch.autograd.grad(outputs.square().sum(), list(network.parameters()))
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_equal_words_attract_attention_before_anything_is_learned() -> None:
    """A question of the token 2 finds the memories that hold it."""
    torch.manual_seed(0)
    network = Memory((20,), 20, width=64, window=1, question=1, hops=1)
    with torch.no_grad():
        network.question.fill_(20.0)
        network.hops[0].weight.zero_()  # the output is that of what was looked up alone
        network.output.weight.copy_(network.contents.weight)

    outputs = network(Ragged.of([torch.tensor([3, 4, 5, 2, 7, 8, 9, 10, 2])]))

    assert outputs.argmax(1).tolist() == [2]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="memory needs an even width, found 7"):
        Memory((20,), 5, width=7)
    with pytest.raises(ValueError, match="memory takes texts, as tokens of a vocabulary"):
        Memory((1, 8, 8), 5)

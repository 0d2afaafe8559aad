"""The reader of contexts and questions."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from distnet.data.batch import Ragged
from distnet.networks.texts.reader import Reader, in_both


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small operations are slower on several threads, the more so on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def texts(*lengths: int, seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(20, (length,), generator=generator) for length in lengths]


CONTEXTS, QUESTIONS = texts(9, 2, 5, seed=1), texts(3, 4, 1, seed=2)


def make(**options: float) -> Reader:
    torch.manual_seed(0)
    return Reader((20,), 2, width=6, hidden=5, **options)


def test_words_that_a_text_and_its_question_have_in_common() -> None:
    context = Ragged.of([torch.tensor([3, 1, 3, 0]), torch.tensor([5, 0])])
    question = Ragged.of([torch.tensor([3]), torch.tensor([1, 0, 3])])

    assert in_both(context, question).tolist() == [1, 0, 1, 0, 0, 1]


@pytest.mark.parametrize("layers", [1, 2])
def test_outputs_do_not_depend_on_the_other_texts(layers: int) -> None:
    network = make(layers=layers, dropout=0.0)

    together = network(Ragged.of(CONTEXTS), Ragged.of(QUESTIONS))

    assert together.values.shape == (16, 2)
    assert together.lengths.tolist() == [9, 2, 5]
    for found, context, question in zip(together.split(), CONTEXTS, QUESTIONS, strict=True):
        alone = network(Ragged.of([context]), Ragged.of([question])).values
        torch.testing.assert_close(found, alone, rtol=1e-5, atol=1e-6)


def test_every_parameter_gets_a_gradient() -> None:
    network = make()

    outputs = network(Ragged.of(CONTEXTS), Ragged.of([c[:2] for c in CONTEXTS]))

    # The same number for all weights of attention changes nothing, so its bias has a gradient of 0.
    names, weights = zip(*network.named_parameters(), strict=True)
    gradients = torch.autograd.grad(outputs.values.square().sum(), weights)
    assert all(gradient.isfinite().all() for gradient in gradients)
    still = {n for n, g in zip(names, gradients, strict=True) if g.abs().max() < 1e-6}
    assert still == {"attention.bias"}


def test_it_learns_to_answer_with_the_word_behind_the_one_in_question() -> None:
    generator = torch.Generator().manual_seed(0)
    network = make(dropout=0.0)
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    right: list[float] = []
    for _ in range(60):
        contexts = torch.stack([torch.randperm(20, generator=generator)[:8] for _ in range(32)])
        indices = torch.randint(7, (32,), generator=generator)
        sought = contexts[torch.arange(32), indices]
        found = network(Ragged.of(list(contexts)), Ragged.of(list(sought[:, None])))
        outputs = found.values.view(32, 8, 2)
        loss = F.cross_entropy(outputs[..., 0], indices + 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right.append((outputs[..., 0].argmax(1) == indices + 1).float().mean().item())

    assert sum(right[-5:]) / 5 > 0.9

"""Networks of texts: rnn, lstm and transformer."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

from distnet.data.batch import Ragged
from distnet.networks.texts.lstm import LSTM
from distnet.networks.texts.rnn import RNN
from distnet.networks.texts.transformer import Transformer
from distnet.train.inventory.flat import weights_sha256

KINDS = [RNN, LSTM, Transformer]
LENGTHS = (3, 17, 1, 9)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make(kind: type[nn.Module], *, seed: int = 0, **options: object) -> nn.Module:
    torch.manual_seed(seed)
    return kind((50,), 3, **options)


def texts(*lengths: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(50, (length,), generator=generator) for length in lengths]


def classified(network: nn.Module, parts: list[Tensor]) -> Tensor:
    outputs: Tensor = network(Ragged.of(parts))
    return outputs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [False, True])
def test_outputs_do_not_depend_on_the_other_texts(kind: type[nn.Module], training: bool) -> None:
    network = make(kind, layers=2, dropout=0.0).train(training)
    parts = texts(*LENGTHS)

    together = classified(network, parts)

    alone = torch.cat([classified(network, [part]) for part in parts])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
    reverse = classified(network, parts[::-1]).flip(0)
    torch.testing.assert_close(together, reverse, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_the_sum_of_those_of_single_texts(kind: type[nn.Module]) -> None:
    network, parts = make(kind, layers=2, dropout=0.0), texts(*LENGTHS)
    weights, targets = list(network.parameters()), torch.tensor([0, 1, 2, 0])

    def gradients(indices: list[int]) -> tuple[Tensor, ...]:
        outputs = classified(network, [parts[i] for i in indices])
        loss = F.cross_entropy(outputs, targets[indices], reduction="sum")
        return torch.autograd.grad(loss, weights)

    together, single = gradients([0, 1, 2, 3]), [gradients([i]) for i in range(4)]

    assert all(gradient.abs().sum() > 0 for gradient in together[:-1])
    for found, parts_of_it in zip(together, zip(*single, strict=True), strict=True):
        torch.testing.assert_close(found, sum(parts_of_it), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kind", "layer"), [(RNN, nn.RNN), (LSTM, nn.LSTM)])
def test_recurrent_layers_are_those_of_torch_on_packed_texts(
    kind: type[nn.Module], layer: type[nn.RNN] | type[nn.LSTM]
) -> None:
    network, parts = make(kind, width=8, hidden=5, layers=2), texts(*LENGTHS)
    network.eval()
    expected = layer(8, 5, 2, bidirectional=True)
    for name, weight in expected.named_parameters():
        index = 1 if "_l1" in name else 0
        side = network.layers.backwards if "reverse" in name else network.layers.forwards
        own = name.replace("_l1", "_l0").removesuffix("_reverse")
        weight.data.copy_(getattr(side[index], own).data)
    vectors = [network.tokens(part) for part in parts]

    packed, _ = expected(pack_sequence(vectors, enforce_sorted=False))

    padded, lengths = pad_packed_sequence(packed, batch_first=True)
    states = [row[:length] for row, length in zip(padded, lengths, strict=True)]
    found = network.layers(torch.cat(vectors), Ragged.of(parts))
    torch.testing.assert_close(found, torch.cat(states), rtol=1e-5, atol=1e-6)
    pooled = torch.stack([torch.cat([s.mean(0), s.amax(0)]) for s in states])
    torch.testing.assert_close(
        classified(network, parts), network.head.output(pooled), rtol=1e-5, atol=1e-6
    )


def test_a_transformer_knows_the_order_of_tokens_and_any_length() -> None:
    network = make(Transformer).eval()
    (text,) = texts(6)

    assert not torch.allclose(classified(network, [text]), classified(network, [text.flip(0)]))
    assert classified(network, texts(700)).isfinite().all()
    with pytest.raises(ValueError, match="an even width that is a multiple of 4 heads"):
        make(Transformer, width=30)


def test_an_lstm_begins_with_open_forget_gates() -> None:
    network = make(LSTM, hidden=5)

    for layer in (*network.layers.forwards, *network.layers.backwards):
        assert layer.bias_ih_l0.tolist() == [0.0] * 5 + [1.0] * 5 + [0.0] * 10
        assert layer.bias_hh_l0.abs().sum() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_weights_and_dropout_depend_on_the_global_seed(kind: type[nn.Module]) -> None:
    network, parts = make(kind, seed=1), texts(*LENGTHS)
    assert weights_sha256(network) == weights_sha256(make(kind, seed=1))
    assert weights_sha256(network) != weights_sha256(make(kind, seed=2))

    def drawn(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return classified(network, parts)

    assert torch.equal(drawn(3), drawn(3))
    assert not torch.equal(drawn(3), drawn(4))


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_refused(kind: type[nn.Module]) -> None:
    with pytest.raises(ValueError, match=r"takes texts, .* shape \(1, 8, 8\)"):
        kind((1, 8, 8), 3)

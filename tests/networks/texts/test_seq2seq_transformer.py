"""Network seq2seq-transformer: torch's own layers, without padding, and only what may be seen."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from distnet.data.batch import Ragged
from distnet.networks.texts.seq2seq_transformer import Seq2SeqTransformer
from distnet.networks.texts.transformer import positions
from distnet.train.inventory.flat import weights_sha256


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make(*, seed: int = 0, **options: object) -> Seq2SeqTransformer:
    torch.manual_seed(seed)
    small = {"width": 16, "heads": 2, "hidden": 24} | options
    return Seq2SeqTransformer((50,), 30, **small)  # type: ignore[arg-type]


def texts(*lengths: int, num_tokens: int = 30) -> list[Tensor]:
    generator = torch.Generator().manual_seed(len(lengths))
    return [torch.randint(num_tokens, (length,), generator=generator) for length in lengths]


def predicted(network: nn.Module, x: list[Tensor], y: list[Tensor]) -> list[Tensor]:
    """The logits of each text."""
    targets = Ragged.of(y)
    return Ragged(network(Ragged.of(x), targets), targets.lengths).split()


@pytest.mark.parametrize("training", [False, True])
def test_outputs_do_not_depend_on_the_other_texts(training: bool) -> None:
    network = make(dropout=0.0).train(training)
    x, y = texts(3, 9, 1), texts(5, 1, 8)

    together = predicted(network, x, y)

    for logits, source, target in zip(together, x, y, strict=True):
        (alone,) = predicted(network, [source], [target])
        torch.testing.assert_close(logits, alone, rtol=1e-5, atol=1e-6)


def test_a_token_sees_the_whole_source_and_no_later_token() -> None:
    network = make().eval()
    (x,), (y,) = texts(6), texts(7, 1)[:1]
    (before,) = predicted(network, [x], [y])

    changed = torch.cat([y[:4], (y[4:] + 1) % 30])
    (after,) = predicted(network, [x], [changed])
    (other,) = predicted(network, [torch.cat([x[:5], (x[5:] + 1) % 30])], [y])

    assert torch.equal(before[:4], after[:4])
    assert not torch.isclose(before[4:], after[4:]).all(1).any()
    assert not torch.isclose(before, other).all(1).any()


def of_torch(layer: nn.Module, **parts: nn.Module) -> nn.Module:
    """A layer of torch with the weights of the attentions and the perceptron of one of distnet."""
    state = {}
    for i, (name, part) in enumerate(parts.items(), start=1):
        own = part.state_dict()
        theirs = {f"norm{i}": "norm", f"{name}.out_proj": "added"}
        if name == "linear":
            theirs = {f"norm{i}": "norm", "linear1": "hidden", "linear2": "added"}
        for kind in ("weight", "bias"):
            state |= {f"{their}.{kind}": own[f"{ours}.{kind}"] for their, ours in theirs.items()}
            if name != "linear":
                both = [own[f"query.{kind}"], own[f"key_value.{kind}"]]
                state[f"{name}.in_proj_{kind}"] = torch.cat(both)
    layer.load_state_dict(state)
    return layer.eval()


def test_layers_are_those_of_torch() -> None:
    network = make(layers=1).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) / 10)  # also biases and norms
    (x,), (y,) = texts(6), texts(7, 1)[:1]
    sizes, options = (16, 2, 24, 0.1), {"batch_first": True, "norm_first": True}
    attention, perceptron = network.encoder[0]
    encoder = of_torch(
        nn.TransformerEncoderLayer(*sizes, **options),  # type: ignore[arg-type]
        self_attn=attention,
        linear=perceptron,
    )
    own = network.decoder[0]
    decoder = of_torch(
        nn.TransformerDecoderLayer(*sizes, **options),  # type: ignore[arg-type]
        self_attn=own.attention,
        multihead_attn=own.reading,
        linear=own.perceptron,
    )

    with torch.no_grad():
        source, target = (
            (part.weight[tokens] * 4 + positions(len(tokens), 16, tokens.device))[None]
            for part, tokens in ((network.source, x), (network.target, y))
        )
        memory = network.encoder_norm(encoder(source))
        mask = nn.Transformer.generate_square_subsequent_mask(7)
        states = decoder(target, memory, tgt_mask=mask, tgt_is_causal=True)
        expected = network.output(network.decoder_norm(states))[0]
        (found,) = predicted(network, [x], [y])

    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_last_logits_alone_are_those_of_all() -> None:
    network = make().eval()
    x, y = Ragged.of(texts(4, 2, 7)), Ragged.of(texts(1, 5, 3))

    last = network.decode(y, network.encode(x), last=True)

    torch.testing.assert_close(last, network(x, y)[y.offsets[1:] - 1])


def test_the_output_shares_the_vectors_of_the_target() -> None:
    network = make()

    assert network.output.weight is network.target.weight
    with torch.no_grad():
        logits = torch.cat(predicted(network, texts(9, 4), texts(5, 8)))
    assert 0.5 < logits.std() < 2  # neither certain nor equal before it has learned


def test_weights_and_dropout_depend_on_the_global_seed() -> None:
    assert weights_sha256(make(seed=1)) == weights_sha256(make(seed=1))
    assert weights_sha256(make(seed=1)) != weights_sha256(make(seed=2))

    network = make()

    def drawn(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return predicted(network, texts(4), texts(3))[0]

    assert torch.equal(drawn(3), drawn(3))
    assert not torch.equal(drawn(3), drawn(4))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"takes texts, .* shape \(1, 8, 8\)"):
        Seq2SeqTransformer((1, 8, 8), 3)
    with pytest.raises(ValueError, match="an even width that is a multiple of 4 heads"):
        make(width=30, heads=4)

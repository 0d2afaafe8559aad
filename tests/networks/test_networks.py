"""What every shipped network promises, and what each one is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from distnet.spec.options import described, read_signature
from distnet.spec.parts import kinds, load_class, load_part
from distnet.spec.sections.section import Part
from distnet.train.inventory.flat import weights_sha256

HERE = Path(__file__).parent
SHAPES = [(1, 28, 28), (3, 32, 32), (1, 8, 8), (13,)]
FOR_ONE_SHAPE = ["cnn", "mlp", "perceptron", "resnet"]
"""From samples of one shape to K outputs; each other network has a test file of its own."""
FOR_TEXTS = ["lstm", "memory", "reader", "rnn", "transformer"]
ONLY_IMAGES = ("cnn", "resnet")
SMALL: dict[str, dict[str, Any]] = {"resnet": {"depth": 8, "width": 4}}
ACTIVATIONS = ["relu", "gelu", "silu", "tanh", "sigmoid", "leaky-relu", "step"]
LEARNING_RATES = {"sigmoid": 4.0}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small operations are slower on several threads, the more so on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make(
    kind: str, shape: tuple[int, ...], num_outputs: int = 10, *, seed: int = 0, **options: Any
) -> nn.Module:
    cls, checked = load_part("networks", Part(kind=kind, **options), folder=HERE)
    torch.manual_seed(seed)
    network: nn.Module = cls(shape, num_outputs, **checked)
    return network


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_kinds_are_those_that_the_readme_lists():
    assert set(kinds("networks")) == {
        *FOR_ONE_SHAPE,
        "atari-cnn",
        "crnn",
        "crnn-frames",
        "denoiser",
        "detector",
        "gan",
        "gpt",
        "seq2seq-transformer",
        "unet",
        *FOR_TEXTS,
    }


@pytest.mark.parametrize("kind", FOR_ONE_SHAPE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_outputs_have_the_right_shape_for_any_input(kind: str, shape: tuple[int, ...]):
    if kind in ONLY_IMAGES and len(shape) == 1:
        with pytest.raises(ValueError, match=r"takes images .*\(13,\)"):
            make(kind, shape)
        return

    outputs = make(kind, shape, 7, **SMALL.get(kind, {}))(torch.randn(4, *shape))

    assert outputs.shape == (4, 7)
    assert outputs.isfinite().all()


@pytest.mark.parametrize("kind", FOR_ONE_SHAPE)
def test_weights_depend_on_the_global_seed_alone(kind: str):
    options = SMALL.get(kind, {})
    first = weights_sha256(make(kind, (1, 8, 8), seed=1, **options))

    assert weights_sha256(make(kind, (1, 8, 8), seed=1, **options)) == first
    is_random = weights_sha256(make(kind, (1, 8, 8), seed=2, **options)) != first
    assert is_random == (kind != "perceptron")


@pytest.mark.parametrize("kind", FOR_ONE_SHAPE)
def test_every_parameter_gets_a_gradient(kind: str):
    network = make(kind, (1, 8, 8), 3, **SMALL.get(kind, {}))
    loss = F.cross_entropy(network(torch.randn(8, 1, 8, 8)), torch.arange(8) % 3)

    gradients = torch.autograd.grad(loss, list(network.parameters()))

    assert all(g.isfinite().all() for g in gradients)
    assert gradients[-1].abs().sum() > 0


@pytest.mark.parametrize("kind", kinds("networks"))
def test_every_option_is_described_and_has_a_default(kind: str):
    cls = load_class("networks", kind, folder=HERE)
    signature = read_signature(cls)

    options = {field.alias: field for field in signature.options.model_fields.values()}

    assert set(described(cls)) == set(options)
    assert not any(field.is_required() for field in options.values())


def test_perceptron_is_one_layer_that_starts_at_zero():
    network = make("perceptron", (1, 28, 28))

    assert count(network) == 784 * 10 + 10
    assert network(torch.randn(2, 1, 28, 28)).abs().max() == 0


def test_mlp_of_the_classic_lesson_has_its_parameters():
    assert count(make("mlp", (1, 28, 28), hidden=[16, 16])) == 13_002


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_mlp_learns_what_a_single_layer_cannot_with_every_activation(activation: str):
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]) * 2 - 1
    y = torch.tensor([0, 1, 1, 0])
    network = make("mlp", (2,), 2, hidden=[32], activation=activation)
    weights = list(network.parameters())
    for _ in range(150):
        gradients = torch.autograd.grad(F.cross_entropy(network(x), y), weights)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.sub_(gradient, alpha=LEARNING_RATES.get(activation, 0.5))

    assert network(x).argmax(1).tolist() == y.tolist()


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "leaky-relu", "tanh"])
def test_signals_neither_vanish_nor_explode_when_the_mlp_is_deep(activation: str):
    network = make("mlp", (256,), 256, hidden=[256] * 8, activation=activation)

    spread = network(torch.randn(512, 256)).std()

    assert 0.02 < spread < 3


def test_step_fires_exactly_one_or_zero_and_learns_along_a_ramp():
    (step,) = [
        m for m in make("mlp", (1,), activation="step").modules() if type(m).__name__ == "Step"
    ]
    x = torch.cat([torch.randn(10_000), torch.tensor([0.0, -0.0, 1e-30, -1e-30, 1e-7, 5.0, -5.0])])

    for numbers in (x, x.bfloat16()):
        assert torch.equal(step(numbers), (numbers > 0).to(numbers.dtype))
    x = torch.tensor([-2.0, -0.5, 0.5, 2.0], requires_grad=True)
    assert torch.autograd.grad(step(x).sum(), x)[0].tolist() == [0.0, 0.5, 0.5, 0.0]


def test_dropout_and_batch_norm_act_only_while_training():
    network = make("mlp", (8,), hidden=[64], dropout=0.5, batch_norm=True)
    x = torch.randn(16, 8)

    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))
    assert torch.allclose(network(x)[:1], network(x[:1]))


def test_mlp_without_hidden_layers_is_a_single_layer():
    assert count(make("mlp", (13,), 3, hidden=[])) == 13 * 3 + 3


def test_cnn_by_default_is_small():
    assert 30_000 < count(make("cnn", (1, 28, 28))) < 100_000


def test_cnn_takes_its_blocks_from_the_options():
    network = make(
        "cnn", (3, 32, 32), channels=[4, 8], kernel=5, pool=4, hidden=0, batch_norm=False, dropout=0
    )

    assert count(network) == (3 * 25 + 1) * 4 + (4 * 25 + 1) * 8 + (8 * 2 * 2 + 1) * 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": 4}, "odd kernel.*got 4"),
        ({"channels": [2] * 6}, r"6 blocks and pool 2 needs at least 64 pixels.*28 x 28"),
    ],
)
def test_cnn_refuses_what_does_not_fit_the_image(options: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        make("cnn", (1, 28, 28), **options)


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.47), (56, 0.86)])
def test_resnet_has_the_size_of_its_paper(depth: int, millions: float):
    network = make("resnet", (3, 32, 32), depth=depth)
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]

    assert len(layers) + 1 == depth
    assert count(network) / 1e6 == pytest.approx(millions, abs=0.006)


def test_resnet_refuses_an_image_too_small_to_halve_twice():
    with pytest.raises(ValueError, match="at least 4 x 4 pixels.*3 x 28"):
        make("resnet", (1, 3, 28))

"""Deterministic kernels compute what torch's own do; here they take the place of the CPU's."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from distnet.train.device.kernels import KERNELS, deterministic_kernels

Compute = Callable[[Tensor], Tensor]


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def gradient(compute: Compute, x: Tensor) -> tuple[Tensor, Tensor]:
    """The output, and the gradient of a sum in which each of its numbers has another weight."""
    x = x.clone().requires_grad_()
    out = compute(x)
    [grad] = torch.autograd.grad((out * draw(*out.shape).to(out)).sum(), x)
    return out.detach(), grad


def resize(mode: str, **options: object) -> Compute:
    return lambda x: F.interpolate(x, mode=mode, **options)  # type: ignore[arg-type]


def pad(mode: str, *sizes: int) -> Compute:
    return lambda x: F.pad(x, sizes, mode=mode)


def pixels(x: Tensor) -> Tensor:
    """Classes, of which -100 does not count."""
    classes = draw(len(x), *x.shape[2:]).mul(100).long().remainder(x.shape[1])
    classes.view(-1)[::5] = -100
    return classes.to(x.device)


def entropy(**options: object) -> Compute:
    return lambda x: F.cross_entropy(x, pixels(x), **options)  # type: ignore[arg-type]


def weights(x: Tensor) -> Tensor:
    return torch.arange(1.0, x.shape[1] + 1).to(x)


def ctc(*, is_flat: bool, reduction: str = "none", zero_infinity: bool = False) -> Compute:
    """Targets: with repeated labels, short, empty, and longer than their input."""
    targets = torch.tensor([[1, 2, 2, 3], [4, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]])
    lengths, steps = torch.tensor([4, 2, 0, 4]), torch.tensor([9, 7, 3, 5])
    flat = torch.cat([t[:n] for t, n in zip(targets, lengths, strict=True)])

    def compute(x: Tensor) -> Tensor:
        log_probs, given = x.log_softmax(2), (flat if is_flat else targets).to(x.device)
        options = {"reduction": reduction, "zero_infinity": zero_infinity}
        if zero_infinity:
            return F.ctc_loss(log_probs, given, steps, lengths, **options)
        of = slice(0, 3)  # without the infinite one
        given = given[:6] if is_flat else given[of]
        return F.ctc_loss(log_probs[:, of], given, steps[of], lengths[of], **options)

    return compute


SMALL, LARGE = (2, 3, 5, 7), (2, 3, 11, 13)
CASES = {
    "pool": (lambda x: F.adaptive_avg_pool2d(x, (3, 4)), LARGE),
    "pool to more": (lambda x: F.adaptive_avg_pool2d(x, (8, 9)), SMALL),
    "pool 3d": (lambda x: F.adaptive_avg_pool3d(x, (2, 3, 4)), (2, 3, 5, 7, 6)),
    "pool 1d": (lambda x: F.adaptive_avg_pool1d(x, 4), (2, 3, 13)),
    "pool without batch": (lambda x: F.adaptive_avg_pool2d(x, (3, 4)), LARGE[1:]),
    "bilinear": (resize("bilinear", size=(9, 10)), SMALL),
    "bilinear to less": (resize("bilinear", size=(3, 4), align_corners=True), LARGE),
    "bilinear by factor": (resize("bilinear", scale_factor=(1.7, 2.3)), SMALL),
    "antialiased": (resize("bilinear", size=(4, 5), antialias=True), LARGE),
    "bicubic": (resize("bicubic", scale_factor=2.0), SMALL),
    "linear": (resize("linear", size=9), (2, 3, 5)),
    "trilinear": (resize("trilinear", size=(4, 9, 3)), (2, 1, 5, 6, 7)),
    "reflect": (pad("reflect", 2, 1, 0, 3), SMALL),
    "replicate": (pad("replicate", 2, 1, 0, 3), SMALL),
    "replicate 3d": (pad("replicate", 1, 0, 2, 1, 0, 1), (1, 2, 3, 4, 5)),
    "entropy": (entropy(), SMALL),
    "entropy of sequences": (entropy(), (4, 5, 6)),
    "entropy, summed": (entropy(reduction="sum"), SMALL),
    "entropy of each": (entropy(reduction="none"), SMALL),
    "entropy, smoothed": (entropy(label_smoothing=0.1), SMALL),
    "entropy, weighted": (lambda x: entropy(weight=weights(x))(x), SMALL),
    "nll of 3d": (lambda x: F.nll_loss(x.log_softmax(1), pixels(x)), (2, 3, 2, 3, 4)),
    "ctc": (ctc(is_flat=False), (9, 4, 5)),
    "ctc, flat": (ctc(is_flat=True), (9, 4, 5)),
    "ctc, mean": (ctc(is_flat=False, reduction="mean"), (9, 4, 5)),
    "ctc, infinite": (ctc(is_flat=False, zero_infinity=True), (9, 4, 5)),
}


@pytest.mark.parametrize(("compute", "shape"), CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize(
    "dtype",
    [
        pytest.param(torch.float64, id="fp64"),
        pytest.param(torch.float32, id="fp32", marks=pytest.mark.check),
    ],
)
def test_kernel_computes_what_torchs_own_does(
    compute: Compute, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    x = draw(*shape).to(dtype)
    expected = gradient(compute, x)

    with deterministic_kernels("CPU"):
        found = gradient(compute, x)

    torch.testing.assert_close(found, expected)
    assert found[1].dtype == dtype
    assert gradient(compute, x)[1].equal(expected[1])  # torch's own are back


def test_every_kernel_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: set[str] = set()

    def noted(name: str) -> Callable[..., object]:
        def kernel(*args: object, **named: object) -> object:
            reached.add(name)
            return KERNELS[name](*args, **named)

        return kernel

    every = {name: noted(name) for name in KERNELS}
    monkeypatch.setattr("distnet.train.device.kernels.KERNELS", every)
    with deterministic_kernels("CPU"):
        for compute, shape in CASES.values():
            gradient(compute, draw(*shape))

    rare = {"_ctc_loss_backward.Tensor", "_upsample_bicubic2d_aa_backward"}
    rare |= {
        f"{kind}_pad{d}d_backward" for kind in ("reflection", "replication") for d in (1, 2, 3)
    }
    assert every.keys() - reached <= rare

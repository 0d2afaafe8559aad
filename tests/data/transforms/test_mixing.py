"""Mixup and cutmix: what is mixed with what, and in which shares."""

import pytest
import torch
from torch import Tensor

from distnet.data.batch import Batch
from distnet.data.transforms.mixing import PARTNER, SHARE, Mixing
from distnet.spec.sections.augmentation import Mix

NUM = 400


def mixed(mix: Mix, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, partners and shares of a batch in which sample i has the target i."""
    torch.manual_seed(0)
    batch = Mixing(mix)(Batch({"x": x, "y": torch.arange(len(x))}))
    assert torch.equal(batch.tensor("y"), torch.arange(len(x)))
    return batch.tensor("x"), batch.tensor(PARTNER), batch.tensor(SHARE)


def images() -> Tensor:
    """Image i has the value i in all of its pixels."""
    return torch.arange(float(NUM))[:, None, None, None].expand(NUM, 2, 10, 20).clone()


def test_no_sample_is_its_own_partner_and_each_is_one() -> None:
    for num in (2, 3, NUM):
        _, partner, _ = mixed(Mix(mixup=1.0), torch.zeros(num, 3))

        assert sorted(partner.tolist()) == list(range(num))
        assert not (partner == torch.arange(num)).any()


@pytest.mark.parametrize(("alpha", "deviation"), [(1.0, 12**-0.5), (0.2, (1 / 1.4 / 4) ** 0.5)])
def test_mixup_adds_both_samples_in_shares_of_a_beta_distribution(
    alpha: float, deviation: float
) -> None:
    x, partner, share = mixed(Mix(mixup=alpha), torch.arange(float(NUM))[:, None].expand(NUM, 3))

    expected = share * torch.arange(NUM) + (1 - share) * partner
    assert torch.allclose(x, expected[:, None].expand(NUM, 3))
    assert share.mean() == pytest.approx(0.5, abs=0.05)
    assert share.std() == pytest.approx(deviation, abs=0.03)


def test_cutmix_puts_a_rectangle_over_each_image_and_counts_its_pixels() -> None:
    x, partner, share = mixed(Mix(cutmix=1.0), images())

    is_own = x == images()
    is_other = x == partner[:, None, None, None]
    assert (is_own ^ is_other).all()
    assert torch.allclose(is_own.float().mean((1, 2, 3)), share)
    rows, columns = is_other[:, 0].any(2).sum(1), is_other[:, 0].any(1).sum(1)
    assert torch.equal(rows * columns, is_other[:, 0].sum((1, 2)))
    assert 0.65 < share.mean() < 0.75  # a rectangle at the edge is cut off
    assert share.unique().numel() > 50


def test_both_kinds_are_used_alike_often_and_only_so_many_samples_are_mixed() -> None:
    x, _, share = mixed(Mix(mixup=1.0, cutmix=1.0, probability=0.5), images())

    is_plain = x.flatten(1).std(1) == 0
    assert (share == 1).float().mean() == pytest.approx(0.5, abs=0.08)
    is_mixup = is_plain & (share < 1)
    assert is_mixup.float().mean() == pytest.approx(0.25, abs=0.06)


def test_what_is_drawn_depends_on_the_generator_alone() -> None:
    one, other = (mixed(Mix(mixup=0.2, cutmix=1.0), images()) for _ in range(2))

    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))

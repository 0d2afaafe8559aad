"""Which rates are suggested, from losses whose shape is known."""

import math

import pytest

from distnet.launch.tuning.suggest import RunningMean, is_diverged, suggest

RATES = [10 ** (-6 + 0.08 * step) for step in range(100)]


def losses(*, fall: float = 2.0, low: float = -2.0) -> list[float]:
    """Flat, then falling most where the rate is 0.0001, lowest at 10 ** low, then rising."""
    falling = [fall * (1 - math.tanh(2 * (math.log10(rate) + 4))) for rate in RATES]
    rising = [max(0.0, math.log10(rate) - low) for rate in RATES]
    return [1 + one + other for one, other in zip(falling, rising, strict=True)]


def test_the_rates_are_those_of_the_steepest_and_the_longest_fall_and_below_the_lowest() -> None:
    curve = losses()

    found, problem = suggest(RATES, curve, curve)

    assert problem == ""
    assert [one.rule for one in found] == ["steepest", "valley", "tenth of lowest"]
    steepest, valley, tenth = found
    assert steepest.rate == pytest.approx(1e-4, rel=0.2)
    assert tenth.rate == pytest.approx(1e-3, rel=0.2)
    # The loss falls from the 11th step to the 51st: half of it, in whole sixths.
    assert valley.rate == pytest.approx(RATES[10 + 19], rel=0.2)
    assert valley.loss == pytest.approx(curve[28], rel=0.02)


def test_losses_that_never_fall_suggest_nothing() -> None:
    flat = [2.0 + 0.1 * (-1) ** step for step in range(100)]

    found, problem = suggest(RATES, flat, [2.0 - 1e-6 * step for step in range(100)])
    assert found == []
    assert "falls at none of these rates by more than its noise" in problem
    rising = [1.0 + step for step in range(100)]
    assert suggest(RATES, rising, rising)[0] == []


def test_too_few_losses_suggest_nothing() -> None:
    assert "begin with a lower rate" in suggest(RATES[:15], losses()[:15], losses()[:15])[1]
    assert suggest([], [], [])[0] == []


def test_the_running_mean_is_corrected_for_its_beginning() -> None:
    mean = RunningMean()

    assert [mean.add(3.0), mean.add(3.0)] == pytest.approx([3.0, 3.0])
    assert mean.add(6.0) == pytest.approx((3 * 0.98**2 + 3 * 0.98 + 6) / (0.98**2 + 0.98 + 1))


@pytest.mark.parametrize(
    ("mean", "lowest", "expected"),
    [
        (3.9, 1.0, False),
        (4.1, 1.0, True),
        (-0.5, -1.0, False),
        (2.1, -1.0, True),
        (math.nan, 1.0, True),
    ],
)
def test_a_loss_diverges_above_four_times_its_lowest(
    mean: float, lowest: float, expected: bool
) -> None:
    assert is_diverged(mean, lowest) is expected

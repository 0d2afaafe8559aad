"""Every schedule against torch's own scheduler, at every step."""

from collections.abc import Callable

import pytest
import torch
from torch.optim import lr_scheduler as theirs
from torch.optim.lr_scheduler import LRScheduler

from distnet.spec.sections.schedule import (
    Constant,
    Cosine,
    Exponential,
    OneCycle,
    Schedule,
    Step,
)
from distnet.train.compute.schedule import rate_factor

RATE = 0.3
Make = Callable[[torch.optim.Optimizer, int], LRScheduler]


def warm_up(optimizer: torch.optim.Optimizer, steps: int) -> LRScheduler:
    return theirs.LinearLR(optimizer, start_factor=1 / steps, total_iters=steps - 1)


def warm_cosine(optimizer: torch.optim.Optimizer, n: int) -> LRScheduler:
    rest = theirs.CosineAnnealingLR(optimizer, n - n // 5, eta_min=RATE * 0.1)
    return theirs.SequentialLR(optimizer, [warm_up(optimizer, n // 5), rest], milestones=[n // 5])


def warm_step(optimizer: torch.optim.Optimizer, n: int) -> LRScheduler:
    stairs = theirs.StepLR(optimizer, n // 2, gamma=0.1)
    return theirs.ChainedScheduler([warm_up(optimizer, n // 5), stairs])  # type: ignore[return-value]


def one_cycle(peak: float, first: float, final: float) -> Make:
    return lambda optimizer, n: theirs.OneCycleLR(
        optimizer,
        RATE,
        total_steps=n,
        pct_start=peak,
        div_factor=1 / first,
        final_div_factor=first / final,
        cycle_momentum=False,
    )


SCHEDULES: dict[str, tuple[Schedule, Make]] = {
    "constant": (Constant(), lambda o, _: theirs.ConstantLR(o, factor=1.0)),
    "warm constant": (Constant(warmup=0.2), lambda o, n: warm_up(o, n // 5)),
    "cosine": (Cosine(kind="cosine"), theirs.CosineAnnealingLR),
    "warm cosine": (Cosine(kind="cosine", warmup=0.2, final=0.1), warm_cosine),
    "step": (
        Step(kind="step", every=0.1, factor=0.7),
        lambda o, n: theirs.StepLR(o, n // 10, gamma=0.7),
    ),
    "warm step": (Step(kind="step", every=0.5, warmup=0.2), warm_step),
    "one-cycle": (OneCycle(kind="one-cycle"), one_cycle(0.3, 0.04, 0.0001)),
    "another cycle": (
        OneCycle(kind="one-cycle", peak=0.75, first=0.5, final=0.25),
        one_cycle(0.75, 0.5, 0.25),
    ),
    "exponential": (
        Exponential(kind="exponential", final=0.1),
        lambda o, n: theirs.ExponentialLR(o, gamma=0.1 ** (1 / n)),
    ),
}


def torchs_rates(make: Make, num_steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    scheduler = make(optimizer, num_steps)
    rates = []
    for _ in range(num_steps):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return rates


def our_rates(schedule: Schedule, num_steps: int) -> list[float]:
    return [RATE * rate_factor(schedule, step, num_steps) for step in range(num_steps)]


# torch multiplies the rate of the step before, and so adds up a rounding error a step.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("num_steps", [10, 20, 110])
@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_those_of_torch(name: str, num_steps: int) -> None:
    schedule, make = SCHEDULES[name]

    expected = torchs_rates(make, num_steps)
    assert our_rates(schedule, num_steps) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_a_warm_up_of_part_of_a_step_ends_within_it() -> None:
    assert our_rates(Constant(warmup=0.25), 10) == pytest.approx(
        [RATE * factor for factor in (0.4, 0.8, *[1.0] * 8)]
    )


@pytest.mark.parametrize("num_steps", [1, 2, 3, 7, 200])
@pytest.mark.parametrize("name", ["one-cycle", "another cycle"])
def test_a_cycle_of_few_steps_ends_as_that_of_torch(name: str, num_steps: int) -> None:
    schedule, make = SCHEDULES[name]

    ours = our_rates(schedule, num_steps)
    assert ours == pytest.approx(torchs_rates(make, num_steps), rel=1e-9)
    assert isinstance(schedule, OneCycle)
    assert ours[-1] == pytest.approx(RATE * schedule.final)


def test_a_cycle_whose_rise_is_one_step_begins_at_its_peak() -> None:
    """torch divides by zero here."""
    assert rate_factor(OneCycle(kind="one-cycle", peak=0.25), 0, 4) == 1.0


def test_an_exponential_rate_may_rise() -> None:
    rising = Exponential(kind="exponential", first=0.001, final=1.0)

    assert our_rates(rising, 3) == pytest.approx([RATE * 0.001, RATE * 0.01, RATE * 0.1])

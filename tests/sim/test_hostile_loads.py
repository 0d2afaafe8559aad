"""Nobody is kept waiting beyond the stated bound, whatever others submit."""

import pytest

from tests.sim.hostile_loads import LOADS


@pytest.mark.check
@pytest.mark.parametrize("name", LOADS)
def test_a_fitting_job_starts_within_its_bound(name: str) -> None:
    load = LOADS[name]

    assert load.longest_wait_s() <= load.bound_s

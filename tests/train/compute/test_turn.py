"""The updates of a step, from the phases of a task."""

import pytest

from distnet.tasks.task import Phase
from distnet.train.compute.turn import num_draws, turns_of


def test_one_phase_is_one_turn_whose_random_numbers_need_no_further_key() -> None:
    (turn,) = turns_of((Phase(),))

    assert (turn.draw, turn.key) == (0, ())
    assert num_draws((Phase(),)) == 1


def test_repeats_take_batches_of_their_own_and_same_takes_the_last() -> None:
    phases = (Phase("critic", repeat=3), Phase("generator", batch="same"))

    turns = turns_of(phases)

    assert [turn.phase.name for turn in turns] == ["critic"] * 3 + ["generator"]
    assert [turn.draw for turn in turns] == [0, 1, 2, 2]
    assert len({turn.key for turn in turns}) == 4
    assert num_draws(phases) == 3


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        ((), "found none"),
        ((Phase("a"), Phase("a")), "distinct names"),
        ((Phase("a", batch="same"),), "first phase"),
        ((Phase("a", every=0),), "at least 1"),
        ((Phase("a", repeat=0),), "at least 1"),
        ((Phase("a"), Phase("b", every=2)), "would be left out"),
    ],
)
def test_phases_that_cannot_be_are_refused(phases: tuple[Phase, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        turns_of(phases)

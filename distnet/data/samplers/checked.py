"""A user's own sampler, whose lists are checked each time they are made."""

from typing import Any

import numpy as np

from distnet.data.column import Ints
from distnet.data.samplers.sampler import Sampler
from distnet.errors import PartError
from distnet.spec.code.own_errors import described, own_errors, refusal, require_members

MEMBERS = ("num_samples", "ids")


class CheckedSampler:
    """Passes on the lists of a sampler.

    Args:
        sampler: the user's own.
        num_rows: the samples of the split, from which it chooses.
        what: the sampler, for errors.

    Raises:
        PartError: it is incomplete, or lists something other than samples.
    """

    def __init__(self, sampler: Any, num_rows: int, what: str) -> None:
        require_members(sampler, what, MEMBERS)
        self._own, self._num_rows, self._what = sampler, num_rows, what
        count = sampler.num_samples
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            raise PartError(
                f"{type(sampler).__name__}.num_samples: found {described(count)}, expected a whole "
                "number above 0"
            )
        self.num_samples = int(count)

    def ids(self, epoch: int) -> Ints:
        """The samples of an epoch."""
        with own_errors(self._what):
            found = self._own.ids(epoch)
        expected = f"{self.num_samples} whole numbers from 0 to {self._num_rows - 1}"
        try:
            ids = np.asarray(found)
        except (TypeError, ValueError, RuntimeError):
            raise refusal(self._own, "ids", found, expected) from None
        is_list = ids.shape == (self.num_samples,) and ids.dtype.kind in "iu"
        if not is_list or ids.min() < 0 or ids.max() >= self._num_rows:
            raise refusal(self._own, "ids", found, f"{expected}{_outside(ids, self._num_rows)}")
        return ids.astype(np.int64)


def require_repeatable(sampler: CheckedSampler, again: Sampler | None) -> None:
    """Refuse a sampler whose list of an epoch is another one each time, or in another process.

    Workers make the list each by themselves, and again after a restart, in the middle of a run.

    Args:
        sampler: the sampler.
        again: another one of its kind, which has made no list so far.

    Raises:
        PartError: two lists of one epoch differ.
    """
    name = f"{type(sampler._own).__name__}.ids"
    advice = "draw random numbers from np.random.default_rng((seed, epoch))"
    if not np.array_equal(sampler.ids(0), sampler.ids(0)):
        raise PartError(
            f"{name} returned two lists for epoch 0, expected the same list each time: {advice}"
        )
    if again is not None and not np.array_equal(sampler.ids(1), again.ids(1)):
        raise PartError(
            f"{name} returned another list for epoch 1 when it had made that of epoch 0 before, "
            f"so a resumed run would use other samples: {advice}"
        )


def _outside(ids: Any, num_rows: int) -> str:
    if ids.dtype.kind not in "iu" or not ids.size:
        return ""
    wrong = ids[(ids < 0) | (ids >= num_rows)]
    return f"; found {wrong[0]}" if wrong.size else ""

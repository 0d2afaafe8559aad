"""What an import sets aside of the samples, for a test and for validation.

A split of the source is cut by a hash of each sample, so that a sample stays on its side when
others are added, and copies of one never end up on both. Of a sequence, the last samples are set
aside.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distnet.data.evaluation_split import VALIDATION
from distnet.data.sources.source import RawData
from distnet.data.survey.content import Digests
from distnet.errors import DataError

TEST, VALIDATION_SPLIT = "test", "validation"
TEST_FRACTION = 0.2
Shares = dict[str, float]
"""The part of the samples that each split of the dataset gets; those of the training first."""


def check_fractions(test: float | None, validation: float) -> None:
    """Refuse parts that are none, or that leave nothing to train on.

    Raises:
        DataError: they do.
    """
    given = {"--test-fraction": test or 0.0, "--validation-fraction": validation}
    for option, part in given.items():
        if not 0 <= part <= 1:
            raise DataError(f"{option} is {part}, expected a number from 0 to 1")
    together = _or_default(test) + validation
    if validation and together >= 1:
        raise DataError(
            f"--validation-fraction is {validation} and --test-fraction {_or_default(test)}, "
            "expected less than 1 together: nothing would be left to train on"
        )


def shares_of(data: RawData, test: float | None, validation: float) -> dict[str, Shares]:
    """How each split of a source is cut: by its name, the parts of its samples.

    A source with one split gives all parts. Of one with splits of its own, the training samples
    give those for validation, unless it has a split for that.

    Args:
        data: of the source.
        test: the part for the test; None: 0.2.
        validation: the part for validation.
    """
    if len(data.splits) == 1:
        fraction = _or_default(test)
        parts = {VALIDATION_SPLIT: validation, TEST: fraction}
        return {split: _with_rest(parts) for split in data.splits}
    found = {split: {split: 1.0} for split in data.splits}
    if validation and not _has_validation(data) and "train" in found:
        found["train"] = _with_rest({VALIDATION_SPLIT: validation})
    return found


def warn_of_no_effect(data: RawData, test: float | None, validation: float) -> None:
    """Report options that the source's own splits leave nothing to do."""
    if len(data.splits) == 1:
        return
    why = f"the source has splits of its own: {', '.join(data.splits)}"
    if test:
        data.findings.warned("--test-fraction has no effect", why)
    if validation and (_has_validation(data) or "train" not in data.splits):
        data.findings.warned("--validation-fraction has no effect", why)


def parts_of(
    shares: Shares, samples: range, *, of: int | None, digests: Digests | None
) -> NDArray[Any]:
    """The index among `shares` of each sample.

    Args:
        shares: of the split of the source.
        samples: their numbers in it.
        of: how many it has; needed without digests.
        digests: the hash of each sample; None for a sequence.
    """
    parts = np.zeros(len(samples), np.int64)
    fractions = list(shares.values())
    for index in range(1, len(fractions)):
        part = sum(fractions[index:])
        if digests is not None:
            parts[digests < np.uint64(part * 2**64)] = index
        else:
            assert of is not None
            parts[np.arange(samples.start, samples.stop) >= round(of * (1 - part))] = index
    return parts


def report_set_aside(data: RawData, shares: Mapping[str, Shares]) -> None:
    """Report what was set aside of which split, and by which rule."""
    rule = "the last samples" if data.is_sequence else "chosen by a hash of each sample"
    has_one = len(data.splits) == 1
    for split, parts in shares.items():
        whose = "the source has one split" if has_one else f"a part of the split {split}"
        for name in list(parts)[1:]:
            option = f"--{name}-fraction"
            share = f"{parts[name]:.0%}"
            data.findings.guessed(f"{name} split", share, f"{whose}; {rule}", option=option)


def why_empty(data: RawData, split: str, total: int) -> str:
    """Why a split of the dataset has no samples, and what to do."""
    if len(data.splits) > 1 and split in data.splits:
        return f"no sample of the split {split} could be read; repair its files, or move them away"
    option = f"--{split if split in (TEST, VALIDATION_SPLIT) else TEST}-fraction"
    return (
        f"too few samples for a {split} split ({total} in all); "
        f"change {option}, or give 0 for no {option[2:].partition('-')[0]} split"
    )


def _or_default(test: float | None) -> float:
    return TEST_FRACTION if test is None else test


def _with_rest(parts: Shares) -> Shares:
    """The parts that are not empty, behind the rest, which is trained on."""
    rest = 1 - sum(parts.values())
    return {name: part for name, part in ({"train": rest} | parts).items() if part > 0}


def _has_validation(data: RawData) -> bool:
    return not data.splits.keys().isdisjoint(VALIDATION)

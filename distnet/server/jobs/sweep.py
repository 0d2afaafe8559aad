"""Sweeps: one submit makes a job for every combination of some values.

    train.seed=1..3   optimizer.learning_rate=0.1,0.01

makes six lists of overrides; the last key changes fastest. Values are those of YAML, cut at the
commas outside of brackets and quotes: `network.hidden=[16,16],[32]` has two.
"""

import itertools
import math
import re
from collections.abc import Sequence

from distnet.protocol.errors import InvalidError
from distnet.spec.reading.faults import shortened
from distnet.spec.reading.values import CutError, split_values

MAX_JOBS = 10_000
RANGE = re.compile(r"^(-?[0-9]{1,15})\.\.(-?[0-9]{1,15})(?:\.\.([0-9]{1,15}))?$")


def expand(sweep: Sequence[str]) -> list[tuple[str, ...]]:
    """List the overrides of each job of a sweep; without a sweep, one empty list.

    Args:
        sweep: `KEY=1..10`, `KEY=1..10..3`, `KEY=a,b,c` or `KEY=[1,2],[3]`, each.

    Raises:
        InvalidError: `bad_sweep`.
    """
    keys = [_overrides(text) for text in sweep]
    num_jobs = math.prod(map(len, keys))
    if num_jobs > MAX_JOBS:
        raise _bad(f"--sweep: found {num_jobs:,} combinations, expected at most {MAX_JOBS:,}")
    return list(itertools.product(*keys))


def _overrides(text: str) -> list[str]:
    key, equals, values = text.partition("=")
    if not equals or not key.strip() or not values.strip():
        raise _bad(f"--sweep {shortened(text)}: expected KEY=FIRST..LAST or KEY=VALUE,VALUE")
    match = RANGE.match(values.strip())
    try:
        found = split_values(text, len(key) + 1) if match is None else _range(text, match)
    except CutError as error:
        raise _bad(f"--sweep {shortened(text)}: {error}") from None
    return [f"{key.strip()}={value}" for value in found]


def _range(text: str, match: re.Match[str]) -> list[str]:
    first, last, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if step == 0 or last < first:
        raise _bad(f"--sweep {shortened(text)}: found an empty range, expected FIRST..LAST[..STEP]")
    numbers = range(first, last + 1, step)
    if len(numbers) > MAX_JOBS:
        count = f"{len(numbers):,} values"
        raise _bad(f"--sweep {shortened(text)}: found {count}, expected at most {MAX_JOBS:,}")
    return [str(number) for number in numbers]


def _bad(message: str) -> InvalidError:
    return InvalidError(message, code="bad_sweep")

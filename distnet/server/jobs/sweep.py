"""A sweep: one submit for every combination of some settings.

    train.seed=1..3   optimizer.learning_rate=0.1,0.01

makes six lists of overrides, the last setting changing fastest.
"""

import itertools
import math
import re
from collections.abc import Sequence

from distnet.protocol.errors import InvalidError

MOST = 10_000
RANGE = re.compile(r"^(-?[0-9]{1,15})\.\.(-?[0-9]{1,15})(?:\.\.([0-9]{1,15}))?$")


def expand(sweep: Sequence[str]) -> list[tuple[str, ...]]:
    """List the overrides of each job of a sweep; without a sweep, one empty list.

    Args:
        sweep: `KEY=1..10`, `KEY=1..10..3` or `KEY=a,b,c`, each.

    Raises:
        InvalidError: `bad_sweep`.
    """
    settings = [_values(text) for text in sweep]
    num_jobs = math.prod(len(setting) for setting in settings)
    if num_jobs > MOST:
        raise _bad(f"--sweep: found {num_jobs:,} combinations, expected at most {MOST:,}")
    return list(itertools.product(*settings))


def _values(text: str) -> list[str]:
    key, equals, values = text.partition("=")
    if not equals or not key.strip() or not values.strip():
        raise _bad(f"--sweep {text}: found no key and values, expected KEY=1..10 or KEY=a,b,c")
    return [f"{key.strip()}={value}" for value in _list(text, values.strip())]


def _list(text: str, values: str) -> list[str]:
    match = RANGE.match(values)
    if match is None:
        found = [value.strip() for value in values.split(",")]
        if not all(found):
            raise _bad(f"--sweep {text}: found an empty value, expected values between the commas")
        return found
    first, last, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if step == 0 or last < first:
        raise _bad(f"--sweep {text}: found no number in the range, expected FIRST..LAST[..STEP]")
    numbers = range(first, last + 1, step)
    if len(numbers) > MOST:
        raise _bad(f"--sweep {text}: found {len(numbers):,} values, expected at most {MOST:,}")
    return [str(number) for number in numbers]


def _bad(message: str) -> InvalidError:
    return InvalidError(message, code="bad_sweep")

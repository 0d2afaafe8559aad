"""Sweeps: a job, or a run here, for every combination of some values.

    train.seed=1..3   optimizer.learning_rate=0.1,0.01

makes six lists of overrides; the last key changes fastest. Values are those of YAML, cut at the
commas outside of brackets and quotes: `network.hidden=[16,16],[32]` has two.
"""

import itertools
import math
import re
from collections.abc import Sequence
from typing import Any

from distnet.errors import JobFileError
from distnet.spec.reading.faults import shortened
from distnet.spec.reading.overrides import read_override
from distnet.spec.reading.values import CutError, split_values
from distnet.spec.reading.yaml import Value

MAX_JOBS = 10_000
FOLD = "data.fold"
"""The key of the part of the training samples that is left out, and evaluated on: `2/5`."""
RANGE = re.compile(r"^(-?[0-9]{1,15})\.\.(-?[0-9]{1,15})(?:\.\.([0-9]{1,15}))?$")


def expand(sweep: Sequence[str]) -> list[tuple[str, ...]]:
    """List the overrides of each job of a sweep; without a sweep, one empty list.

    Args:
        sweep: `KEY=1..10`, `KEY=1..10..3`, `KEY=a,b,c` or `KEY=[1,2],[3]`, each.

    Raises:
        JobFileError: a setting has another form, or there are too many combinations.
    """
    keys = [_overrides(text) for text in sweep]
    num_jobs = math.prod(map(len, keys))
    if num_jobs > MAX_JOBS:
        raise JobFileError(
            f"--sweep: found {num_jobs:,} combinations, expected at most {MAX_JOBS:,}"
        )
    return list(itertools.product(*keys))


def folds_setting(folds: int) -> str:
    """The setting that leaves out each of several folds once: `data.fold=1/2,2/2`."""
    return f"{FOLD}={','.join(f'{fold}/{folds}' for fold in range(1, folds + 1))}"


def require_no_folds(settings: Sequence[str], *, stop_early: bool) -> None:
    """Refuse to stop trials early that differ in the fold that they leave out.

    Raises:
        JobFileError: folds are among the settings.
    """
    keys = {text.partition("=")[0].strip() for text in settings}
    if stop_early and FOLD in keys:
        raise JobFileError("--stop-early: found folds beside it, whose mean needs all of them")


def changes(overrides: Sequence[str]) -> dict[str, Any]:
    """What one job of a sweep changes: by dotted key, the value as JSON has it.

    Raises:
        JobFileError: a value is not YAML.
    """
    read = [read_override(text) for text in overrides]
    return {".".join(override.key): _plain(override.value) for override in read}


def naming_sweep(message: str, overrides: Sequence[str]) -> str:
    """Name overrides of a sweep by its option: the job file's reader calls all of them `--set`."""
    for text in overrides:
        message = message.replace(f"--set {shortened(text)}", f"--sweep {shortened(text)}")
    return message


def _plain(value: Value) -> Any:
    """The same value with lists for tuples."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value


def _overrides(text: str) -> list[str]:
    key, equals, values = text.partition("=")
    if not equals or not key.strip() or not values.strip():
        raise JobFileError(
            f"--sweep {shortened(text)}: expected KEY=FIRST..LAST or KEY=VALUE,VALUE"
        )
    match = RANGE.match(values.strip())
    try:
        found = split_values(text, len(key) + 1) if match is None else _range(text, match)
    except CutError as error:
        raise JobFileError(f"--sweep {shortened(text)}: {error}") from None
    return [f"{key.strip()}={value}" for value in found]


def _range(text: str, match: re.Match[str]) -> list[str]:
    first, last, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if step == 0 or last < first:
        raise JobFileError(
            f"--sweep {shortened(text)}: found an empty range, expected FIRST..LAST[..STEP]"
        )
    numbers = range(first, last + 1, step)
    if len(numbers) > MAX_JOBS:
        count = f"{len(numbers):,} values"
        raise JobFileError(
            f"--sweep {shortened(text)}: found {count}, expected at most {MAX_JOBS:,}"
        )
    return [str(number) for number in numbers]

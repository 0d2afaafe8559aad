"""Names of classes."""

import re
from collections.abc import Iterable, Sequence

from distnet.errors import DataError


def natural_order(names: Iterable[str]) -> list[str]:
    """Sort names by the numbers in them: `s2` before `s10`."""
    return sorted(names, key=lambda name: (_pieces(name), name))


def check_names(names: Sequence[str]) -> None:
    """Check that the names of the classes differ.

    Raises:
        DataError: one is empty or given twice.
    """
    for name in names:
        if not name or list(names).count(name) > 1:
            raise DataError(f"--classes: {name!r} is empty or given twice")


def _pieces(name: str) -> list[str | tuple[int, str]]:
    # Splitting by digits gives text and numbers in turn, so pieces of one index compare. Only 0 to
    # 9 count as digits. A longer number is larger; int() refuses those of many digits.
    pieces = re.split(r"([0-9]+)", name)
    return [_size(piece) if index % 2 else piece for index, piece in enumerate(pieces)]


def _size(digits: str) -> tuple[int, str]:
    significant = digits.lstrip("0")
    return len(significant), significant

"""Which numbers of workers are shown, and which of them is best."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from distnet.cluster.forecast.forecast import Row
from distnet.errors import DistnetError
from distnet.report.text import duration
from distnet.spec.plural import counted

MOST = 4096
RANGE = re.compile(r"(\d{1,9})\s*\.\.\s*(\d{1,9})")
LIST = re.compile(r"\d{1,9}(\s*,\s*\d{1,9})*")


def read_workers(text: str) -> list[int]:
    """Read "1..64" (the powers of two between, and both ends) or "1,2,6".

    Raises:
        DistnetError: it is neither, or a number is not between 1 and 4,096.
    """
    if match := RANGE.fullmatch(text.strip()):
        low, high = int(match[1]), int(match[2])
        _require(low <= high, text)
        powers = [1 << n for n in range(MOST.bit_length()) if low < 1 << n < high]
        found = [low, *powers, high]
    else:
        _require(LIST.fullmatch(text.strip()) is not None, text)
        found = [int(number) for number in text.split(",")]
    _require(all(1 <= number <= MOST for number in found), text)
    return sorted(set(found))


@dataclass(frozen=True)
class Wish:
    """What a run may cost and take at most."""

    budget: float | None = None
    deadline_s: float | None = None

    def __str__(self) -> str:
        limits = [] if self.budget is None else [f"a budget of {self.budget:g}"]
        if self.deadline_s is not None:
            limits.append(duration(self.deadline_s))
        return " and ".join(limits)

    def is_met(self, row: Row) -> bool:
        """Whether a row is within both."""
        is_cheap = self.budget is None or (row.cost is not None and row.cost <= self.budget)
        return is_cheap and (self.deadline_s is None or row.run_s <= self.deadline_s)


def choose(rows: Sequence[Row], wish: Wish) -> Row | None:
    """Choose the best row; None if none is within the limits.

    With a deadline, the cheapest that meets it; else the fastest. Of equals, that with the fewest
    workers.
    """
    possible = [row for row in rows if wish.is_met(row)]
    if wish.deadline_s is None:
        return min(possible, key=lambda row: (row.run_s, row.workers), default=None)
    return min(possible, key=lambda row: (row.hosts * row.run_s, row.workers), default=None)


def describe_choice(rows: Sequence[Row], best: Row | None, wish: Wish) -> str:
    """Say which number of workers is best, and by what; or that none is within the limits."""
    if best is None:
        fastest = min(rows, key=lambda row: row.run_s)
        text = f"none within {wish}: the fastest takes {duration(fastest.run_s)}"
        costs = [row.cost for row in rows if row.cost is not None]
        return f"{text}, the cheapest costs {min(costs):.4g}" if costs else text
    what = "fastest" if wish.deadline_s is None else "cheapest"
    within = f" within {wish}" if str(wish) else ""
    return f"{what}{within}: {counted(best.workers, 'worker')}"


def _require(is_valid: bool, text: str) -> None:
    if not is_valid:
        raise DistnetError(
            f"--workers: found {text!r}, expected 1..{MOST} or a list such as 1,2,6, of numbers "
            f"between 1 and {MOST:,}"
        )

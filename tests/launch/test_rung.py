"""A run stops where it is compared with others."""

from pathlib import Path
from typing import Any

import pytest

from distnet.launch.rung import Rung
from distnet.run_folder.paths import RunFolder

BEGIN = {"kind": "attempt", "num_epochs": 9.0, "split": "validation"}


def epoch(number: int, *, is_evaluated: bool = True) -> dict[str, Any]:
    measured = {"validation": {"loss": 1.0}} if is_evaluated else {}
    return {"kind": "epoch", "epoch": number} | measured


@pytest.mark.parametrize(
    ("part", "epochs", "stops_at"),
    [
        (1 / 3, [epoch(n) for n in range(1, 10)], 3),
        (1 / 3, [epoch(n, is_evaluated=n % 2 == 0) for n in range(1, 10)], 4),
        (1 / 3, [epoch(n, is_evaluated=n == 9) for n in range(1, 10)], None),
        (1.0, [epoch(n) for n in range(1, 10)], None),
    ],
)
def test_it_stops_at_the_first_evaluation_from_the_rung_on(
    part: float, epochs: list[dict[str, Any]], stops_at: int | None, tmp_path: Path
) -> None:
    folder, stopped = RunFolder(tmp_path), []
    rung = Rung(folder, part)
    for record in (BEGIN, *epochs):
        rung(record)
        if folder.stop.exists():
            stopped.append(record["epoch"])

    assert stopped[:1] == ([] if stops_at is None else [stops_at])
    assert rung.is_reached == (stops_at is not None)

"""`distnet compare` as a person types it."""

import re
from pathlib import Path

from tests.cli.results.command import call, error_of, parsed


def test_compare_shows_what_differs(runs: Path) -> None:
    text = call("compare", "digits-1", "digits-2", runs=runs).stdout

    assert re.search(r"optimizer\.learning_rate +0\.1 +0\.5", text)
    assert re.search(r"samples/s +123,456 +124,456 \(1\.01x\)", text)
    assert "different weights" in text
    assert "train.batch_size" not in text


def test_compare_prints_json(runs: Path) -> None:
    compared = parsed("compare", "digits-1", "digits-1", "digits-2", runs=runs)

    assert compared["same_weights"] is False
    assert compared["job"]["train.seed"] == [0, 0, 1]
    assert compared["differences"]["test_accuracy"][1] == 0.0


def test_compare_writes_a_page_and_a_figure(runs: Path, tmp_path: Path) -> None:
    html, png = tmp_path / "c.html", tmp_path / "c.png"
    options = ("--html", str(html), "--png", str(png))

    assert call("compare", "digits-1", "broken-net", *options, runs=runs).exit_code == 0
    assert "<svg" in html.read_text()
    assert png.read_bytes().startswith(b"\x89PNG")


def test_compare_refuses_one_run(runs: Path) -> None:
    assert "at least two runs" in error_of("compare", "digits-1", runs=runs)

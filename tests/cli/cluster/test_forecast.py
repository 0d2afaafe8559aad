"""`distnet forecast`, from measured values that are given: table, JSON, picture, refusals."""

import json
from pathlib import Path
from typing import Any

import pytest

from distnet.cli.main import main
from tests.cluster.file.texts import SSH
from tests.cluster.forecast.paces import JOB, PACE

LINK = ("--bandwidth", "100Mbit", "--latency", "1ms")


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    (tmp_path / "pace.json").write_text(json.dumps({"measured": PACE.to_dict()}))
    (tmp_path / "cluster.yaml").write_text(
        f"{SSH}link: {{bandwidth: 100Mbit, latency: 1ms}}\nprice: 0.5\n"
    )
    return tmp_path


def forecast(*words: str) -> int:
    return main(["forecast", "job.yaml", "--from", "pace.json", *words])


def facts(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert forecast(*words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_a_line_for_each_number_of_workers_up_to_the_slices(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert forecast(*LINK) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["WORKERS", "HOSTS", "STEP"]
    assert [line.split()[0] for line in lines[1:6]] == ["1", "2", "4", "8", "16"]
    assert lines[1].split()[2:6] == ["161", "161", "0", "100.0%"]
    assert lines[6] == "fastest: 1 worker"
    assert any("more workers have nothing to do: set train.slices" in line for line in lines)
    assert any(line.startswith("assumption: link: 100 Mbit/s in each direction") for line in lines)


def test_json_has_what_was_measured_so_that_it_can_be_used_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = facts(capsys, *LINK, "--workers", "2,4", "--price", "3")

    assert found["measured"] == json.loads(Path("pace.json").read_text())["measured"]
    assert [row["workers"] for row in found["rows"]] == [2, 4]
    row = found["rows"][0]
    assert row["step_s"] == pytest.approx(row["compute_s"] + row["exchange"]["seconds"])
    assert row["exchange"]["bandwidth_s"] == pytest.approx(0.32)  # 4 MB at 12.5 MB/s
    assert row["limit"] == "bandwidth"
    assert row["cost"] == pytest.approx(2 * 3 * row["run_s"] / 3600)


def test_a_cluster_file_says_link_price_and_nodes(capsys: pytest.CaptureFixture[str]) -> None:
    found = facts(capsys, "--cluster", "cluster.yaml", "--workers", "16")

    assert found["rows"][0]["cost"] > 0
    assert any("the cluster has at most" in note for note in found["notes"])
    faster = facts(capsys, "--cluster", "cluster.yaml", "--workers", "16", "--bandwidth", "10Gbit")
    assert faster["rows"][0]["step_s"] < found["rows"][0]["step_s"]


def test_a_budget_chooses_and_none_within_it_is_exit_code_3(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert facts(capsys, *LINK, "--price", "1", "--budget", "1")["best"] == 1
    assert forecast(*LINK, "--price", "1", "--budget", "0.001") == 3
    assert "none within a budget of 0.001: the fastest takes" in capsys.readouterr().out


def test_the_picture_is_a_png(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert forecast(*LINK, "--picture", "forecast.png") == 0

    assert (files / "forecast.png").read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().err == "wrote forecast.png\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "found workers on several hosts but no --bandwidth and --latency"),
        ((*LINK[:2], "--latency", "fast"), "--latency: found 'fast', expected a latency such as"),
        ((*LINK, "--workers", "0..3"), "--workers: found '0..3', expected 1..4096"),
        ((*LINK, "--budget", "5"), "--budget: found no price, expected --price"),
        ((*LINK, "--set", "train.batch_size=32"), "found train.batch_size 64, but the job has 32"),
    ],
)
def test_refused(words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert forecast(*words) == 2

    assert message in capsys.readouterr().err


def test_what_was_not_measured_is_refused(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "pace.json").write_text('{"measured": {"job": "paced"}}')

    assert forecast(*LINK) == 2
    assert "pace.json: found no measured `device`, expected what" in capsys.readouterr().err

import json
import math
from pathlib import Path
from typing import Any

import pytest

from distnet.errors import RunError
from distnet.run_folder.records.history import read_history, started_at
from tests.run_folder.run_folders import MAE, RMSE, STARTED, attempt, end, trained, write_lines


def test_each_step_and_epoch_is_read_once_in_order(digits: Path) -> None:
    history = read_history(digits / "metrics.jsonl")

    assert [step.step for step in history.steps] == list(range(1, 61))
    assert [epoch.epoch for epoch in history.epochs] == [1, 2, 3]
    assert [one.step for one in history.checkpoints] == [20, 40, 60]
    assert history.end is not None
    assert (history.end.status, history.last_step) == ("finished", 60)


def test_metrics_are_read_under_the_names_that_the_task_gives_them(table: Path) -> None:
    history = read_history(table / "metrics.jsonl")

    assert history.declared == (MAE, RMSE)
    assert set(history.steps[0].metrics) == {"loss", "mae"}
    assert set(history.epochs[0].evaluated["test"]) == {"loss", "mae"}


def test_the_declared_split_and_its_evaluations_are_read(tmp_path: Path) -> None:
    epochs: list[dict[str, Any]] = [
        {"kind": "epoch", "epoch": 1, "step": 10, "valid": {"loss": 0.5}},
        {"kind": "epoch", "epoch": 2, "step": 20},
        {"kind": "epoch", "epoch": 3, "step": 30, "valid": {"loss": 0.25}},
    ]
    write_lines(tmp_path, [attempt(1, split="valid"), *epochs])

    history = read_history(tmp_path / "metrics.jsonl")

    assert history.split == "valid"
    assert history.evaluations("valid") == ((10, {"loss": 0.5}), (30, {"loss": 0.25}))


def test_the_training_loss_is_the_mean_of_the_newest_epoch(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    step = {"kind": "step", "step": 1, "loss": 0.75}
    write_lines(tmp_path, [attempt(1), step])
    assert read_history(path).train_loss == 0.75

    write_lines(tmp_path, [step, {"kind": "epoch", "epoch": 1, "step": 1, "train": {"loss": 0.5}}])
    assert read_history(path).train_loss == 0.5


def test_the_newest_attempt_that_declares_metrics_counts(tmp_path: Path) -> None:
    old = {key: value for key, value in attempt(1).items() if key not in ("metrics", "split")}
    write_lines(tmp_path, [old, attempt(2, metrics=(MAE,)), {**old, "attempt": 3}])

    assert read_history(tmp_path / "metrics.jsonl").declared == (MAE,)


@pytest.mark.parametrize("declared", ["accuracy", [{"format": "percent"}], ["accuracy"]])
def test_a_damaged_declaration_is_named(tmp_path: Path, declared: object) -> None:
    write_lines(tmp_path, [{**attempt(1), "metrics": declared}])

    with pytest.raises(RunError, match=r"metrics\.jsonl:1: damaged at attempt\.metrics"):
        read_history(tmp_path / "metrics.jsonl")


def test_a_later_record_replaces_the_earlier_after_a_resume(resumed: Path) -> None:
    history = read_history(resumed / "metrics.jsonl")

    assert [step.step for step in history.steps] == list(range(1, 61))
    assert [step.attempt for step in history.steps] == [1] * 25 + [2] * 35
    assert history.resumed_at == (25,)
    assert history.seconds == {1: pytest.approx(3.0), 2: 20.0}


def test_steps_after_the_checkpoint_are_forgotten_when_a_resumed_attempt_is_still_behind(
    tmp_path: Path,
) -> None:
    lines = [attempt(1), *trained(1, range(1, 31), 20), attempt(2, step=10)]
    write_lines(tmp_path, [*lines, *trained(2, range(11, 13), 20)])

    history = read_history(tmp_path / "metrics.jsonl")

    assert history.last_step == 12
    assert history.epochs == ()


@pytest.mark.parametrize("tail", ['{"kind": "st', '{"kind": "step", "loss": 0.', "\0\0\0\0"])
def test_a_torn_last_line_is_ignored(digits: Path, tail: str) -> None:
    path = digits / "metrics.jsonl"
    whole = read_history(path)
    path.write_text(path.read_text() + tail)

    assert read_history(path) == whole


@pytest.mark.parametrize("gap", ["\n", ""])
def test_a_torn_line_is_ignored_when_the_next_attempt_follows(resumed: Path, gap: str) -> None:
    path = resumed / "metrics.jsonl"
    whole = read_history(path)
    second = '{"kind": "attempt", "attempt": 2'
    before, after = path.read_text().split(second)
    path.write_text(f'{before}{{"kind": "step", "att{gap}{second}{after}')

    assert read_history(path) == whole


def test_a_torn_line_is_ignored_when_the_end_of_the_attempt_follows(tmp_path: Path) -> None:
    write_lines(tmp_path, [attempt(1), *trained(1, range(1, 4), 20)])
    path = tmp_path / "metrics.jsonl"
    ended = {**end(1, "failed", 0, error="a worker died"), "step": None}
    path.write_text(path.read_text() + '{"kind": "step", "at\n' + json.dumps(ended) + "\n")

    history = read_history(path)

    assert history.end is not None
    assert (history.end.error, history.last_step) == ("a worker died", 3)


def test_a_damaged_line_in_the_middle_is_named(digits: Path) -> None:
    path = digits / "metrics.jsonl"
    lines = path.read_text().splitlines()
    lines[4] = lines[4][:30]
    path.write_text("\n".join(lines))

    with pytest.raises(RunError, match=r"metrics\.jsonl:5: damaged"):
        read_history(path)


def test_a_wrong_value_is_named_with_its_line_and_key(digits: Path) -> None:
    path = digits / "metrics.jsonl"
    lines = path.read_text().splitlines()
    lines[2] = json.dumps({**json.loads(lines[2]), "loss": "low"})
    path.write_text("\n".join(lines))

    with pytest.raises(RunError, match=r"metrics\.jsonl:3: damaged at step\.loss"):
        read_history(path)


def test_records_of_a_newer_version_are_ignored(digits: Path) -> None:
    path = digits / "metrics.jsonl"
    whole = read_history(path)
    path.write_text('{"kind": "weather", "rain": true}\n' + path.read_text())

    assert read_history(path) == whole


def test_a_loss_that_is_not_finite_is_read(failed: Path) -> None:
    path = failed / "metrics.jsonl"

    assert math.isnan(read_history(path).steps[-1].loss)

    path.write_text(path.read_text().replace("NaN", "null"))
    assert math.isnan(read_history(path).steps[-1].loss)


def test_a_missing_file_is_a_run_that_has_not_begun(tmp_path: Path) -> None:
    history = read_history(tmp_path / "metrics.jsonl")

    assert (history.last_step, history.end) == (0, None)


def test_the_start_is_that_of_the_first_attempt(resumed: Path, tmp_path: Path) -> None:
    assert started_at(resumed / "metrics.jsonl") == STARTED
    assert started_at(tmp_path / "nothing.jsonl") is None

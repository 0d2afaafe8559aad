from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distnet.report.curves import draw_metric, finite, smooth, thin
from distnet.report.style import to_png, to_svg
from distnet.run_folder.records.history import History, read_history
from distnet.run_folder.records.kinds import Step
from distnet.spec.metric import LOSS, Metric
from tests.run_folder import run_folders
from tests.run_folder.run_folders import ACCURACY


def steps(*losses: float | None) -> History:
    lines = [{"kind": "step", "step": i, "loss": loss} for i, loss in enumerate(losses, start=1)]
    return History(steps=tuple(map(Step.model_validate, lines)))


def test_the_loss_shows_steps_epochs_splits_and_resumes(resumed: Path) -> None:
    figure = draw_metric(read_history(resumed / "metrics.jsonl"), LOSS)

    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert labels == ["train, steps", "train, mean of epoch", "test, best 0.1322", "resumed"]


def test_the_best_evaluation_follows_the_direction_of_the_metric(tmp_path: Path) -> None:
    values = (0.5, 0.75, 0.25)
    lines = [
        {"kind": "epoch", "epoch": i, "step": 10 * i, "test": {"auc": value, "error": value}}
        for i, value in enumerate(values, start=1)
    ]
    run_folders.write_lines(tmp_path, [run_folders.attempt(1), *lines])
    history = read_history(tmp_path / "metrics.jsonl")

    for metric, label in [
        (Metric("auc", "percent", "higher"), "test, best 75.00%"),
        (Metric("error", "number", "lower"), "test, best 0.25"),
    ]:
        axes = draw_metric(history, metric).axes[0]
        assert axes.get_legend_handles_labels()[1] == [label]
        assert axes.get_ylabel() == f"{metric.name} ({metric.direction} is better)"


def test_percents_end_at_100_and_are_written_as_percents(digits: Path) -> None:
    figure = draw_metric(read_history(digits / "metrics.jsonl"), ACCURACY)

    to_svg(figure)
    axes = figure.axes[0]
    assert axes.get_ylim()[1] < 1.02
    assert any(tick.get_text().endswith("%") for tick in axes.get_yticklabels())


def test_a_loss_that_is_nan_throughout_can_be_drawn() -> None:
    assert to_png(draw_metric(steps(None, None), LOSS))


def test_thousands_are_separated_on_the_axis(tmp_path: Path) -> None:
    run_folders.write_lines(tmp_path, run_folders.trained(1, range(1, 2001), 1000))
    figure = draw_metric(read_history(tmp_path / "metrics.jsonl"), LOSS)

    to_svg(figure)
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert "2,000" in ticks


def test_a_long_line_is_thinned_to_its_extremes() -> None:
    y = np.sin(np.arange(100_000.0))
    y[777] = 9.0
    x, thinned = thin((np.arange(100_000.0), y), points=100)

    assert (x.size, thinned.size) == (200, 200)
    assert (thinned.max(), thinned.min()) == (9.0, y.min())
    assert np.all(np.diff(x) >= 0)


def test_smoothing_keeps_a_constant_and_calms_noise() -> None:
    at = np.arange(1000.0)
    noise = np.random.default_rng(0).normal(size=1000)

    assert np.allclose(smooth((at, np.full(1000, 3.0)))[1], 3.0)
    assert smooth((at, noise))[1].std() < 0.5 * noise.std()


def test_points_that_are_not_finite_are_left_out() -> None:
    x, y = finite([1, 2, 3], [0.5, float("nan"), float("inf")])

    assert (x.tolist(), y.tolist()) == ([1.0], [0.5])


@pytest.mark.parametrize("settings", [{"lines.linewidth": 9, "axes.facecolor": "black"}])
def test_a_plot_is_the_same_whatever_the_users_settings(
    digits: Path, settings: dict[str, Any]
) -> None:
    import matplotlib

    history = read_history(digits / "metrics.jsonl")
    ours = to_svg(draw_metric(history, LOSS))
    with matplotlib.rc_context(settings):
        assert to_svg(draw_metric(history, LOSS)) == ours

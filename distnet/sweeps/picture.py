"""What a sweep looks like: a scatter of one numeric key, else parallel coordinates."""

from collections.abc import Sequence
from typing import Any

from distnet.protocol.sweeps import SweepResponse, TrialResponse
from distnet.report.figures.parallel import LOG_FROM
from distnet.run_folder.figures import Cell, Figure, Parallel, Scatter, Series
from distnet.spec.metric import Format, Metric
from distnet.spec.plural import counted
from distnet.spec.value_text import value_text


def picture(sweep: SweepResponse) -> Figure | None:
    """Draw the headline metric over the keys that changed; None for fewer than two values."""
    measured = [trial for trial in sweep.trials if trial.value is not None]
    if sweep.metric is None or len(measured) < 2 or not sweep.keys:
        return None
    if len(sweep.keys) == 1 and all(_is_number(trial.changes[sweep.keys[0]]) for trial in measured):
        return _scatter(sweep, measured, sweep.metric)
    return _parallel(sweep, measured, sweep.metric)


def _scatter(sweep: SweepResponse, trials: Sequence[TrialResponse], metric: Metric) -> Scatter:
    [key] = sweep.keys
    points = sorted((float(trial.changes[key]), trial.value or 0.0) for trial in trials)
    xs = [x for x, _ in points]
    return Scatter(
        title=f"{sweep.metric_name} over {key}",
        x_label=key,
        y_label=f"{sweep.metric_name} ({metric.direction} is better)",
        series=(Series("trials", tuple(xs), tuple(y for _, y in points)),),
        is_log=xs[0] > 0 and xs[-1] / xs[0] >= LOG_FROM,
        y_format=metric.format,
    )


def _parallel(sweep: SweepResponse, trials: Sequence[TrialResponse], metric: Metric) -> Parallel:
    names = [trial.name for trial in trials]
    plain: list[Format] = ["number"] * len(sweep.keys)
    return Parallel(
        title=counted(len(trials), "trial"),
        columns=(*sweep.keys, sweep.metric_name),
        rows=tuple(
            (*(_cell(trial.changes.get(key)) for key in sweep.keys), trial.value)
            for trial in trials
        ),
        formats=(*plain, metric.format),
        best=names.index(sweep.best) if sweep.best in names else None,
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: Any) -> Cell:
    return value if isinstance(value, str | int | float) else value_text(value)

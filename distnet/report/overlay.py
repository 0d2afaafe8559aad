"""Several runs in one figure, and the page that shows them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from distnet.report.compare import Comparison
from distnet.report.curves import finite, score_title, smooth, thin
from distnet.report.figures import Drawing
from distnet.report.page import inline, render
from distnet.report.run import Run
from distnet.report.style import SERIES, new_axes, number_axis, styled, to_png
from distnet.report.text import shorten
from distnet.run_folder.record_kinds import Step
from distnet.run_folder.write import write_whole


@styled()
def draw_overlay(runs: Sequence[Run], labels: Sequence[str], metric: str) -> Figure:
    """Draw a metric of each run: training as a thin line, evaluations as points."""
    figure, axes = new_axes("Loss" if metric == "loss" else score_title(metric))
    value = _reader(metric)
    for index, (run, label) in enumerate(zip(runs, labels, strict=True)):
        colour = SERIES[index % len(SERIES)]
        steps = [(s.step, value(s)) for s in run.history.steps]
        line = smooth(finite([x for x, _ in steps], [y for _, y in steps]))
        axes.plot(*thin(line), color=colour, alpha=0.45, linewidth=1)
        measured = [(e.step, e.evaluated.get(run.split, {})) for e in run.history.epochs]
        points = [(x, metrics[metric]) for x, metrics in measured if metric in metrics]
        marks = finite([x for x, _ in points], [y for _, y in points])
        axes.plot(*marks, color=colour, marker="o", markersize=4, label=shorten(label, 28))
    axes.set_xlabel("step (thin: train, points: test)")
    axes.set_ylabel("mean loss of a sample" if metric == "loss" else metric)
    number_axis(axes.xaxis, integer=True)
    number_axis(axes.yaxis)
    axes.legend()
    return figure


def draw_overlays(runs: Sequence[Run], labels: Sequence[str]) -> dict[str, Drawing]:
    """Draw the loss of the runs, and their scores where they have one."""
    names = ["loss", *dict.fromkeys(run.score_name for run in runs if run.score_name)]
    return {
        name: Drawing(name, f"{name} of the runs over steps", draw_overlay(runs, labels, name))
        for name in names
    }


def write_comparison(path: Path, runs: Sequence[Run], comparison: Comparison) -> None:
    """Write the self-contained page of a comparison.

    Raises:
        RunError: it cannot be written.
    """
    figures = inline(draw_overlays(runs, comparison.labels))
    page = render("compare.html", comparison=comparison, figures=figures)
    write_whole(path, page.encode(errors="replace"))


def write_overlay(path: Path, runs: Sequence[Run], comparison: Comparison) -> None:
    """Write the losses of the runs in one PNG.

    Raises:
        RunError: it cannot be written.
    """
    write_whole(path, to_png(draw_overlay(runs, comparison.labels, "loss")))


def _reader(metric: str) -> Callable[[Step], float]:
    if metric == "loss":
        return lambda step: step.loss
    return lambda step: step.scores.get(metric, float("nan"))

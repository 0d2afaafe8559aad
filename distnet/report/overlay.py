"""Several runs in one plot, and the page that shows them."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from distnet.report.colours import SERIES
from distnet.report.compare import Comparison
from distnet.report.curves import finite, smooth, thin
from distnet.report.page import inline
from distnet.report.parts import Plot
from distnet.report.run import Run
from distnet.report.style import new_axes, number_axis, styled, to_png
from distnet.report.templates.render import render
from distnet.report.text import shorten
from distnet.run_folder.write import write_whole
from distnet.spec.metric import LOSS, Metric


@styled()
def draw_overlay(runs: Sequence[Run], labels: Sequence[str], metric: Metric) -> Figure:
    """Draw a metric of each run: training as a thin line, evaluations as points."""
    figure, axes = new_axes(metric.title)
    for index, (run, label) in enumerate(zip(runs, labels, strict=True)):
        colour = SERIES[index % len(SERIES)]
        steps = [step for step in run.history.steps if metric.name in step.metrics]
        line = finite([s.step for s in steps], [s.metrics[metric.name] for s in steps])
        axes.plot(*thin(smooth(line)), color=colour, alpha=0.45, linewidth=1)
        evaluated = [e for e in run.history.evaluations(run.split) if metric.name in e[1]]
        points = finite([step for step, _ in evaluated], [m[metric.name] for _, m in evaluated])
        if line[0].size or points[0].size:
            axes.plot(*points, color=colour, marker="o", markersize=4, label=shorten(label, 28))
    splits = " or ".join(dict.fromkeys(run.split for run in runs))
    axes.set_xlabel(f"step (thin: train, points: {splits})")
    axes.set_ylabel(f"{metric.name} ({metric.direction} is better)")
    number_axis(axes.xaxis, integer=True)
    number_axis(axes.yaxis, form=metric.format)
    if axes.get_legend_handles_labels()[1]:
        axes.legend()
    return figure


def draw_overlays(runs: Sequence[Run], labels: Sequence[str]) -> list[Plot]:
    """Draw the loss of the runs, and their headline metrics where they have one."""
    headlines = dict.fromkeys(run.headline for run in runs if run.headline)
    plots = []
    for metric in (LOSS, *headlines):
        title = metric.title
        plots.append(Plot(title, f"{title} of the runs", draw_overlay(runs, labels, metric)))
    return plots


def write_comparison(path: Path, runs: Sequence[Run], comparison: Comparison) -> None:
    """Write the self-contained page of a comparison.

    Raises:
        RunError: it cannot be written.
    """
    plots = inline(draw_overlays(runs, comparison.labels))
    page = render("compare.html", comparison=comparison, plots=plots)
    write_whole(path, page.encode(errors="replace"))


def write_overlay(path: Path, runs: Sequence[Run], comparison: Comparison) -> None:
    """Write the losses of the runs in one PNG.

    Raises:
        RunError: it cannot be written.
    """
    write_whole(path, to_png(draw_overlay(runs, comparison.labels, LOSS)))

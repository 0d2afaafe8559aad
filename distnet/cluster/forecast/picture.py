"""The picture of a forecast: a step by what takes its time, and the speed on W workers."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from distnet.cluster.forecast.forecast import Row
from distnet.report.style import (
    BLUE,
    GREEN,
    MUTED,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    number_axis,
    styled,
    to_png,
)
from distnet.report.text import number
from distnet.run_folder.write import write_whole

WIDTH, HEIGHT = 10.0, 4.2
"""Inches."""
BAR = 0.7
PARTS = {
    "samples": (BLUE, lambda row: row.samples_s),
    "each slice and step": (SKY, lambda row: row.least_s),
    "bandwidth": (ORANGE, lambda row: row.exchange.bandwidth_s),
    "latency": (RED, lambda row: row.exchange.latency_s),
    "messages": (PURPLE, lambda row: row.exchange.messages_s),
    "additions": (GREEN, lambda row: row.exchange.additions_s),
}


def write_picture(path: Path, title: str, rows: Sequence[Row], best: Row | None) -> None:
    """Draw the rows into a PNG file."""
    write_whole(path, to_png(draw(title, rows, best)))


@styled()
def draw(title: str, rows: Sequence[Row], best: Row | None) -> Figure:
    """Draw two plots side by side."""
    figure = Figure(figsize=(WIDTH, HEIGHT))
    step, speed = figure.subplots(1, 2)
    step.set_title(title, pad=10)
    _draw_step(step, rows)
    speed.set_title("Speed", pad=10)
    _draw_speed(speed, rows, best)
    return figure


def _draw_step(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw a bar for each number of workers, of the parts that are not too small to be seen."""
    base = [0.0] * len(rows)
    highest = max(row.step_s for row in rows)
    for name, (colour, seconds_of) in PARTS.items():
        heights = [1000 * seconds_of(row) for row in rows]
        if max(heights) < highest:  # less than a thousandth of the highest bar
            continue
        axes.bar(range(len(rows)), heights, BAR, bottom=base, color=colour, label=name)
        base = [low + height for low, height in zip(base, heights, strict=True)]
    axes.set_xticks(range(len(rows)), [number(row.workers) for row in rows])
    if len(rows) > 8:
        axes.tick_params(axis="x", rotation=45)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("workers")
    axes.set_ylabel("milliseconds of a step")
    number_axis(axes.yaxis)
    axes.legend()


def _draw_speed(axes: Axes, rows: Sequence[Row], best: Row | None) -> None:
    """Draw samples/s, and those of one worker times W."""
    workers = [row.workers for row in rows]
    ideal = [row.samples_per_s / row.efficiency for row in rows]
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.plot(workers, ideal, color=MUTED, linestyle="--", linewidth=1.2, label="W times one")
    speeds = [row.samples_per_s for row in rows]
    axes.plot(workers, speeds, color=BLUE, marker="o", markersize=4, label="forecast")
    if best is not None:
        at = [best.workers], [best.samples_per_s]
        axes.plot(*at, "o", color=ORANGE, markersize=9, fillstyle="none", label="best")
    axes.xaxis.set_major_locator(FixedLocator(workers[:: 1 + len(workers) // 8]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axes.set_xlabel("workers")
    axes.set_ylabel("samples/s")
    number_axis(axes.yaxis)
    axes.legend()

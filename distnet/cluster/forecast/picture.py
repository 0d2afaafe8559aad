"""The picture of a forecast: what takes the time of a step, and the speed on W workers."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from distnet.cluster.forecast.forecast import Row
from distnet.report.colours import BLUE, GREEN, ORANGE, PURPLE, RED, SKY
from distnet.report.style import MUTED, number_axis, styled, to_png
from distnet.report.text import number
from distnet.run_folder.write import write_whole

WIDTH, HEIGHT = 11.0, 4.2
"""Inches."""
BAR, LEAST_SHARE = 0.7, 0.005
MOST_LEVEL = 8
"""More labels of an axis than this are turned."""
PARTS: dict[str, tuple[str, Callable[[Row], float]]] = {
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
    """Draw a bar of shares for each number of workers; what is always small is left out."""
    base = [0.0] * len(rows)
    for name, (colour, seconds_of) in PARTS.items():
        shares = [seconds_of(row) / row.step_s for row in rows]
        if max(shares) < LEAST_SHARE:
            continue
        axes.bar(range(len(rows)), shares, BAR, bottom=base, color=colour, label=name)
        base = [low + share for low, share in zip(base, shares, strict=True)]
    axes.set_xticks(range(len(rows)), [number(row.workers) for row in rows])
    if len(rows) > MOST_LEVEL:
        axes.tick_params(axis="x", rotation=45)
    axes.grid(visible=False, axis="x")
    axes.set_ylim(0, 1)
    axes.set_xlabel("workers")
    axes.set_ylabel("share of a step")
    number_axis(axes.yaxis, form="percent")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


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

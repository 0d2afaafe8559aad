"""The report of a run: one self-contained page, and its figures as PNG files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from distnet.report import text
from distnet.report.arrays import read_arrays
from distnet.report.commands import commands
from distnet.report.measured import measured_on
from distnet.report.parts import Part, Plot
from distnet.report.plots import Drawn, by_name, draw_run
from distnet.report.run import Run, read_run
from distnet.report.style import to_png, to_svg
from distnet.report.summary import Summary, attempt_rows, summarise
from distnet.report.templates.render import render
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.records.trackers import tracked_links
from distnet.run_folder.write import write_whole
from distnet.spec.metric import LOSS


@dataclass(frozen=True)
class InlinePlot:
    """A plot as a page holds it."""

    alt: str
    svg: Markup


def write_report(folder: RunFolder) -> Path:
    """Write the page and the PNG files of a run, finished or not, and return the page.

    Raises:
        RunError: there is no run, a file of it is damaged, or the report cannot be written.
    """
    run, drawn = _drawn(folder)
    for name, plot in by_name([*drawn.learning, *drawn.evaluation]).items():
        write_whole(folder.figures / f"{name}.png", to_png(plot.canvas))
    write_whole(folder.report, _page(run, drawn))
    return folder.report


def draw_page(folder: RunFolder) -> bytes:
    """Draw the page of a run, finished or not, and write nothing.

    Raises:
        RunError: there is no run, or a file of it is damaged.
    """
    return _page(*_drawn(folder))


def figure_page(title: str, part: Part) -> str:
    """Make a page of one figure alone."""
    plots, listings = ([part], []) if isinstance(part, Plot) else ([], [part])
    return render("figure.html", title=title, plots=inline(plots), listings=listings)


def _drawn(folder: RunFolder) -> tuple[Run, Drawn]:
    run = read_run(folder)
    return run, draw_run(run, read_arrays(folder.pictures))


def _page(run: Run, drawn: Drawn) -> bytes:
    page = render(
        "report.html",
        **_values(run),
        learning=inline(drawn.learning),
        figures=inline(drawn.evaluation),
        listings=drawn.listings,
    )
    return page.encode(errors="replace")


def inline(plots: Iterable[Plot]) -> list[InlinePlot]:
    """Turn plots into SVG elements; matplotlib has escaped the text in them."""
    return [InlinePlot(plot.alt, Markup(to_svg(plot.canvas))) for plot in plots]


def _values(run: Run) -> dict[str, Any]:
    summary, evaluation = summarise(run), run.evaluation
    measured = {evaluation.split: evaluation.metrics} if evaluation else {}
    return {
        "run": run,
        "summary": summary,
        "headline": summary.headline,
        "evaluated": measured_on(run, measured),
        "facts": _facts(summary),
        "tracked": tracked_links(run.folder),
        "attempts": attempt_rows(run, summary),
        "commands": commands(run, summary),
        "plan": _rows(run.plan),
        "environment": _rows(run.environment),
    }


def _facts(summary: Summary) -> list[tuple[str, str]]:
    facts = _headline(summary)
    facts += [(one.name, one.text) for one in summary.measured if one.metric == LOSS]
    facts += [
        ("samples/s", text.rate(summary.samples_per_second)),
        ("workers", text.number(summary.workers)),
        ("epochs", text.progress(summary.epochs, summary.epochs_planned)),
        ("steps", text.progress(summary.steps, summary.steps_planned)),
        ("training time", text.duration(summary.seconds)),
    ]
    if summary.weights_sha256:
        facts.append(("weights sha256", summary.weights_sha256[:12]))
    return facts


def _headline(summary: Summary) -> list[tuple[str, str]]:
    """The headline metric, what a simple rule reaches, and the same metric of another split."""
    headline, baseline = summary.headline, summary.baseline
    if headline is None:
        return []
    metric = headline.metric
    value = baseline.metrics.get(metric.name) if baseline else None
    rule = [(baseline.name, metric.text(value))] if baseline and value is not None else []
    others = [m for m in summary.measured if m.split not in ("train", headline.split)]
    same = [(one.name, one.text) for one in others if one.metric == metric]
    return [(headline.name, headline.text), *rule, *same]


def _rows(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [(text.label(k), text.cell(v, k)) for k, v in text.flatten(values).items()]

"""The report of a run: one self-contained page, and its figures as PNG files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from distnet.report import text
from distnet.report.commands import commands
from distnet.report.evaluation import read_pictures
from distnet.report.figures import Drawing, draw_all
from distnet.report.run import Run, read_run
from distnet.report.style import to_png, to_svg
from distnet.report.summary import Summary, attempt_rows, summarise
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.write import write_whole


@dataclass(frozen=True)
class InlineFigure:
    """A figure as a page holds it."""

    alt: str
    svg: Markup


def write_report(folder: RunFolder) -> Path:
    """Write the page and the PNG files of a run, finished or not, and return the page.

    Raises:
        RunError: there is no run, a file of it is damaged, or the report cannot be written.
    """
    run = read_run(folder)
    drawings = draw_all(run, read_pictures(folder.pictures))
    page = render("report.html", **_values(run), figures=inline(drawings))
    for name, drawing in drawings.items():
        write_whole(folder.figures / f"{name}.png", to_png(drawing.figure))
    write_whole(folder.report, page.encode(errors="replace"))
    return folder.report


def render(template: str, **values: Any) -> str:
    """Fill in a template of this room; every value is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "cell": text.cell,
        "duration": text.duration,
        "moment": text.moment,
        "number": text.number,
        "rate": text.rate,
        "score": text.score,
    }
    return environment.get_template(template).render(**values)


def inline(drawings: dict[str, Drawing]) -> dict[str, InlineFigure]:
    """Turn figures into SVG elements; matplotlib has escaped the text in them."""
    return {
        name: InlineFigure(drawing.alt, Markup(to_svg(drawing.figure)))
        for name, drawing in drawings.items()
    }


def _values(run: Run) -> dict[str, Any]:
    summary = summarise(run)
    return {
        "run": run,
        "summary": summary,
        "facts": _facts(run, summary),
        "attempts": attempt_rows(run, summary),
        "commands": commands(run, summary),
        "plan": _rows(run.plan),
        "environment": _rows(run.environment),
    }


def _facts(run: Run, summary: Summary) -> list[tuple[str, str]]:
    first = [summary.score_name, "loss"]
    metrics = [
        (f"{run.split} {name}", summary.metrics.get(f"{run.split}_{name}")) for name in first
    ]
    facts = [(name, text.score(value)) for name, value in metrics if value is not None]
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


def _rows(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [(text.label(k), text.cell(v, k)) for k, v in text.flatten(values).items()]

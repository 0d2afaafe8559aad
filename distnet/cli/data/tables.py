"""What a dataset contains, as tables on the terminal."""

from pathlib import Path

from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from distnet.cli.console import stdout_console
from distnet.cli.output import print_json
from distnet.data.fields.field import Field
from distnet.data.import_summary import Finding, ImportSummary
from distnet.data.manifest import Manifest
from distnet.spec.printable import printable

MOST_CLASSES = 30
MOST_NUMBERS = 8
MOST_FINDINGS = 15  # of a section
PIPE_WIDTH = 10_000  # no line is broken there, so that all of them can be searched
SECTIONS = {
    "read": Text("read", style="green"),
    "left_out": Text("left out", style="yellow"),
    "guessed": Text("guessed", style="cyan"),
    "warnings": Text("warning", style="red"),
}


def show_dataset(folder: Path, manifest: Manifest, *, as_json: bool) -> None:
    """Print what a dataset contains."""
    if as_json:
        facts = {"dataset": str(folder), "sha256": manifest.sha256}
        print_json(facts | manifest.model_dump(mode="json"))
        return
    console = stdout_console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(Text.assemble((manifest.name, "bold"), f"  {folder}"), soft_wrap=True)
    console.print(_facts_table(manifest))
    console.print(_splits_table(manifest))
    if manifest.y.kind == "class":
        console.print(_classes_table(manifest))
    if manifest.import_summary is not None:
        console.print(_summary_table(manifest.import_summary))


def _summary_table(summary: ImportSummary) -> Table:
    table = Table("import")
    table.add_column("count", justify="right")
    for name in ("what", "why", "example", "to change it"):
        table.add_column(name, overflow="fold")
    for section, title in SECTIONS.items():
        findings: tuple[Finding, ...] = getattr(summary, section)
        for finding in findings[:MOST_FINDINGS]:
            table.add_row(title, f"{finding.count:,}", *map(printable, _texts(finding)))
        if len(findings) > MOST_FINDINGS:
            table.add_row(title, "", f"and {len(findings) - MOST_FINDINGS} more: see --json")
    return table


def _texts(finding: Finding) -> tuple[str, str, str, str]:
    what = f"{finding.what}: {finding.value}" if finding.value else finding.what
    return what, finding.why, finding.example, finding.option


def _facts_table(manifest: Manifest) -> Table:
    x, y = manifest.x, manifest.y
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    unit = " (as 0 to 1)" if x.dtype == "uint8" else ""
    numbers = "a number" if y.shape == (1,) else f"{_shape(y.shape)} numbers"
    target = f"one of {len(y.classes)} classes" if y.classes else numbers
    names = f": {_listed(y.names)}" if y.names else ""
    columns = f": {_listed(x.names)}" if x.names else ""
    of_y = [
        ("mean of y", _listed(_means(y, 6))),
        ("std of y", _listed([f"{number:.6g}" for number in y.std])),
    ]
    for name, value in (
        ("x", f"{x.kind} {_shape(x.shape)} of {x.dtype}{columns}"),
        ("y", target + names),
        ("mean" + unit, _listed(_means(x, 4))),
        ("std" + unit, _listed([f"{number:.4g}" for number in x.std])),
        *(of_y if y.mean else ()),
        ("source", manifest.source),
        ("licence", manifest.licence),
        ("sha256", manifest.sha256),
    ):
        table.add_row(Text(name, style="dim"), printable(value))
    return table


def _means(field: Field, digits: int) -> list[str]:
    """The means in the units of the source, with more digits where they are far from 0."""
    if not field.origin:
        return [f"{number:.{digits}g}" for number in field.mean]
    return [
        f"{origin + number:.12g}" if origin else f"{number:.{digits}g}"
        for origin, number in zip(field.origin, field.mean, strict=True)
    ]


def _splits_table(manifest: Manifest) -> Table:
    table = Table("split")
    for name in ("samples", "shards", "on disk", "in memory"):
        table.add_column(name, justify="right")
    for name in split_order(manifest):
        split = manifest.splits[name]
        table.add_row(
            name,
            f"{split.num_samples:,}",
            f"{len(split.shards):,}",
            decimal(split.num_bytes),
            decimal(manifest.memory_bytes(name)),
        )
    return table


def _classes_table(manifest: Manifest) -> Table:
    splits = split_order(manifest)
    table = Table("class")
    for name in splits:
        table.add_column(name, justify="right")
    for index, name in enumerate(manifest.y.classes[:MOST_CLASSES]):
        counts = [f"{manifest.y.class_counts[split][index]:,}" for split in splits]
        table.add_row(printable(name), *counts)
    if len(manifest.y.classes) > MOST_CLASSES:
        table.add_row(Text(f"and {len(manifest.y.classes) - MOST_CLASSES} more", style="dim"))
    return table


def split_order(manifest: Manifest) -> list[str]:
    """The names of the splits, `train` first."""
    return sorted(manifest.splits, key=lambda name: (name != "train", name))


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _listed(texts: list[str] | tuple[str, ...]) -> str:
    more = f", ... ({len(texts)} in total)" if len(texts) > MOST_NUMBERS else ""
    # A name with a comma of its own would look like two.
    return ", ".join(f'"{text}"' if "," in text else text for text in texts[:MOST_NUMBERS]) + more

"""What a dataset contains, as tables on the terminal."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from distnet.cli.console import stdout_console
from distnet.cli.output import print_json
from distnet.data.column import num_samples
from distnet.data.fields.audio import AudioField
from distnet.data.fields.field import Field
from distnet.data.fields.music import MusicField
from distnet.data.fields.tokens import TokensField
from distnet.data.manifest import Manifest
from distnet.data.shards import ShardReader
from distnet.data.survey.summary import Finding, ImportSummary
from distnet.spec.plural import counted
from distnet.spec.printable import printable

MOST_CLASSES = 30
MOST_NUMBERS = 8
MOST_TEXTS = 5
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
    for name, field in manifest.fields.items():
        if field.kind == "class":
            head = "class" if name == "y" else name
            console.print(_classes_table(head, field, split_order(manifest)))
    if any(isinstance(field, TokensField) for field in manifest.fields.values()):
        console.print(_texts_table(folder, manifest))
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
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for title, value in (
        *((name, _described(field)) for name, field in manifest.fields.items()),
        *(row for name, field in manifest.fields.items() for row in _moments(name, field)),
        ("source", manifest.source),
        ("licence", manifest.licence),
        ("sha256", manifest.sha256),
    ):
        table.add_row(Text(title, style="dim"), printable(value))
    return table


def _described(field: Field) -> str:
    names = f": {_listed(field.names)}" if field.names else ""
    if field.kind == "class":
        return f"one of {counted(len(field.classes), 'class', 'classes')}"
    if field.kind == "number":
        return ("a number" if field.shape == (1,) else f"{_shape(field.shape)} numbers") + names
    if isinstance(field, AudioField):
        return f"audio of any length, {field.sample_rate:,} samples a second of {field.dtype}"
    if isinstance(field, MusicField):
        longest = f"{field.longest // len(field.voices):,}"
        return f"music of up to {longest} steps for {_listed(field.voices)}"
    if isinstance(field, TokensField):
        length = f"{field.shape[0]:,}" if field.shape else f"up to {field.longest:,}"
        tokens = {"bpe": "parts of words"}.get(field.tokenizer, field.tokenizer)
        return f"text of {length} {tokens}, {len(field.vocabulary):,} different ones"
    shape = _shape(field.shape) or "of any length"
    return f"{field.kind} {shape} of {field.dtype}{names}"


def _moments(name: str, field: Field) -> Iterator[tuple[str, str]]:
    """The rows of mean and standard deviation, where there are any."""
    of, digits = ("", 4) if name == "x" else (f" of {name}", 6)
    unit = " (as 0 to 1)" if field.dtype == "uint8" else ""
    if field.mean:
        yield f"mean{of}{unit}", _listed(_means(field, digits))
        yield f"std{of}{unit}", _listed([f"{number:.{digits}g}" for number in field.std])


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


def _classes_table(head: str, field: Field, splits: Sequence[str]) -> Table:
    table = Table(head)
    for name in splits:
        table.add_column(name, justify="right")
    for index, name in enumerate(field.classes[:MOST_CLASSES]):
        counts = [f"{field.class_counts[split][index]:,}" for split in splits]
        table.add_row(printable(name), *counts)
    if len(field.classes) > MOST_CLASSES:
        table.add_row(Text(f"and {len(field.classes) - MOST_CLASSES} more", style="dim"))
    return table


def _texts_table(folder: Path, manifest: Manifest) -> Table:
    """The first samples of a dataset of texts."""
    split = split_order(manifest)[0]
    fields = {name: field for name, field in manifest.fields.items() if not field.is_visible}
    names = list(fields)
    table = Table(f"sample of {split}", *names)
    columns = ShardReader(folder, manifest, split, names).read_group(0)
    for index in range(min(MOST_TEXTS, num_samples(columns))):
        samples = zip(fields.values(), columns.values(), strict=True)
        texts = [field.caption(np.asarray(column[index])) or "" for field, column in samples]
        table.add_row(str(index), *map(printable, texts))
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

"""From raw files to a dataset: the whole dataset, or nothing.

The same input gives the same bytes: rows keep the order of the source, and what is set aside for
a test is decided by each sample (`making/set_aside.py`).
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from distnet.data.column import Columns, num_samples, select
from distnet.data.features.filling import with_means
from distnet.data.making.census import Census
from distnet.data.making.new_folder import new_folder
from distnet.data.making.set_aside import (
    Shares,
    check_fractions,
    parts_of,
    shares_of,
    warn_of_no_effect,
    why_empty,
)
from distnet.data.manifest import MANIFEST, Manifest, Split, read_manifest
from distnet.data.shard_writer import ShardWriter
from distnet.data.sources.source import RawData, check_exists, detect_kinds, read_source
from distnet.data.survey.content import ContentSurvey, content_digests
from distnet.data.survey.splits import report_classes, report_splits
from distnet.errors import DataError
from distnet.spec.printable import printable

OnProgress = Callable[[int, int | None], None]
"""Called with the samples written so far, and how many there are where that is known."""


def import_dataset(
    source: Path,
    out: Path,
    *,
    kind: str | None = None,
    licence: str = "unknown",
    test_fraction: float | None = None,
    validation_fraction: float = 0.0,
    force: bool = False,
    options: Mapping[str, Any] | None = None,
    like: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Manifest:
    """Make the dataset `out` of the raw files at `source`.

    Args:
        source: a file or folder.
        out: the folder to make.
        kind: of the source; by default detected from the files.
        licence: of the data, for the manifest.
        test_fraction: the part of the samples set aside as `test` where the source has one split;
            by default 0.2. With 1, all are the test.
        validation_fraction: the part set aside as `validation`, of all samples where the source has
            one split, else of `train`, where the source has none for it.
        force: replace a dataset that is there.
        options: of the source, such as `target` or `size`; those that are None are left out.
        like: a dataset whose tokens, classes and sizes are taken.
        on_progress: called after each chunk of samples.

    Raises:
        DataError: the source is faulty, or `out` exists or cannot be written. No partial
            dataset is left behind.
        UnknownPartError: there is no such kind of source.
    """
    check_fractions(test_fraction, validation_fraction)
    check_exists(source)
    _check_free(out, force=force)
    other = None if like is None else read_manifest(like)
    found, *others = [kind] if kind else _kinds(source, options, other)
    fields = None if other is None else other.fields
    with _other_kinds(source, found, others):
        data = read_source(source, found, options or {}, fields)
    if kind is None:
        why = "by the files"
        why += f"; it could also be read as {', '.join(others)}" if others else ""
        data.findings.guessed("kind of source", found, why, option="--kind")
    warn_of_no_effect(data, test_fraction, validation_fraction)
    with new_folder(out) as folder:
        return write_dataset(
            folder,
            data,
            name=printable(out.resolve().name),
            source=printable(f"{found}: {source.resolve().name}"),
            licence=licence,
            test_fraction=test_fraction,
            validation_fraction=validation_fraction,
            on_progress=on_progress,
        )


def _kinds(source: Path, options: Mapping[str, Any] | None, like: Manifest | None) -> list[str]:
    """The kinds that the source may be, first that of the dataset that it shall be like."""
    first = "" if like is None else like.source.partition(":")[0]
    return sorted(detect_kinds(source, options), key=first.__ne__)


@contextmanager
def _other_kinds(source: Path, kind: str, others: Sequence[str]) -> Iterator[None]:
    """Where a folder cannot be read as one kind, say as what it could be read as well."""
    try:
        yield
    except DataError as error:
        if not others or source.is_file():
            raise
        other = f"read as {kind}; it could also be read as {', '.join(others)}: --kind {others[0]}"
        raise DataError(f"{error}\n{source} was {other}") from None


def write_dataset(
    folder: Path,
    data: RawData,
    *,
    name: str,
    source: str,
    licence: str,
    test_fraction: float | None,
    validation_fraction: float = 0.0,
    on_progress: OnProgress | None = None,
) -> Manifest:
    """Write shards and manifest into the empty `folder`.

    Raises:
        DataError: the source is faulty.
        OSError: the disk is full or cannot be written.
    """
    shares = shares_of(data, test_fraction, validation_fraction)
    if data.gaps:
        training = _training(data, shares)
        fields, fill = with_means(data.fields, data.gaps, training)
        data = replace(data, fields=fields, fill=fill)
    census = Census(data.fields)
    splits = _write_splits(folder, data, census, shares, on_progress)
    total = sum(split.num_samples for split in splits.values())
    for split, written in splits.items():
        if written.num_samples == 0:
            raise DataError(f"{source}: {why_empty(data, split, total)}")
    fields = census.described()
    report_splits(data, splits, shares)
    report_classes(fields, data.findings)
    manifest = Manifest(
        name=name,
        source=source,
        licence=licence,
        fields=fields,
        splits=splits,
        table=data.table,
        import_summary=data.findings.summary(),
    )
    with (folder / MANIFEST).open("w", encoding="utf-8") as file:
        file.write(manifest.to_json())
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _write_splits(
    folder: Path,
    data: RawData,
    census: Census,
    shares: Mapping[str, Shares],
    on_progress: OnProgress | None,
) -> dict[str, Split]:
    names = list(dict.fromkeys(name for of_split in shares.values() for name in of_split))
    survey = ContentSurvey(data)
    done = 0
    with ExitStack() as stack:
        writers = {name: ShardWriter(folder, name, data.fields) for name in names}
        for name, writer in writers.items():
            stack.enter_context(writer)
            writer.observe = partial(census.add, name)
        for name, columns in _parts(data, shares, survey):
            writers[name].write(columns)
            done += num_samples(columns)
            if on_progress is not None:
                on_progress(done, data.num_samples)
        survey.report()
        return {name: writer.finish() for name, writer in writers.items()}


def _parts(
    data: RawData, shares: Mapping[str, Shares], survey: ContentSurvey
) -> Iterator[tuple[str, Columns]]:
    """The samples of each split of the dataset, some at a time."""
    for split, chunks in data.splits.items():
        first = 0
        for chunk in chunks():
            digests = None if data.is_sequence else content_digests(data.fields, chunk)
            columns = data.fill(chunk)
            survey.add(split, columns, digests)
            names, samples = list(shares[split]), range(first, first + num_samples(columns))
            if len(names) == 1:
                yield names[0], columns
            else:
                parts = parts_of(shares[split], samples, of=data.num_samples, digests=digests)
                for index, name in enumerate(names):
                    chosen = np.flatnonzero(parts == index)
                    yield name, {n: select(column, chosen) for n, column in columns.items()}
            first = samples.stop


def _training(data: RawData, shares: Mapping[str, Shares]) -> Iterator[Columns]:
    """The samples of the training part, before anything is filled in; of all if there is none."""
    learned = [split for split, parts in shares.items() if "train" in parts]
    for split in learned or list(shares)[:1]:
        first = 0
        for columns in data.splits[split]():
            digests = None if data.is_sequence else content_digests(data.fields, columns)
            samples = range(first, first + num_samples(columns))
            parts = parts_of(shares[split], samples, of=data.num_samples, digests=digests)
            chosen = np.flatnonzero(parts == 0)  # those of the training are the first part
            yield {name: select(part, chosen) for name, part in columns.items()}
            first = samples.stop


def _check_free(out: Path, *, force: bool) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / MANIFEST).is_file():
        raise DataError(f"{out}: exists and is not a dataset; choose another path")
    if not force:
        raise DataError(f"{out}: a dataset exists already; replace it with --force")

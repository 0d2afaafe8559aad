"""From raw files to a dataset: the whole dataset, or nothing.

The same input gives the same bytes: rows keep the order of the source, and a
test split is cut out by a hash of each sample, so that a sample stays on its side when others
are added, and copies of one never end up on both.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distnet.data.census import Census
from distnet.data.column import Columns, num_samples, select
from distnet.data.features.filling import with_means
from distnet.data.manifest import MANIFEST, Manifest, Split, read_manifest
from distnet.data.new_folder import new_folder
from distnet.data.shard_writer import ShardWriter
from distnet.data.sources.source import RawData, detect_kinds, read_source
from distnet.data.survey.content import ContentSurvey, Digests, content_digests
from distnet.data.survey.splits import report_classes, report_splits
from distnet.errors import DataError
from distnet.spec.printable import printable

TEST_FRACTION = 0.2
OnProgress = Callable[[int, int | None], None]
"""Called with the samples written so far, and how many there are where that is known."""


def import_dataset(
    source: Path,
    out: Path,
    *,
    kind: str | None = None,
    licence: str = "unknown",
    test_fraction: float | None = None,
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
        force: replace a dataset that is there.
        options: of the source, such as `target` or `size`; those that are None are left out.
        like: a dataset whose tokens, classes and sizes are taken.
        on_progress: called after each chunk of samples.

    Raises:
        DataError: the source is faulty, or `out` exists or cannot be written. No partial
            dataset is left behind.
        UnknownPartError: there is no such kind of source.
    """
    fraction = TEST_FRACTION if test_fraction is None else test_fraction
    if not 0 <= fraction <= 1:
        raise DataError(f"--test-fraction is {test_fraction}, expected a number from 0 to 1")
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
    if test_fraction and len(data.splits) > 1:
        why = f"the source has splits of its own: {', '.join(data.splits)}"
        data.findings.warned("--test-fraction has no effect", why)
    with new_folder(out) as folder:
        return write_dataset(
            folder,
            data,
            name=printable(out.resolve().name),
            source=printable(f"{found}: {source.resolve().name}"),
            licence=licence,
            test_fraction=fraction,
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
    test_fraction: float,
    on_progress: OnProgress | None = None,
) -> Manifest:
    """Write shards and manifest into the empty `folder`.

    Raises:
        DataError: the source is faulty.
        OSError: the disk is full or cannot be written.
    """
    if data.gaps:
        training = _training(data, test_fraction)
        fields, fill = with_means(data.fields, data.gaps, training)
        data = replace(data, fields=fields, fill=fill)
    census = Census(data.fields)
    splits = _write_splits(folder, data, census, test_fraction, on_progress)
    total = sum(split.num_samples for split in splits.values())
    for split, written in splits.items():
        if written.num_samples == 0:
            raise DataError(f"{source}: {_why_empty(data, split, total)}")
    fields = census.described()
    report_splits(data, splits, test_fraction)
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


def _why_empty(data: RawData, split: str, total: int) -> str:
    if len(data.splits) > 1:
        return f"no sample of the split {split} could be read; repair its files, or move them away"
    return (
        f"too few samples for a {split} split ({total} in all); "
        "change --test-fraction, or give 0 for no test split"
    )


def _write_splits(
    folder: Path,
    data: RawData,
    census: Census,
    test_fraction: float,
    on_progress: OnProgress | None,
) -> dict[str, Split]:
    names = _split_names(data, test_fraction)
    survey = ContentSurvey(data)
    done = 0
    with ExitStack() as stack:
        writers = {name: ShardWriter(folder, name, data.fields) for name in names}
        for name, writer in writers.items():
            stack.enter_context(writer)
            writer.observe = partial(census.add, name)
        for name, columns in _parts(data, names, test_fraction, survey):
            writers[name].write(columns)
            done += num_samples(columns)
            if on_progress is not None:
                on_progress(done, data.num_samples)
        survey.report()
        return {name: writer.finish() for name, writer in writers.items()}


def _split_names(data: RawData, test_fraction: float) -> list[str]:
    if len(data.splits) > 1:
        return list(data.splits)
    return ["train"] * (test_fraction < 1) + ["test"] * (test_fraction > 0)


def _parts(
    data: RawData, names: list[str], test_fraction: float, survey: ContentSurvey
) -> Iterator[tuple[str, Columns]]:
    for split, chunks in data.splits.items():
        first = 0
        for chunk in chunks():
            digests = None if data.is_sequence else content_digests(data.fields, chunk)
            columns = data.fill(chunk)
            survey.add(split, columns, digests)
            if len(data.splits) > 1:
                yield split, columns
            else:
                is_test = _is_test(data, num_samples(columns), first, digests, test_fraction)
                yield from _cut_out(columns, is_test, names)
            first += num_samples(columns)


def _training(data: RawData, test_fraction: float) -> Iterator[Columns]:
    """The samples of the training part, before anything is filled in; of all if there is none."""
    if len(data.splits) > 1:
        yield from data.splits.get("train", next(iter(data.splits.values())))()
        return
    [chunks] = data.splits.values()
    for columns in chunks():
        digests = content_digests(data.fields, columns)
        is_test = _is_test(data, num_samples(columns), 0, digests, test_fraction)
        if test_fraction == 1:
            is_test = ~is_test
        yield {name: select(part, np.flatnonzero(~is_test)) for name, part in columns.items()}


def _cut_out(
    columns: Columns, is_test: NDArray[np.bool_], names: list[str]
) -> Iterator[tuple[str, Columns]]:
    for name in names:
        chosen = np.flatnonzero(is_test if name == "test" else ~is_test)
        yield name, {field: select(column, chosen) for field, column in columns.items()}


def _is_test(
    data: RawData, num: int, first: int, digests: Digests | None, fraction: float
) -> NDArray[np.bool_]:
    """Which of `num` samples are set aside for a test; `first` is the number of those before."""
    if fraction == 1:
        return np.ones(num, np.bool_)
    if digests is not None:
        return digests < np.uint64(fraction * 2**64)
    assert data.num_samples is not None
    return np.arange(first, first + num) >= round(data.num_samples * (1 - fraction))


def _check_free(out: Path, *, force: bool) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / MANIFEST).is_file():
        raise DataError(f"{out}: exists and is not a dataset; choose another path")
    if not force:
        raise DataError(f"{out}: a dataset exists already; replace it with --force")

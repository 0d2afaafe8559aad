"""Open a split of a dataset as a job says: with its view, its sampler and its memory."""

from collections.abc import Mapping
from pathlib import Path

from distnet.data.column import Column, select
from distnet.data.fields.field import Field
from distnet.data.folds import OfRows, rows_of, stored_split
from distnet.data.manifest import Manifest
from distnet.data.order import Order, order_of
from distnet.data.samplers.checked import CheckedSampler
from distnet.data.samplers.sampler import Sampler, SplitIndex
from distnet.data.samplers.shuffled.uniform import Uniform
from distnet.data.shards import ShardReader
from distnet.data.views.checked import CheckedView
from distnet.data.views.view import View
from distnet.errors import DataError
from distnet.spec.code.own_errors import constructed
from distnet.spec.parts import load_part
from distnet.spec.sections.job import Job
from distnet.spec.sections.section import is_own_kind


def build_view(job: Job, data: Manifest, folder: Path) -> View | None:
    """Make the view of the job; None where each row is a sample.

    Args:
        job: the job.
        data: the dataset's manifest.
        folder: of the job file; a user's own parts are found relative to it.

    Raises:
        UnknownPartError: there is none of that name, or it does not fit the data.
    """
    if job.data.view is None:
        return None
    cls, options = load_part("data/views", job.data.view, folder=folder)
    what = f"view {job.data.view.kind}"
    view: View = constructed(what, cls, (data,), options)
    return CheckedView(view, data, what) if is_own_kind(job.data.view.kind) else view


def viewed(data: Manifest, view: View | None) -> Manifest:
    """The manifest as a task sees it: with the fields of the view."""
    return data if view is None else data.model_copy(update={"fields": dict(view.fields)})


def count_samples(job: Job, data: Manifest | None, split: str | None, folder: Path) -> int:
    """The samples that a split has with the job's view; 0 where there is no such split."""
    if data is None or split is None or stored_split(job, split) not in data.splits:
        return 0
    view = build_view(job, data, folder)
    if view is not None:
        return view.num_samples(split)
    stored = data.splits[stored_split(job, split)].num_samples
    rows = rows_of(job, split, stored)
    return stored if rows is None else len(rows)


def whole_fields(data: Manifest, view: View | None) -> Mapping[str, Field]:
    """The fields that a prediction is made for: those of a sample, or of what it is a part of."""
    whole: Mapping[str, Field] = getattr(view, "whole", viewed(data, view).fields)
    return whole


def build_sampler(
    job: Job, dataset: Path, data: Manifest, split: str, *, folder: Path, seed: int | None
) -> Sampler | None:
    """Make what lists the samples of a split; None where each row comes once an epoch.

    Samples are numbered as in the dataset, also those of a part of its training split. With the
    seed None, as for an evaluation, each comes once, in the order of the dataset.

    Raises:
        UnknownPartError: there is none of that name, or it does not fit the data.
    """
    view, stored = build_view(job, data, folder), stored_split(job, split)
    num_rows = data.split(stored).num_samples if view is None else view.num_samples(split)
    rows = rows_of(job, split, num_rows)
    if view is None and rows is None and (job.data.sampler is None or seed is None):
        return None

    def column(name: str) -> Column:
        if name not in data.fields:
            raise DataError(f"found no field {name!r}, expected one of {', '.join(data.fields)}")
        found = ShardReader(dataset, data, stored, [name]).read_all()[name]
        return found if rows is None else select(found, rows)

    num_samples = num_rows if rows is None else len(rows)
    index = SplitIndex(num_samples, job.train.batch_size, column)
    sampler = _sampler(job, index, folder, seed)
    return sampler if rows is None else OfRows(sampler, rows)


def _sampler(job: Job, index: SplitIndex, folder: Path, seed: int | None) -> Sampler:
    if job.data.sampler is None or seed is None:
        return Uniform(index, seed)
    cls, options = load_part("data/samplers", job.data.sampler, folder=folder)
    what = f"sampler {job.data.sampler.kind}"
    sampler: Sampler = constructed(what, cls, (index, seed), options)
    is_own = is_own_kind(job.data.sampler.kind)
    return CheckedSampler(sampler, index.num_samples, what) if is_own else sampler


def build_order(
    job: Job, dataset: Path, data: Manifest, split: str, *, folder: Path, seed: int | None
) -> Order:
    """Make the order of a split: from the manifest alone, except for samplers that read fields.

    Raises:
        DataError: there is no such split, or it does not fit in memory where it has to.
        UnknownPartError: view or sampler do not fit the data.
    """
    sampler = build_sampler(job, dataset, data, split, folder=folder, seed=seed)
    memory, split = job.data.memory, stored_split(job, split)
    return order_of(data, split, memory_bytes=memory, seed=seed, sampler=sampler)

"""The forecast: for each number of workers the time of a step and of the run, and the limit."""

from collections.abc import Sequence
from dataclasses import dataclass

from distnet.cluster.forecast.exchange import ExchangeCost, Link, exact_sum, fast_sum
from distnet.cluster.forecast.layout import Layout
from distnet.cluster.forecast.traffic import ITEM_BYTES
from distnet.launch.pace.pace import Pace
from distnet.spec.sections.job import Job

HOUR_S = 3600.0


@dataclass(frozen=True)
class Terms:
    """What a forecast is made for."""

    link: Link
    per_host: int = 1
    """Workers on each host."""
    price: float | None = None
    """Of a host for an hour."""
    store_bytes_per_s: float | None = None
    """How fast checkpoints are written."""
    start_s: float | None = None
    """Until the first step; None: as measured of a worker's process, without Ray's part."""
    has_slice_each: bool = False
    """Whether a batch has as many slices as there are workers, instead of the job's number."""


@dataclass(frozen=True)
class Row:
    """The forecast for W workers."""

    workers: int
    """W."""
    hosts: int
    slices: int
    samples_s: float
    """Seconds of a step that grow with the samples of a worker."""
    least_s: float
    """Seconds of a step that do not: what each slice and each step takes, however small."""
    exchange: ExchangeCost
    evaluation_s: float
    """Of one evaluation."""
    num_evaluations: int
    checkpoint_s: float
    """For which training waits, in the whole run."""
    step_s: float
    efficiency: float
    """The speed of one worker times W would be 1."""
    samples_per_s: float
    run_s: float
    """The whole run."""
    cost: float | None

    @property
    def compute_s(self) -> float:
        """Seconds of a step that are not exchange."""
        return self.samples_s + self.least_s

    @property
    def limit(self) -> str:
        """What takes the largest part of a step."""
        parts = {
            "compute": self.samples_s,
            "batch": self.least_s,
            "bandwidth": self.exchange.bandwidth_s,
            "latency": self.exchange.latency_s,
            "messages": self.exchange.messages_s,
            "additions": self.exchange.additions_s,
        }
        return max(parts, key=lambda name: parts[name])


def forecast(pace: Pace, job: Job, terms: Terms, workers: Sequence[int]) -> list[Row]:
    """Compute a row for each number of workers, none above `most_workers`."""
    return [_row(pace, job, terms, count) for count in workers]


def most_workers(job: Job, *, has_slice_each: bool) -> int:
    """The largest number of workers that all have something to do."""
    return job.train.batch_size if has_slice_each else job.num_slices


def layout_of(job: Job, terms: Terms, workers: int) -> Layout:
    """The workers of a job on hosts."""
    return Layout(workers, terms.per_host, has_shared_memory=not job.resources.gpus)


def _row(pace: Pace, job: Job, terms: Terms, workers: int) -> Row:
    layout, slices = layout_of(job, terms, workers), _num_slices(job, terms, workers)
    samples_s, least_s = _compute(pace, job, workers, slices)
    exchange = _exchange(pace, job, terms, layout, slices)
    step_s = samples_s + least_s + exchange.seconds
    alone = sum(_compute(pace, job, 1, _num_slices(job, terms, 1)))
    evaluation_s = _evaluation(pace, terms, layout, slices)
    num_evaluations = -(-round(pace.epochs * 1000) // (1000 * job.evaluate.every_epochs))
    num_evaluations *= pace.eval_samples > 0
    train_s = pace.steps * step_s + num_evaluations * evaluation_s
    checkpoint_s = _checkpoints(pace, job, terms, train_s)
    start_s = pace.start_s if terms.start_s is None else terms.start_s
    run_s = start_s + train_s + checkpoint_s
    price = terms.price
    return Row(
        workers=workers,
        hosts=len(layout.hosts),
        slices=slices,
        samples_s=samples_s,
        least_s=least_s,
        exchange=exchange,
        evaluation_s=evaluation_s,
        num_evaluations=num_evaluations,
        checkpoint_s=checkpoint_s,
        step_s=step_s,
        efficiency=alone / (workers * step_s),
        samples_per_s=job.train.batch_size / step_s,
        run_s=run_s,
        cost=None if price is None else len(layout.hosts) * price * run_s / HOUR_S,
    )


def _num_slices(job: Job, terms: Terms, workers: int) -> int:
    return workers if terms.has_slice_each else job.num_slices


def _compute(pace: Pace, job: Job, workers: int, slices: int) -> tuple[float, float]:
    """Seconds of the busiest worker: what grows with samples, and the rest."""
    own, samples = -(-slices // workers), job.train.batch_size / slices
    samples_s = own * samples * pace.sample_s
    return samples_s, own * pace.seconds_of_slice(samples) - samples_s + pace.rest_s


def _exchange(pace: Pace, job: Job, terms: Terms, layout: Layout, slices: int) -> ExchangeCost:
    cost = ExchangeCost()
    for length, every in pace.row_lengths:
        if job.train.sum == "fast":
            one = fast_sum(layout, length, terms.link, pace.number_s)
        else:
            one = exact_sum(layout, slices, length, terms.link, pace.number_s)
        cost += one.times(1 / every)
    return cost


def _evaluation(pace: Pace, terms: Terms, layout: Layout, slices: int) -> float:
    """Seconds of an evaluation: its slices, and what is gathered around a ring of all workers."""
    own = -(-slices // layout.workers)
    turns = layout.workers - 1 if len(layout.hosts) > 1 else 0
    # Two collectives for each gathering: the sizes, then the values; another adds up the sums.
    gathered_s = 3 * turns * terms.link.latency_s + 2 * turns * 2 * terms.link.message_s
    return own * pace.eval_samples / slices * pace.evaluated_sample_s + gathered_s


def _checkpoints(pace: Pace, job: Job, terms: Terms, train_s: float) -> float:
    """Seconds for which training waits: a copy each, and at the end until the last is written."""
    by_steps = pace.steps // job.checkpoint.every_steps if job.checkpoint.every_steps else 0
    count = max(train_s / job.checkpoint.every, by_steps) + 1
    copy_s = pace.state_bytes / ITEM_BYTES * pace.number_s
    written_s = pace.state_bytes / terms.store_bytes_per_s if terms.store_bytes_per_s else 0.0
    return count * copy_s + written_s

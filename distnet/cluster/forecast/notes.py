"""What a forecast assumes, and what its user should know, as sentences."""

from collections.abc import Iterator, Sequence

from distnet.cluster.forecast.forecast import Row, Terms, layout_of
from distnet.cluster.forecast.traffic import ITEM_BYTES, count_traffic
from distnet.launch.pace.pace import Pace
from distnet.report.text import duration, number, size
from distnet.spec.plural import counted
from distnet.spec.sections.job import Job
from distnet.train.exchange.tree import SHORT_BYTES

LARGE_MEMORY_BYTES = 10**9


def assumptions(pace: Pace, job: Job, terms: Terms, source: str) -> list[str]:
    """What the figures rest on.

    Args:
        pace: what was measured.
        job: the job.
        terms: what the forecast is for.
        source: where `pace` is from, such as `this machine`.
    """
    link, rows = terms.link, [length for length, _ in pace.row_lengths]
    shared = ", ".join(f"{number(n)} numbers ({size(ITEM_BYTES * n)})" for n in rows)
    start = "of a worker's process, without Ray's part" if terms.start_s is None else "as given"
    start_s = pace.start_s if terms.start_s is None else terms.start_s
    return [
        f"compute: {source}, {pace.machine}, with {counted(pace.busy, 'busy worker')}; the other "
        "nodes are as fast",
        f"link: {_rate(link.bytes_per_s)} in each direction and {_short(link.latency_s)} one way, "
        f"{_short(link.message_s)} a message; nobody else uses it",
        f"sum: {job.train.sum}, rows of {shared}{_ways(job, rows)}",
        f"start: {duration(start_s)}, {start}",
        "not modelled: slower nodes, streams that hinder one another, failures, waiting in a "
        "queue, data that arrives too late",
    ]


def notes(
    pace: Pace, job: Job, terms: Terms, rows: Sequence[Row], dropped: Sequence[int]
) -> list[str]:
    """What the user should know.

    Args:
        pace: what was measured.
        job: the job.
        terms: what the forecast is for.
        rows: the forecast.
        dropped: numbers of workers for which there is nothing to do.
    """
    return list(_notes(pace, job, terms, rows, dropped))


def _notes(
    pace: Pace, job: Job, terms: Terms, rows: Sequence[Row], dropped: Sequence[int]
) -> Iterator[str]:
    if dropped and terms.has_slice_each:
        yield f"a batch of {job.train.batch_size:,} samples occupies no more workers than that"
    elif dropped:
        yield (
            f"a batch has {counted(job.num_slices, 'slice')}, so more workers have nothing to do: "
            f"set train.slices to forecast {max(dropped):,} workers (its weights have other bits), "
            "or use --slice-each"
        )
    uneven = [row.workers for row in rows if row.slices % row.workers]
    if uneven:
        named = ", ".join(f"{workers:,}" for workers in uneven)
        yield f"slices are not shared evenly by {named} workers: some wait for others"
    yield from _memory_note(job, terms, rows, pace)
    written_s = pace.state_bytes / terms.store_bytes_per_s if terms.store_bytes_per_s else 0.0
    if written_s > job.checkpoint.every:
        yield (
            f"a checkpoint of {size(pace.state_bytes)} takes {duration(written_s)} to write, "
            f"longer than checkpoint.every: there are fewer checkpoints"
        )
    if any(row.cost is not None for row in rows):
        yield f"cost: {terms.price:g} an hour for each node; the node of the head is not counted"


def _memory_note(job: Job, terms: Terms, rows: Sequence[Row], pace: Pace) -> Iterator[str]:
    """Every host has memory for the rows of all slices."""
    last = rows[-1]
    if last.workers == 1 or job.train.sum == "fast":
        return
    layout = layout_of(job, terms, last.workers)
    longest = max(length for length, _ in pace.row_lengths)
    needed = count_traffic(layout, last.slices, longest).row_bytes
    if needed > LARGE_MEMORY_BYTES:
        yield (
            f"with {counted(last.slices, 'slice')} the exact sum takes {size(needed)} of memory "
            "on each host, since each holds the rows of all slices; `train.sum: fast` does not"
        )


def _ways(job: Job, lengths: Sequence[int]) -> str:
    """How the rows travel between hosts."""
    if job.train.sum == "fast":
        return ", torch's all-reduce as a ring"
    ways = {_way(length) for length in lengths}
    return f", between hosts {' or '.join(sorted(ways))}"


def _way(length: int) -> str:
    if length * ITEM_BYTES <= SHORT_BYTES:
        return "whole, from each to all, in one round"
    return "in stretches, from each to all, in two rounds"


def _rate(bytes_per_s: float) -> str:
    bits = 8 * bytes_per_s
    for unit in ("bit/s", "kbit/s", "Mbit/s"):
        if bits < 1000:
            return f"{bits:.4g} {unit}"
        bits /= 1000
    return f"{bits:.4g} Gbit/s"


def _short(seconds: float) -> str:
    return f"{1e6 * seconds:.4g} us" if seconds < 1e-3 else f"{1e3 * seconds:.4g} ms"

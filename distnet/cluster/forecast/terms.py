"""From options and a cluster file to the terms of a forecast; options count more."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from distnet.cluster.file.providers import Local, Ssh
from distnet.cluster.file.read import ClusterFile
from distnet.cluster.forecast.exchange import MESSAGE_S, Link
from distnet.cluster.forecast.forecast import Terms
from distnet.errors import DistnetError
from distnet.spec.sections.job import Job
from distnet.spec.sections.units import bandwidth, latency, seconds, size


@dataclass(frozen=True)
class Options:
    """What was given on the command line, as text with units; None where it was not."""

    bandwidth: str | None = None
    latency: str | None = None
    message: str | None = None
    store: str | None = None
    start: str | None = None
    per_host: int | None = None
    price: float | None = None
    has_slice_each: bool = False


def terms_of(
    job: Job, options: Options, cluster: ClusterFile | None, workers: Sequence[int]
) -> Terms:
    """Put the terms together.

    Args:
        job: the job.
        options: of the command line.
        cluster: the cluster file, if one was given.
        workers: the numbers of workers to forecast.

    Raises:
        DistnetError: an option is not understood, or workers on several hosts have no link.
    """
    per_host = options.per_host or _per_host(job, cluster)
    price = options.price
    if price is None and cluster is not None:
        price = cluster.cluster.price
    return Terms(
        link=_link(options, cluster, is_needed=max(workers) > per_host),
        per_host=per_host,
        price=price,
        store_bytes_per_s=_read("--store", options.store, rate),
        start_s=_read("--start", options.start, seconds),
        has_slice_each=options.has_slice_each,
    )


def read(option: str, text: str, reader: Callable[[object], object]) -> float:
    """Read an amount with a unit, above 0.

    Raises:
        DistnetError: it is none.
    """
    try:
        number = reader(float(text) if text.replace(".", "", 1).isdecimal() else text)
    except ValueError as error:
        raise DistnetError(f"{option}: found {text!r}, {error}") from None
    assert isinstance(number, int | float)
    if number <= 0:
        raise DistnetError(f"{option}: found {text!r}, expected more than 0")
    return number


def rate(text: object) -> object:
    """Turn "200MB/s" into bytes per second."""
    return size(text.removesuffix("/s") if isinstance(text, str) else text)


def num_nodes(cluster: ClusterFile) -> int:
    """The most nodes with workers that a cluster may have."""
    return len(cluster.hosts) or sum(_most_nodes(cluster))


def _most_nodes(cluster: ClusterFile) -> Iterator[int]:
    if not isinstance(cluster.cluster, Local | Ssh):
        for group in cluster.cluster.groups.values():
            yield group.nodes.max


def _read(option: str, text: str | None, reader: Callable[[object], object]) -> float | None:
    return None if text is None else read(option, text, reader)


def _per_host(job: Job, cluster: ClusterFile | None) -> int:
    """Workers that fit on each host of the file, where it says what they offer; else one."""
    hosts = cluster.hosts if cluster is not None else ()
    if job.resources.gpus:
        offered = [(host.gpus or 0) // job.resources.gpus for host in hosts]
    else:
        offered = [(host.cpus or 0) // job.num_cpus for host in hosts]
    return max(1, min(offered, default=1))


def _link(options: Options, cluster: ClusterFile | None, *, is_needed: bool) -> Link:
    written = cluster.cluster.link if cluster is not None else None
    message_s = _read("--message", options.message, latency) or MESSAGE_S
    speed = _read("--bandwidth", options.bandwidth, bandwidth)
    delay = _read("--latency", options.latency, latency)
    if written is not None:
        speed, delay = speed or written.bandwidth, delay or written.latency
    missing = [n for n, value in (("--bandwidth", speed), ("--latency", delay)) if value is None]
    if missing and is_needed:
        raise DistnetError(
            f"found workers on several hosts but no {' and '.join(missing)}, expected what joins "
            "the hosts: --bandwidth 10Gbit --latency 50us, or in the cluster file "
            "`link: {bandwidth: 10Gbit, latency: 50us}`; `distnet doctor` "
            "measures both (the latency is half of its round trip)"
        )
    return Link(speed or float("inf"), delay or 0.0, message_s)

"""`distnet forecast`: how long a job would take on W workers, and what it would cost."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from distnet.cli.cluster.forecast_table import show_rows
from distnet.cli.console import spinner
from distnet.cli.exit_codes import FAILED
from distnet.cli.options import RUNS, AsJson, JobFile, Runs, Sets
from distnet.cli.output import echo, print_json, say
from distnet.cluster.file.read import ClusterFile, load_cluster
from distnet.cluster.forecast.choose import Wish, choose, describe_choice, read_workers
from distnet.cluster.forecast.forecast import Row, Terms, most_workers
from distnet.cluster.forecast.forecast import forecast as make_forecast
from distnet.cluster.forecast.measuring import measure_pace
from distnet.cluster.forecast.notes import assumptions, notes
from distnet.cluster.forecast.picture import write_picture
from distnet.cluster.forecast.source import read_source
from distnet.cluster.forecast.terms import Options, num_nodes, read, terms_of
from distnet.errors import DistnetError
from distnet.launch.pace.pace import Pace
from distnet.spec.plural import counted
from distnet.spec.read import JobFile as JobFileRead
from distnet.spec.read import read_job
from distnet.spec.sections.units import seconds

Cluster = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A cluster file: its link, price, nodes and their CPUs."),
]
Workers = Annotated[
    str, typer.Option(metavar="LIST", help="Powers of two in a range, 1..4096, or a list: 1,2,6.")
]
Bandwidth = Annotated[
    str | None,
    typer.Option(metavar="RATE", help="What a host sends and receives, such as 10Gbit."),
]
Latency = Annotated[
    str | None, typer.Option(metavar="TIME", help="One way between hosts, such as 50us.")
]
PerHost = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Workers on each host. Default: as CPUs allow, or 1."),
]
SliceEach = Annotated[
    bool, typer.Option("--slice-each", help="As many slices as workers, instead of the job's.")
]
Price = Annotated[float | None, typer.Option(min=0, metavar="PRICE", help="Of a host for an hour.")]
Budget = Annotated[
    float | None, typer.Option(min=0, metavar="PRICE", help="Choose among what costs no more.")
]
Deadline = Annotated[
    str | None, typer.Option(metavar="TIME", help="Choose the cheapest that takes no longer.")
]
Store = Annotated[
    str | None, typer.Option(metavar="RATE", help="Checkpoints are written at, such as 200MB/s.")
]
Start = Annotated[
    str | None, typer.Option(metavar="TIME", help="From submit to the first step, such as 2m.")
]
Message = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Of a worker, for each message. Default: 35us."),
]
Busy = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=64,
        metavar="N",
        help="Workers that are measured at once. Default: --per-host, as cores allow.",
    ),
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="RUN|FILE", help="A run, or JSON of a forecast: measure none."),
]
Picture = Annotated[
    Path | None, typer.Option(metavar="FILE.png", help="Draw the forecast into this file.")
]


def forecast(  # noqa: PLR0917
    job: JobFile,
    cluster: Cluster = None,
    workers: Workers = "1..4096",
    bandwidth: Bandwidth = None,
    latency: Latency = None,
    per_host: PerHost = None,
    slice_each: SliceEach = False,
    price: Price = None,
    budget: Budget = None,
    deadline: Deadline = None,
    store: Store = None,
    start: Start = None,
    message: Message = None,
    busy: Busy = None,
    source: From = None,
    runs: Runs = RUNS,
    sets: Sets = [],  # noqa: B006 - typer copies it
    picture: Picture = None,
    as_json: AsJson = False,
) -> None:
    """Forecast the speed and cost of a job on W workers.

    The job is measured on this machine for some seconds. What the workers exchange is counted.

    Exit code 3: no number of workers is within --budget and --deadline.
    """
    file = read_job(job, overrides=sets)
    cluster_file = load_cluster(cluster) if cluster is not None else None
    requested = read_workers(workers)
    options = Options(bandwidth, latency, message, store, start, per_host, price, slice_each)
    limit = most_workers(file.job, has_slice_each=slice_each)
    kept = _kept(requested, limit)
    terms = terms_of(file.job, options, cluster_file, kept)
    wish = _read_wish(terms, budget, deadline)
    pace, origin = _pace(file, sets, terms, source, runs, busy, is_quiet=as_json)
    rows = make_forecast(pace, file.job, terms, kept)
    best = choose(rows, wish)
    texts = {
        "assumptions": assumptions(pace, file.job, terms, origin),
        "notes": notes(pace, file.job, terms, rows, [n for n in requested if n > limit]),
    }
    if cluster_file is not None:
        texts["notes"] += _size_notes(cluster_file, rows)
    if picture is not None:
        write_picture(picture, f"A step of {file.job.name}", rows, best)
    if as_json:
        print_json(_facts(pace, rows, best, texts))
    else:
        _show(rows, describe_choice(rows, best, wish), texts)
    if picture is not None:
        say(f"wrote {picture}")
    if best is None:
        raise typer.Exit(FAILED)


def _read_wish(terms: Terms, budget: float | None, deadline: str | None) -> Wish:
    if budget is not None and terms.price is None:
        raise DistnetError(
            "--budget: found no price, expected --price, or `price` in the cluster file"
        )
    return Wish(budget, None if deadline is None else read("--deadline", deadline, seconds))


def _pace(
    file: JobFileRead,
    sets: Sequence[str],
    terms: Terms,
    source: str | None,
    runs: Path,
    busy: int | None,
    *,
    is_quiet: bool,
) -> tuple[Pace, str]:
    """The pace of the job, and where it is from."""
    if source is not None:
        return read_source(source, runs, file.job)
    cores = (os.cpu_count() or 1) // file.job.num_cpus
    busy = busy or max(1, min(terms.per_host, cores))
    with spinner(f"measuring {file.job.name} for some seconds", is_quiet=is_quiet):
        return measure_pace(file, sets, busy=busy), "measured on this machine"


def _size_notes(cluster: ClusterFile, rows: Sequence[Row]) -> list[str]:
    most = num_nodes(cluster)
    if rows[-1].hosts <= most:
        return []
    return [f"{cluster.path}: the cluster has at most {counted(most, 'node')}"]


def _show(rows: Sequence[Row], verdict: str, texts: Mapping[str, Sequence[str]]) -> None:
    show_rows(rows)
    echo(verdict)
    for name, sentences in texts.items():
        for text in sentences:
            echo(f"{name.removesuffix('s')}: {text}")


def _kept(requested: Sequence[int], limit: int) -> list[int]:
    """The numbers of workers that all have something to do, and the largest of these."""
    kept = [number for number in requested if number <= limit]
    return kept if len(kept) == len(requested) else sorted({*kept, limit})


def _facts(
    pace: Pace, rows: Sequence[Row], best: Row | None, texts: dict[str, list[str]]
) -> dict[str, Any]:
    derived = ("compute_s", "limit")
    shown = [asdict(row) | {name: getattr(row, name) for name in derived} for row in rows]
    for facts, row in zip(shown, rows, strict=True):
        facts["exchange"] |= {"seconds": row.exchange.seconds}
    return {"measured": pace.to_dict(), "rows": shown, "best": best and best.workers, **texts}

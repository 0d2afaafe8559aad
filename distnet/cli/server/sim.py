"""`distnet sim`: simulate a scheduling policy on a recorded or synthetic load."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from distnet.cli.exit_codes import STOPPED
from distnet.cli.options import AsJson
from distnet.cli.output import print_json
from distnet.cli.server.sim_progress import sim_progress
from distnet.cli.server.sim_tables import show_figures
from distnet.errors import DistnetError
from distnet.sim.engine import Setting, Simulation
from distnet.sim.load import Load
from distnet.sim.settings import read_nodes, read_policy, read_seconds, read_teams
from distnet.sim.summary import summarize
from distnet.sim.synthetic import make_jobs, read_synthetic
from distnet.sim.trace import read_trace

Trace = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Recorded jobs: .csv or .jsonl with submit_s, runtime_s and, optionally, workers "
        "(or min_workers and max_workers), cpus, gpus, gpu, labels, user, team, priority, "
        "expected_s, preemptible; or .swf (Standard Workload Format). All may be compressed (.gz).",
    ),
]
Synthetic = Annotated[
    str | None,
    typer.Option(
        metavar="SPEC",
        help="Synthetic jobs, such as jobs=1000,load=0.9. Keys and defaults: jobs 1000, load 0.9, "
        "users 20, teams 4, workers 2, length 30m, cpus 4, elastic 0.2, priorities 3, estimates 2, "
        "unknown 0.1; also gpus=PART, workers_spread and length_spread.",
    ),
]
Policies = Annotated[
    list[str],
    typer.Option(
        metavar="KEY=VALUE",
        help="ageing=4h, steady=60s, preemption, backfill, elastic=yes|no. Repeatable.",
    ),
]
Teams = Annotated[
    list[str],
    typer.Option(
        metavar="NAME:KEY=VALUE,...",
        help="weight, quota_cpus, quota_gpus, limit_cpus, limit_gpus of a team. Repeatable.",
    ),
]


def sim(
    nodes: Annotated[
        str, typer.Option(metavar="SPEC", help="The cluster, such as 900x64c,100x128c8g:gpu=H100.")
    ],
    trace: Trace = None,
    synthetic: Synthetic = None,
    policy: Policies = [],  # noqa: B006 - typer copies it
    team: Teams = [],  # noqa: B006 - typer copies it
    seed: Annotated[int, typer.Option(min=0, help="Seed of the synthetic jobs.")] = 0,
    restart: Annotated[
        str, typer.Option(metavar="TIME", help="Time lost at each restart or resize.")
    ] = "30s",
    grace: Annotated[
        str, typer.Option(metavar="TIME", help="Time that a preempted job takes to save.")
    ] = "10s",
    every: Annotated[
        str, typer.Option(metavar="TIME", help="Shortest time between passes of the scheduler.")
    ] = "10s",
    as_json: AsJson = False,
) -> None:
    """Simulate a scheduling policy: waiting times, utilisation, fairness.

    The scheduler is the server's own. Preempted jobs lose only the time of the restart.

    Utilisation is printed for the time while jobs arrive, which compares with the requested load,
    and until the last job has ended, which one long job can prolong.

    Ctrl-C prints the results so far.
    """
    setting = Setting(
        read_nodes(nodes),
        read_policy(policy),
        read_teams(team),
        restart_s=read_seconds("--restart", restart),
        grace_s=read_seconds("--grace", grace),
        every_s=read_seconds("--every", every),
    )
    load = _load(trace, synthetic, setting, seed)
    found = _simulate(load, setting)
    settings = {"source": load.source, "nodes": nodes, "policy": policy, "team": team, "seed": seed}
    if as_json:
        print_json(settings | found)
    else:
        show_figures(found)
    if found["is_interrupted"]:
        raise typer.Exit(STOPPED)


def _load(trace: Path | None, synthetic: str | None, setting: Setting, seed: int) -> Load:
    if (trace is None) == (synthetic is None):
        raise DistnetError(
            f"found {'neither' if trace is None else 'both'}, expected one of --trace FILE and "
            "--synthetic SPEC"
        )
    if trace is not None:
        return read_trace(trace)
    return make_jobs(read_synthetic(synthetic or ""), setting.nodes, seed)


def _simulate(load: Load, setting: Setting) -> dict[str, Any]:
    simulation, began = Simulation(load, setting), time.monotonic()
    with _signals() as is_interrupted, sim_progress(len(load.jobs)) as show:

        def is_to_continue(simulation: Simulation) -> bool:
            show(simulation.num_ended)
            return not is_interrupted()

        is_complete = simulation.run(is_to_continue)
    return summarize(simulation) | {
        "seconds": time.monotonic() - began,
        "is_interrupted": not is_complete,
    }


@contextlib.contextmanager
def _signals() -> Iterator[Callable[[], bool]]:
    """Notice Ctrl-C and SIGTERM only between two events, when all figures are consistent."""
    is_interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal is_interrupted
        is_interrupted = True

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield lambda: is_interrupted
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)

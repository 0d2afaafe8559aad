"""`distnet sim`: a scheduling policy tried on a recorded or made load, in virtual time."""

import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distnet.cli.train.run import INTERRUPTED, AsJson
from distnet.errors import DistnetError

if TYPE_CHECKING:
    from distnet.sim.engine import Setting, Simulation
    from distnet.sim.load import Load

QUIET_S = 2.0
BAR_EVERY_S = 0.2
LINE_EVERY_S = 10.0

Trace = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Recorded jobs: .csv or .jsonl with submit_s, runtime_s and, as wanted, workers "
        "(or min_workers and max_workers), cpus, gpus, user, team, priority, expected_s, "
        "preemptible; or .swf (Standard Workload Format). Also with .gz.",
    ),
]
Synthetic = Annotated[
    str | None,
    typer.Option(
        metavar="SPEC",
        help="Made jobs: jobs=1000,load=0.9,users=20,teams=4,workers=2,length=30m,cpus=4,"
        "elastic=0.2,priorities=3,estimates=2,unknown=0.1 (these are the defaults), gpus=PART, "
        "workers_spread, length_spread.",
    ),
]
Policies = Annotated[
    list[str],
    typer.Option(
        metavar="KEY=VALUE",
        help="ageing=24h, steady=60s, preemption, backfill, elastic=yes|no. Repeat it for more.",
    ),
]
Teams = Annotated[
    list[str],
    typer.Option(
        metavar="NAME:KEY=VALUE,...",
        help="weight, quota_cpus, quota_gpus, limit_cpus, limit_gpus of a team.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    example = "Example: distnet sim --synthetic jobs=5000,load=0.9 --nodes 90x64c,10x128c8g"
    app.command(epilog=example)(sim)


def sim(
    nodes: Annotated[
        str, typer.Option(metavar="SPEC", help="The cluster, such as 900x64c,100x128c8g.")
    ],
    trace: Trace = None,
    synthetic: Synthetic = None,
    policy: Policies = [],  # noqa: B006 - typer copies it
    team: Teams = [],  # noqa: B006 - typer copies it
    seed: Annotated[int, typer.Option(min=0, help="Draws the made jobs.")] = 0,
    restart: Annotated[
        str, typer.Option(metavar="TIME", help="Lost whenever a job starts again or is resized.")
    ] = "30s",
    grace: Annotated[
        str, typer.Option(metavar="TIME", help="A job that must give way takes to save.")
    ] = "10s",
    every: Annotated[
        str, typer.Option(metavar="TIME", help="Passes of the scheduler are so far apart or more.")
    ] = "10s",
    as_json: AsJson = False,
) -> None:
    """Try a scheduling policy on a load in virtual time: waits, utilisation, fairness.

    Utilisation is told for the time while jobs arrive, to be compared with a load that was asked
    for, and for all the time until the last has ended, which one long job can stretch.

    The scheduler is the server's own. Stopped jobs lose nothing but the restart. Ctrl-C prints what
    was simulated so far.
    """
    from distnet.sim.engine import Setting
    from distnet.sim.settings import read_nodes, read_policy, read_seconds, read_teams

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
        print(json.dumps(settings | found))
    else:
        from distnet.cli.server.sim_tables import show_figures

        show_figures(found)
    if found["is_interrupted"]:
        raise typer.Exit(INTERRUPTED)


def _load(trace: Path | None, synthetic: str | None, setting: "Setting", seed: int) -> "Load":
    from distnet.sim.synthetic import make_jobs, read_synthetic
    from distnet.sim.trace import read_trace

    if (trace is None) == (synthetic is None):
        raise DistnetError("expected one of --trace FILE and --synthetic SPEC")
    if trace is not None:
        return read_trace(trace)
    return make_jobs(read_synthetic(synthetic or ""), setting.nodes, seed)


def _simulate(load: "Load", setting: "Setting") -> dict[str, Any]:
    from distnet.sim.engine import Simulation
    from distnet.sim.summary import summarize

    simulation, began = Simulation(load, setting), time.monotonic()
    with _asked_to_stop() as is_asked, _progress(len(load.jobs)) as show:

        def goes_on(simulation: "Simulation") -> bool:
            show(simulation)
            return not is_asked()

        is_complete = simulation.run(goes_on)
    return summarize(simulation) | {
        "seconds": time.monotonic() - began,
        "is_interrupted": not is_complete,
    }


@contextlib.contextmanager
def _progress(num_jobs: int) -> "Iterator[Callable[[Simulation], None]]":
    """Show on stderr how far it is, from the third second on: a bar, or lines where none can be."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    text = TextColumn("{task.completed:,} of {task.total:,} jobs")
    bar = Progress(text, BarColumn(), TimeRemainingColumn(), console=console, transient=True)
    task = bar.add_task("", total=num_jobs)
    next_s = time.monotonic() + QUIET_S

    def show(simulation: "Simulation") -> None:
        nonlocal next_s
        now = time.monotonic()
        if now < next_s:
            return
        if console.is_terminal:
            bar.start()
            bar.update(task, completed=simulation.num_ended)
            next_s = now + BAR_EVERY_S
        else:
            console.print(f"{simulation.num_ended:,} of {num_jobs:,} jobs", highlight=False)
            next_s = now + LINE_EVERY_S

    try:
        yield show
    finally:
        bar.stop()


@contextlib.contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Have Ctrl-C and SIGTERM be seen between two events, where all figures are whole."""
    is_asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal is_asked
        is_asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: is_asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

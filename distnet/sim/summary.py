"""Statistics of a simulation: waits, slowdown, utilisation, fairness.

- Waits are measured from submission to the first start.
- Bounded slowdown is (wait + held) / held, where held counts as at least 10 s and every wait counts
  (Feitelson, Rudolph, Schwiegelshohn, Sevcik, Wong, JSSPP 1997).
- Fairness is Jain's index (DEC TR-301, 1984) over users, of the fraction that each user held of
  what it requested, by dominant share.
- Utilisation is the fraction of the cluster that was held, until the last job ended and also from
  the first arrival to the last, because one long job can stretch the former.
- Lost is the fraction of what was held that restarts wasted.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from distnet.sim.engine import Simulation
from distnet.sim.running import SimRun

MIN_HELD_S = 10.0


def summarize(simulation: Simulation) -> dict[str, Any]:
    """Compute the statistics, also of a simulation that was interrupted."""
    runs = [run for run in simulation.runs if run.job.submit_s <= simulation.now]
    started = [run for run in runs if run.record.started_s is not None]
    cpus, gpus = simulation.usage.utilisation(simulation.now)
    early_cpus, early_gpus = simulation.used_by_last_arrival
    return {
        "jobs": {
            "all": len(simulation.runs),
            "submitted": len(runs),
            "started": len(started),
            "ended": simulation.num_ended,
            "skipped": simulation.load.num_skipped,
        },
        "waits_s": {
            "all": spread([_wait(run) for run in started]),
            "priority": _grouped(started, lambda run: run.job.priority),
            "team": _grouped(started, lambda run: run.job.team),
        },
        "bounded_slowdown": spread([_slowdown(run) for run in runs if run.record.ended_s]),
        "utilisation": {"cpus": cpus, "gpus": gpus},
        "utilisation_while_jobs_arrive": {"cpus": early_cpus, "gpus": early_gpus},
        "lost": _lost(simulation, started),
        "fairness": _fairness(simulation, runs),
        "preemptions": sum(run.record.stops for run in runs),
        "resizes": sum(run.record.resizes for run in runs),
        "makespan_s": simulation.now,
        "passes": simulation.num_passes,
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return count, mean, median, 95th percentile and maximum; zeros if there are no values."""
    ordered = sorted(values)
    if not ordered:
        return {"count": 0, "mean": 0.0, "p50": 0.0, "p95": 0.0, "max": 0.0}
    return {
        "count": len(ordered),
        "mean": sum(ordered) / len(ordered),
        "p50": ordered[(len(ordered) - 1) // 2],
        "p95": ordered[-(-95 * len(ordered) // 100) - 1],
        "max": ordered[-1],
    }


def jain(values: Iterable[float]) -> float:
    """Return Jain's index: 1 if all are equal, 1/n if one of n has everything."""
    parts = list(values)
    squares = sum(part * part for part in parts)
    return sum(parts) ** 2 / (len(parts) * squares) if squares else 1.0


def _grouped(runs: Iterable[SimRun], key: Callable[[SimRun], Any]) -> dict[str, dict[str, float]]:
    groups: dict[Any, list[float]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(_wait(run))
    return {str(name): spread(groups[name]) for name in sorted(groups)}


def _wait(run: SimRun) -> float:
    assert run.record.started_s is not None
    return run.record.started_s - run.record.submit_s


def _slowdown(run: SimRun) -> float:
    record = run.record
    assert record.ended_s is not None
    return max(1.0, (record.ended_s - record.submit_s) / max(record.held_s, MIN_HELD_S))


def _lost(simulation: Simulation, runs: Iterable[SimRun]) -> float:
    held = useful = 0.0
    for run in runs:
        share = simulation.usage.share(run.job)
        held += run.record.held_worker_s * share
        useful += (run.job.runtime_s * run.job.max_workers - run.work_left) * share
    return 1 - useful / held if held else 0.0


def _fairness(simulation: Simulation, runs: Iterable[SimRun]) -> float:
    requested: dict[str, float] = {}
    held: dict[str, float] = {}
    for run in runs:
        job, record = run.job, run.record
        until_s = simulation.now if record.ended_s is None else record.ended_s
        share = simulation.usage.share(job)
        demand = (until_s - record.submit_s) * job.min_workers * share
        granted = min(record.held_worker_s * share, demand)
        requested[job.user] = requested.get(job.user, 0.0) + demand
        held[job.user] = held.get(job.user, 0.0) + granted
    return jain(held[user] / demand for user, demand in requested.items() if demand > 0)

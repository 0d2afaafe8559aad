"""Summarise the trials: counts, percentiles, and how often a run may still fail.

Source: Clopper and Pearson 1934, "The use of confidence or fiducial limits illustrated in the case
of the binomial".
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from distnet.chaos.faults import KINDS, NODE_KINDS, PROCESS_KINDS

CONFIDENCE = 0.95
HALVINGS = 60
GROUPS = {"process": PROCESS_KINDS, "node": NODE_KINDS}


def summarise(trials: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Count over the trials of `chaos.json`."""
    hits = [hit for trial in trials for hit in trial["hits"]]
    failed = sum(not trial["is_passed"] for trial in trials)
    kinds = {kind: (kind,) for kind in KINDS if any(hit["kind"] == kind for hit in hits)}
    return {
        "trials": len(trials),
        "passed": len(trials) - failed,
        "equal": sum(trial["is_equal"] for trial in trials),
        "faults": len(hits),
        "recoveries": sum(hit["recovery_s"] is not None for hit in hits),
        "misses": sum(trial["misses"] for trial in trials),
        "steps_recomputed": sum(hit["recomputed"] or 0 for hit in hits),
        "kinds": {name: _recovery(hits, members) for name, members in kinds.items()},
        "groups": {name: _recovery(hits, members) for name, members in GROUPS.items()},
        "failure_bound": failure_bound(failed, len(trials)),
    }


def failure_bound(failures: int, trials: int) -> float:
    """The upper bound of the probability of failure, at 95% confidence.

    Without a failure this is 1 - 0.05^(1/n): 0.049 after 60 trials.
    """
    if failures >= trials:
        return 1.0
    if failures == 0:
        return 1.0 - float((1.0 - CONFIDENCE) ** (1.0 / trials))
    low, high = failures / trials, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _at_most(failures, trials, middle) > 1.0 - CONFIDENCE:
            low = middle
        else:
            high = middle
    return high


def percentile(values: Iterable[float], part: float) -> float | None:
    """The smallest value that at least this part of all values do not exceed; None of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else None


def _recovery(hits: Sequence[Mapping[str, Any]], kinds: Sequence[str]) -> dict[str, Any]:
    mine = [hit for hit in hits if hit["kind"] in kinds]
    seconds = [hit["recovery_s"] for hit in mine if hit["recovery_s"] is not None]
    return {
        "faults": len(mine),
        "recoveries": len(seconds),
        "p50_s": percentile(seconds, 0.5),
        "p95_s": percentile(seconds, 0.95),
        "steps_recomputed": sum(hit["recomputed"] or 0 for hit in mine),
    }


def _at_most(failures: int, trials: int, probability: float) -> float:
    """The probability of at most this many failures."""
    return math.fsum(
        math.comb(trials, k) * probability**k * (1 - probability) ** (trials - k)
        for k in range(failures + 1)
    )

"""The Standard Workload Format (.swf), used by the Parallel Workloads Archive.

Source: https://www.cs.huji.ac.il/labs/parallel/workload/swf.html, version 2.2: 18 numbers a line,
-1 for unknown values, comments after `;`. A processor becomes a worker with one CPU; users and
groups become `user-N` and `group-N`. Partial executions (status 2, 3, 4) are skipped, and jobs that
never ran: without processors, or with a negative run time.
"""

import math
from collections.abc import Iterable

from distnet.sim.load import Load, SimError, SimJob, make_load

FIELDS = (
    "job number", "submit time", "wait time", "run time", "allocated processors", "CPU time",
    "used memory", "requested processors", "requested time", "requested memory", "status",
    "user", "group", "application", "queue", "partition", "preceding job", "think time",
)  # fmt: skip
SUBMIT, RUN, ALLOCATED, REQUESTED, EXPECTED, STATUS, USER, GROUP = 1, 3, 4, 7, 8, 10, 11, 12
PARTS = (2, 3, 4)


def read_swf(lines: Iterable[str], source: str) -> Load:
    """Read a trace.

    Raises:
        SimError: a line is invalid; as `file:line: found, expected`.
    """
    jobs, num_skipped = [], 0
    for number, line in enumerate(lines, start=1):
        text = line.split(";", 1)[0].strip()
        if not text:
            continue
        job = _job(_numbers(text, f"{source}:{number}"))
        if job is None:
            num_skipped += 1
        else:
            jobs.append(job)
    return make_load(jobs, source, num_skipped)


def _numbers(text: str, where: str) -> list[float]:
    words = text.split()
    if len(words) != len(FIELDS):
        raise SimError(f"{where}: found {len(words)} fields, expected {len(FIELDS)}")
    numbers = []
    for name, word in zip(FIELDS, words, strict=True):
        try:
            numbers.append(float(word))
        except ValueError:
            raise SimError(f"{where} {name}: found {word!r}, expected a number") from None
        if not math.isfinite(numbers[-1]):
            raise SimError(f"{where} {name}: found {word!r}, expected a number")
    return numbers


def _job(fields: list[float]) -> SimJob | None:
    processors = fields[REQUESTED] if fields[REQUESTED] > 0 else fields[ALLOCATED]
    workers = int(processors)
    if workers < 1 or fields[RUN] < 0 or fields[STATUS] in PARTS:
        return None
    return SimJob(
        submit_s=fields[SUBMIT],
        runtime_s=fields[RUN],
        min_workers=workers,
        max_workers=workers,
        user=f"user-{fields[USER]:g}",
        team=f"group-{fields[GROUP]:g}",
        expected_s=fields[EXPECTED] if fields[EXPECTED] > 0 else math.inf,
    )

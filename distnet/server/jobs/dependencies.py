"""Dependencies: a job can wait for the end of other jobs.

`digits-1` or `digits-1:ok` waits until that job has finished, `:failed` until it has failed, `:any`
until it has ended in any way. A job whose dependency can never be met is cancelled.
"""

from collections.abc import Mapping, Sequence

from distnet.protocol.errors import InvalidError
from distnet.protocol.states import JobState
from distnet.server.ledger.records import Condition, Dependency, JobRecord

MET_BY: dict[Condition, frozenset[JobState]] = {
    Condition.OK: frozenset({JobState.FINISHED}),
    Condition.FAILED: frozenset({JobState.FAILED}),
    Condition.ANY: frozenset(state for state in JobState if state.is_terminal),
}

UNTIL: dict[Condition, str] = {
    Condition.OK: "has finished",
    Condition.FAILED: "has failed",
    Condition.ANY: "has ended",
}


def read_dependency(text: str) -> Dependency:
    """Read `JOB` or `JOB:ok|any|failed`.

    Raises:
        InvalidError: `unknown_dependency`.
    """
    name, _, condition = text.partition(":")
    try:
        return Dependency(name, Condition(condition or "ok"))
    except ValueError:
        raise _unknown(f"--after {text}: found {condition!r}, expected ok, any or failed") from None


def unmet(job: JobRecord, states: Mapping[str, JobState]) -> list[Dependency]:
    """List the dependencies of a job that are not met yet."""
    return [d for d in job.after if states.get(d.job) not in MET_BY[d.condition]]


def never_met(job: JobRecord, states: Mapping[str, JobState]) -> Dependency | None:
    """Find a dependency that can never be met, because the other job has ended otherwise."""
    for dependency in unmet(job, states):
        state = states.get(dependency.job)
        if state is not None and state.is_terminal:
            return dependency
    return None


def require_dependencies(new: Sequence[JobRecord], states: Mapping[str, JobState]) -> None:
    """Check `--after` and `--start-from` of new jobs.

    Args:
        new: jobs that are submitted together; one may wait for another.
        states: of the jobs for which they wait, as far as those exist already.

    Raises:
        InvalidError: `unknown_dependency`.
    """
    names = states.keys() | {job.name for job in new}
    for job in new:
        after = [dependency.job for dependency in job.after]
        for name in (name for name in after if name not in names):
            option = "--start-from" if name == job.start_from else "--after"
            raise _unknown(f"{option} {name}: there is no such job (distnet ps --all)")
        lost = never_met(job, states)
        if lost is not None:
            raise _unknown(
                f"--after {lost.job}:{lost.condition}: {lost.job} is already {states[lost.job]}, "
                "so this job would never start"
            )
        if job.start_from is not None and job.start_from not in after:
            raise _unknown(
                f"--start-from {job.start_from}: this job must also be in --after, so that the new "
                "one waits for its end"
            )


def require_no_cycle(new: Sequence[JobRecord]) -> None:
    """Check that jobs that are submitted together do not wait for each other in a cycle.

    A job can only wait for existing jobs and for those submitted with it, so there are no others.

    Raises:
        InvalidError: `cycle`.
    """
    edges = {job.name: [d.job for d in job.after] for job in new}
    done: set[str] = set()
    for start in edges:
        path: list[str] = []
        stack: list[tuple[str, bool]] = [(start, True)]
        while stack:
            name, is_entered = stack.pop()
            if not is_entered:
                path.pop()
                done.add(name)
            elif name in path:
                cycle = " -> ".join([*path[path.index(name) :], name])
                raise InvalidError(f"these jobs wait for each other: {cycle}", code="cycle")
            elif name in edges and name not in done:
                path.append(name)
                stack.append((name, False))
                stack += [(other, True) for other in edges[name]]


def _unknown(message: str) -> InvalidError:
    return InvalidError(message, code="unknown_dependency")

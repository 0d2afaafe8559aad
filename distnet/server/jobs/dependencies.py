"""What a job waits for: the end of other jobs.

`digits-1` or `digits-1:ok` waits until it has finished, `:failed` until it has failed, `:any` until
it has ended in whatever way. What can never come true any more cancels the job that waits for it.
"""

from collections.abc import Mapping, Sequence

from distnet.protocol.errors import InvalidError
from distnet.protocol.states import JobState
from distnet.server.ledger.records import Condition, Dependency, JobRecord

MET: dict[Condition, frozenset[JobState]] = {
    Condition.OK: frozenset({JobState.FINISHED}),
    Condition.FAILED: frozenset({JobState.FAILED}),
    Condition.ANY: frozenset(state for state in JobState if state.is_terminal),
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
        raise InvalidError(
            f"--after {text}: found {condition!r}, expected ok, any or failed",
            code="unknown_dependency",
        ) from None


def waits_for(job: JobRecord, states: Mapping[str, JobState]) -> list[Dependency]:
    """The dependencies of a job that are not met (yet)."""
    return [d for d in job.after if states.get(d.job) not in MET[d.condition]]


def never_met(job: JobRecord, states: Mapping[str, JobState]) -> Dependency | None:
    """A dependency that cannot be met any more, because the other job has ended otherwise."""
    for dependency in waits_for(job, states):
        state = states.get(dependency.job)
        if state is not None and state.is_terminal:
            return dependency
    return None


def require_no_cycle(new: Sequence[JobRecord]) -> None:
    """Make sure that jobs submitted together do not wait for each other in a circle.

    A job can only wait for jobs that are there already, or that come with it, so nothing else can
    make a circle.

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
                circle = " -> ".join([*path[path.index(name) :], name])
                raise InvalidError(f"jobs wait for each other: {circle}", code="cycle")
            elif name in edges and name not in done:
                path.append(name)
                stack.append((name, False))
                stack += [(other, True) for other in edges[name]]

"""What a team may never exceed: counted for now, and for when those that were asked to have left.

The first job of a team that its limit holds up is not delayed by others of the team: like the head
of the whole queue (`reserve.py`), it has its part of the limit kept for the time when enough of the
team's jobs will have ended.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from distnet.scheduler.fit import ENDLESS
from distnet.scheduler.quota import NOTHING, Amount, plus
from distnet.scheduler.view import Candidate, Shape, Team, View
from distnet.scheduler.words import amount, span

_Release = tuple[float, int, Shape, int]
"""When workers of a team end, whose they are, and how many."""


@dataclass(slots=True)
class _Head:
    """The first job of a team that waits for its limit: the others must not delay it."""

    job: Candidate
    starts_at: float
    left: Amount
    """Of the limit, when it has started."""


class Limits:
    """What teams hold, against what they may never exceed: now, and once others have left."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._teams = {name: team for name, team in view.teams.items() if _has_limit(team)}
        self._now = dict.fromkeys(self._teams, NOTHING)
        self._heads: dict[str, _Head] = {}
        self._releases: dict[str, list[_Release]] = {name: [] for name in self._teams}
        holders = [h for h in view.holders if h.job.team in self._teams] if self._teams else []
        for holder in holders:
            self._add(self._now, holder.job, max(holder.workers, holder.asked or 0))
        self._soon = dict(self._now)
        for holder in holders:
            job = holder.job
            if holder.is_stopping:
                self._add(self._soon, job, -holder.workers)
                continue
            release = holder.ends_at, job.number, job.shape, holder.workers
            self._releases[job.team].append(release)
            if holder.asked is not None and holder.asked < holder.workers:
                self._add(self._soon, job, holder.asked - holder.workers)

    def concern(self, job: Candidate) -> bool:
        """Whether the job's team has a limit."""
        return job.team in self._teams

    def spare(self, job: Candidate) -> int:
        """Count the workers of this job that its team may have more, now and soon."""
        if job.team not in self._teams:
            return ENDLESS
        return min(self._spare(self._now[job.team], job), self.spare_soon(job))

    def idle(self, job: Candidate) -> int:
        """Count the workers more that delay nobody of the team."""
        return 0 if job.team in self._heads else self.spare(job)

    def spare_soon(self, job: Candidate, leaving: Iterable[tuple[Shape, int]] = ()) -> int:
        """Count them for when others have left, and besides those of the team that are named."""
        if job.team not in self._teams:
            return ENDLESS
        held = self._soon[job.team]
        for shape, workers in leaving:
            held = plus(held, shape, -workers)
        return self._spare(held, job)

    def start(self, job: Candidate, workers: int) -> None:
        """Count workers that begin."""
        self._add(self._now, job, workers)
        self.claim(job, workers)

    def claim(self, job: Candidate, workers: int) -> None:
        """Count workers that begin once others have left."""
        if job.team in self._teams:
            ends_at = self._view.now + job.expected_s
            self._releases[job.team].append((ends_at, job.number, job.shape, workers))
        self._add(self._soon, job, workers)
        head = self._heads.get(job.team)
        if head is not None and self._view.now + job.expected_s > head.starts_at:
            head.left = plus(head.left, job.shape, -workers)

    def leave(self, job: Candidate, workers: int) -> None:
        """Count on it that workers leave."""
        if job.team in self._teams:
            rest = [entry for entry in self._releases[job.team] if entry[1] != job.number]
            self._releases[job.team] = rest
        self._add(self._soon, job, -workers)

    def head_of(self, job: Candidate) -> Candidate | None:
        """The job of the same team that this one would delay by starting now, if there is one."""
        head = self._heads.get(job.team)
        if head is None or self._view.now + job.expected_s <= head.starts_at:
            return None
        needed = plus(NOTHING, job.shape)
        return head.job if needed[0] > head.left[0] or needed[1] > head.left[1] else None

    def reserve(self, job: Candidate) -> None:
        """Let a job that its team's limit holds up be delayed by nobody of the team."""
        if job.team in self._heads or self._spare(NOTHING, job) < job.shape.fewest:
            return
        team = self._teams[job.team]
        starts_at, held = self._outlook(job)
        held = plus(held, job.shape)
        left = team.limit_cpus - held[0], team.limit_gpus - held[1]
        self._heads[job.team] = _Head(job, starts_at, left)

    def earliest(self, job: Candidate) -> float:
        """When its team's limit would let a job start; inf if nobody knows."""
        return self._outlook(job)[0]

    def reason(self, job: Candidate) -> str:
        """Say what the limit is, and what of it is taken."""
        team, held = self._teams[job.team], self._now[job.team]
        needed = plus(NOTHING, job.shape)
        said = f"needs {amount(*needed)}; the team {team.name} has {amount(*held)}"
        parts = [f"{team.limit_cpus:g} CPUs"] if not math.isinf(team.limit_cpus) else []
        parts += [f"{team.limit_gpus:g} GPUs"] if not math.isinf(team.limit_gpus) else []
        head = self._heads.get(job.team)
        wait = ""
        if head is not None and head.job.number == job.number and not math.isinf(head.starts_at):
            wait = f"; there will be enough in {span(head.starts_at - self._view.now)}"
        return f"{said} and may have at most {' and '.join(parts)}{wait}"

    def holders(self, job: Candidate, most: int) -> tuple[int, ...]:
        """The first of the team's jobs to end."""
        return tuple(
            number for _, number, _, _ in sorted(self._releases[job.team], key=_when)[:most]
        )

    def _outlook(self, job: Candidate) -> tuple[float, Amount]:
        """When enough of the team's jobs will have ended, and what the others hold then."""
        starts_at, held = self._view.now, self._soon[job.team]
        for ends_at, _, shape, workers in sorted(self._releases[job.team], key=_when):
            if self._spare(held, job) >= job.shape.fewest:
                return starts_at, held
            starts_at, held = max(starts_at, ends_at), plus(held, shape, -workers)
        is_enough = self._spare(held, job) >= job.shape.fewest
        return (starts_at if is_enough else math.inf), held

    def _spare(self, held: Amount, job: Candidate) -> int:
        team, shape = self._teams[job.team], job.shape
        room = [
            (limit - used) // each
            for limit, used, each in (
                (team.limit_cpus, held[0], shape.cpus),
                (team.limit_gpus, held[1], shape.gpus),
            )
            if each and not math.isinf(limit)
        ]
        return max(0, int(min(room, default=ENDLESS)))

    def _add(self, sums: dict[str, Amount], job: Candidate, workers: int) -> None:
        if job.team in sums:
            sums[job.team] = plus(sums[job.team], job.shape, workers)


def _has_limit(team: Team) -> bool:
    return not (math.isinf(team.limit_cpus) and math.isinf(team.limit_gpus))


def _when(release: _Release) -> tuple[float, int]:
    return release[0], release[1]

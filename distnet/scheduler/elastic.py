"""Elastic jobs: those with workers to spare give them up first, and what is idle is theirs.

Beyond the fewest workers that a job may have, it has what nobody else wants. So anybody who waits
may have them back, whatever the priorities; but not for a job of no higher priority before the job
has been as it is for `steady_s`, because each change costs a restart.

Source: Volcano's elastic gangs, whose pods beyond `minAvailable` are the first to be taken; jobs
that are given a size at the start and others later as in Feitelson and Rudolph, JSSPP 1996.
"""

from collections.abc import Mapping

from distnet.scheduler.fit import Places, Room, Worker, workers_in
from distnet.scheduler.view import Holder, Policy


def first_to_go(placement: Mapping[str, int], count: int) -> dict[str, int]:
    """Choose the workers that leave: those on the nodes with the fewest, so that few nodes stay."""
    leaving: dict[str, int] = {}
    for node in sorted(placement, key=lambda node: (placement[node], node)):
        if count <= 0:
            break
        leaving[node] = min(count, placement[node])
        count -= leaving[node]
    return leaving


def what_stays(placement: Mapping[str, int], leaving: Mapping[str, int]) -> dict[str, int]:
    """The placement without those that leave."""
    left = {node: count - leaving.get(node, 0) for node, count in placement.items()}
    return {node: count for node, count in left.items() if count > 0}


def fewer(placement: Mapping[str, int], workers: int) -> dict[str, int]:
    """Places for so many workers, some of those that there are."""
    leaving = first_to_go(placement, sum(placement.values()) - workers)
    return what_stays(placement, leaving)


def may_shrink(holder: Holder, now: float, policy: Policy) -> bool:
    """Whether it has workers to spare for a job of any priority."""
    return has_spare(holder) and now - since(holder) >= policy.steady_s


def has_spare(holder: Holder) -> bool:
    """Whether it has more than the fewest workers, and can be resized now."""
    shape = holder.job.shape
    is_free = holder.is_steady and not holder.is_stopping
    return shape.is_elastic and is_free and holder.workers > shape.fewest


def may_grow(holder: Holder, now: float, policy: Policy) -> bool:
    """Whether it may have more workers, and they are worth a restart: what a user asks for is."""
    is_able = holder.job.shape.is_elastic and holder.is_steady and not holder.is_stopping
    if not is_able or holder.workers >= holder.job.shape.most:
        return False
    is_worth = min(now - since(holder), holder.ends_at - now) >= policy.steady_s
    return holder.is_wished or (policy.elastic and is_worth)


def since(holder: Holder) -> float:
    """When it started, or changed its workers last."""
    return max(holder.started_at, holder.resized_at)


def more_places(room: Room, worker: Worker, places: Places, most: int) -> Places:
    """Find places for at most so many workers more: on the nodes it has, then on few others."""
    more: Places = {}
    for n in sorted(places):
        count = min(most, workers_in(room.cpus[n], room.gpus[n], worker))
        if count > 0:
            more[n] = count
            most -= count
    if most <= 0:
        return more
    rest = room.copy() if more else room
    for n, count in more.items():
        rest.put(n, rest.cpus[n] - count * worker[0], rest.gpus[n] - count * worker[1])
    count = min(most, rest.count(worker))
    return more | (rest.place(worker, count) or {}) if count else more

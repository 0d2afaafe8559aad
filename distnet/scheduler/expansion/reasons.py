"""Why a job waits for nodes that are to be added, or why none are."""

from collections import Counter
from collections.abc import Collection

from distnet.scheduler.capacity.nodes import slots_in
from distnet.scheduler.format import format_duration
from distnet.scheduler.view import Group, JobRequest, Node, View
from distnet.spec.plural import counted


def new_nodes_reason(view: View, new: Collection[str]) -> str:
    """Why a job waits for absent nodes, by their ids."""
    counts = Counter(node.group for node in view.nodes if node.is_absent and node.id in new)
    groups = {group.name: group for group in view.groups}
    return "waiting for " + " and ".join(
        f"{counted(count, 'more node')} of group {name} ({_progress(view, groups[name])})"
        for name, count in sorted(counts.items())
    )


def problem_reason(view: View, job: JobRequest) -> str:
    """Why no nodes are added for a job, as the start of a sentence; empty if there is no reason."""
    if not any(group.problem for group in view.groups):
        return ""
    absent = {node.group: node for node in view.nodes if node.is_absent}
    return "".join(
        f"{group.problem}; "
        for group in view.groups
        if group.problem and _fits(absent.get(group.name), job)
    )


def _fits(node: Node | None, job: JobRequest) -> bool:
    selector = job.shape.selector
    if node is None or (selector is not None and not selector.admits(node.labels)):
        return False
    return slots_in(node.cpus, node.gpus, job.shape.per_worker) > 0


def _progress(view: View, group: Group) -> str:
    """How far the autoscaler is: `being added since 40 s; 3 of at most 8 are there`."""
    members = [node for node in view.nodes if node.group == group.name]
    here = sum(not node.is_absent for node in members)
    text = f"{here} of at most {len(members)} {'is' if here == 1 else 'are'} there"
    if group.adding_since is not None:
        text = f"being added since {format_duration(view.now - group.adding_since)}; {text}"
    return f"{text}; Ray: {group.reason}" if group.reason else text

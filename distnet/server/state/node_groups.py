"""The nodes that Ray's autoscaler can add, which of them are wanted, and whether they come."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from distnet.scheduler.format import format_duration
from distnet.scheduler.view import Group, Node, Plan
from distnet.server.gateway.node_groups import NodeGroup

COMES_WITHIN_S = 900.0
"""A machine of a cloud boots, and installs distnet and torch."""
TRIED_AGAIN_AFTER_S = 600.0


@dataclass
class NodeGroups:
    """Groups of nodes that are added and removed while the server runs."""

    groups: Sequence[NodeGroup] = ()
    wanted: Mapping[str, int] = field(default_factory=dict)
    """How many nodes of each group there must be, by the newest plan."""
    new: Mapping[str, int] = field(default_factory=dict)
    """How many of these are absent."""
    requested: Mapping[str, int] | None = None
    """What the autoscaler has been given; None: nothing by this server yet."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why nodes do not come, by the autoscaler's own account."""
    _adding_since: dict[str, float] = field(default_factory=dict)
    _num_here: Counter[str] = field(default_factory=Counter)
    _given_up_at: dict[str, float] = field(default_factory=dict)

    def with_absent(self, nodes: Sequence[Node], now: float) -> tuple[Node, ...]:
        """The nodes that there are, and those that could be added."""
        here = Counter(node.group for node in nodes)
        return *nodes, *(n for group in self.groups for n in self._absent(group, here, now))

    def state(self, now: float) -> tuple[Group, ...]:
        """The groups as the scheduler sees them."""
        return tuple(
            Group(
                group.name,
                self._adding_since.get(group.name),
                self.reasons.get(group.name, ""),
                self._problem(group.name, now),
            )
            for group in self.groups
        )

    def set_plan(self, plan: Plan, nodes: Iterable[Node], now: float) -> None:
        """Note what is wanted now, which nodes have come, and give up where none has for long."""
        here = Counter(node.group for node in nodes if not node.is_absent)
        for name in (group.name for group in self.groups):
            since = self._adding_since.get(name)
            if not plan.new_nodes.get(name):
                self._adding_since.pop(name, None)
            elif since is None or here[name] > self._num_here[name]:
                self._adding_since[name] = now
            elif now - since > COMES_WITHIN_S:
                self._given_up_at[name] = now
                del self._adding_since[name]
        self._num_here = here
        self.wanted, self.new = plan.nodes, plan.new_nodes

    def forget_times(self) -> None:
        """Begin to wait anew: the clock was set."""
        self._adding_since.clear()
        self._given_up_at.clear()

    def _absent(self, group: NodeGroup, here: Counter[str], now: float) -> Iterator[Node]:
        has_problem = bool(self._problem(group.name, now))
        for number in range(here[group.name], group.max_nodes):
            yield Node(
                id=f"~{group.name}~{number:05}",  # after all ids of Ray, so that these come first
                cpus=group.cpus,
                gpus=group.gpus,
                name=f"a new node of group {group.name}",
                is_draining=has_problem,
                group=group.name,
                is_absent=True,
                labels=group.labels,
            )

    def _problem(self, name: str, now: float) -> str:
        given_up_at = self._given_up_at.get(name)
        if given_up_at is None or now >= given_up_at + TRIED_AGAIN_AFTER_S:
            return ""
        reason = self.reasons.get(name)
        again = format_duration(given_up_at + TRIED_AGAIN_AFTER_S - now)
        return (
            f"no node of group {name} has come within {format_duration(COMES_WITHIN_S)}"
            f"{f' (Ray: {reason})' if reason else ''}, next try in {again}"
        )

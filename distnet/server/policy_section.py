"""The section `policy` of the settings file: presets, and the values that differ from them."""

from typing import Literal

from distnet.protocol.numbers import Priority
from distnet.scheduler.view import Policy
from distnet.server.presets import NAMED_S, PRESETS
from distnet.server.settings import Allowance
from distnet.spec.sections.section import Section
from distnet.spec.sections.units import Seconds

DEFAULT = Policy()


class PolicySection(Section):
    """Settings of the scheduler, and what a submitter may ask of it. Admins may ask for all."""

    preset: Literal["team", "lab", "strict"] = "team"
    """The values of the keys from `ageing` to `grace` that are left out."""
    ageing: Seconds | None = None
    """The waiting time for which a job gains one level of priority."""
    priority: Priority | None = None
    """The highest priority that a submitter gives."""
    not_preemptible: Literal["anyone", "admins"] | Seconds | None = None
    """The longest `queue.max_time` of a submitter's job that cannot be preempted; or who may submit
    such jobs without one."""
    grace: Seconds | None = None
    """The longest `queue.grace` of a submitter's job."""
    preemption: bool = DEFAULT.preemption
    backfill: bool = DEFAULT.backfill
    elastic: bool = DEFAULT.elastic
    steady: Seconds = DEFAULT.steady_s
    """The time after its start in which a job is neither resized nor preempted for fairness."""

    def values(self, open_jobs: int) -> tuple[Policy, Allowance]:
        """What the scheduler does, and what a submitter may ask of it.

        Args:
            open_jobs: that a user may have.
        """
        preset, longest = PRESETS[self.preset], self.not_preemptible
        if isinstance(longest, str):
            longest = NAMED_S[longest]
        policy = Policy(
            preset.ageing_s if self.ageing is None else self.ageing,
            self.preemption,
            self.backfill,
            self.elastic,
            self.steady,
        )
        allowance = Allowance(
            open_jobs,
            preset.priority if self.priority is None else self.priority,
            preset.not_preemptible_s if longest is None else longest,
            preset.grace_s if self.grace is None else self.grace,
        )
        return policy, allowance

"""Estimate when a waiting job starts, while the server continues.

An estimate makes several plans, which takes as long as many iterations of the loop if there are
thousands of jobs. So it works on a view, without the lock.
"""

from dataclasses import dataclass, field, replace

from distnet.protocol.numbers import LATEST
from distnet.scheduler.explain import Estimate, explain
from distnet.scheduler.view import View
from distnet.server.views.turns import Turns


@dataclass
class Explainer:
    """Makes one estimate after the other."""

    _turns: Turns = field(default_factory=lambda: Turns("estimates"))

    def estimate(self, view: View, job: int) -> Estimate:
        """Estimate when a waiting job starts, by its number.

        Raises:
            UnavailableError: `busy`: too many requests for estimates.
        """
        with self._turns.take():
            found = explain(view, job)
        is_late = found.starts_at is not None and found.starts_at >= LATEST
        return replace(found, starts_at=None, error_s=None) if is_late else found

"""Estimate when a waiting job starts, while the server continues.

An estimate makes several plans, which takes as long as many iterations of the loop if there are
thousands of jobs. So it works on a view, without the lock.
"""

from dataclasses import dataclass, field

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
            return explain(view, job)

"""The buffers at the beginning of a step: every slice starts from them, and changes them alone."""

import torch
from torch import Tensor

from distnet.train.compute.player import Player
from distnet.train.compute.row import Total
from distnet.train.exchange.reduce import Sum
from distnet.train.inventory.flat import FlatNetwork


class StepBuffers:
    """Sets buffers back between slices, and moves them by the mean of all slices' changes."""

    def __init__(self, flat: FlatNetwork) -> None:
        self._flat = flat
        self._wide: dict[int, Tensor] = {}
        """By slice: the changes that may not fit into its row."""
        self.restart()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._start)

    def restart(self) -> None:
        """Use the buffers as they are now as those of the step's beginning."""
        self._start = self._flat.buffers.read()
        self._starts = {name: p.buffers.read() for name, p in self._flat.players.items()}

    def reset(self) -> None:
        """Set the buffers to what they were at the step's beginning."""
        if self._start:
            self._flat.buffers.write(self._start)

    def write(self, out: Tensor, player: Player, index: int) -> None:
        """Write the changes that slice `index` has made into `out` [B], the part of its row."""
        self._wide.pop(index, None)  # of another player
        if player.buffers.num_numbers:
            change = player.buffers.change_since(self._starts[player.name])
            out.copy_(change.row)
            self._wide[index] = change.wide

    def wide(self, index: int) -> Tensor:
        """The changes of slice `index` that may not fit into its row; empty where all do."""
        return self._wide.get(index, torch.zeros(0))

    def have_changed(self) -> bool:
        """Whether any buffer differs from the step's beginning."""
        return bool(self._start) and bool(self._flat.buffers.change_since(self._start).row.any())

    def are_finite(self, player: Player) -> bool:
        """Whether no buffer has changed to NaN or infinity."""
        if not player.buffers.num_numbers:
            return True
        change = player.buffers.change_since(self._starts[player.name])
        return bool(torch.isfinite(change.row).all())

    def apply(
        self, player: Player, total: Total, *, slices: int, own: range, sum_: Sum | None
    ) -> None:
        """Move a player's buffers by the mean change over all slices.

        Args:
            player: whose phase this was.
            total: of all slices.
            slices: how many there are.
            own: those of this worker.
            sum_: adds up what does not fit into rows; all workers use it at the same step.
        """
        if not self._start:
            return
        self.reset()
        if player.buffers.num_numbers:
            wide = self._added_up(sum_, own) if total.is_wide and sum_ is not None else None
            player.buffers.move(self._starts[player.name], total.buffers, wide, slices)
            self.restart()

    def _added_up(self, sum_: Sum, own: range) -> Tensor:
        for index in own:
            sum_.rows[index].copy_(self._wide[index])
            sum_.add_own(index)
        return sum_()

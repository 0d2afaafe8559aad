"""The promise, watched: at some steps one slice is computed twice and compared bit by bit.

At the first three steps of an attempt and at every 1,000th, with networks and tasks of a user's own
also at some in between, slice (step mod S) is computed again after all others,

    by another worker on a machine of the same kind, if there is one, and
    by a network built anew (`witness.py`), as after a resume, from the second step on; or else
    by the same network, which has computed other slices in between

and its loss, metrics, gradient and changes of buffers must be the same to the last bit. Computing a
slice must not change parameters either, nor extra state, which one worker alone would have. At
every 100th step a digest of weights and buffers rides in the sum: workers that have drifted apart
are found.

The guard moves nothing that trains: rows, weights, buffers and generators stay as they are.
"""

from collections.abc import Callable, Mapping

from torch import Tensor

from distnet.data.batch import Batch
from distnet.errors import NotReproducibleError
from distnet.train.compute.generators import kept_generators
from distnet.train.compute.row import Total
from distnet.train.compute.slice_gradient import Gathered
from distnet.train.compute.trainee import Trainee
from distnet.train.compute.turn import SliceId, Turn
from distnet.train.exchange.tree import own_slices
from distnet.train.exchange.worker_group import WorkerGroup, gather
from distnet.train.inventory.digest import digest, digests
from distnet.train.step.comparison import Comparison
from distnet.train.step.nonfinite import is_finite
from distnet.train.step.values import value_digest
from distnet.train.step.verdict import Circumstances, drift_text
from distnet.train.step.witness import Builder

NUM_FIRST, EVERY, WEIGHTS_EVERY = 3, 1000, 100
OWN_STEPS = (30, 300)
"""Of an attempt with own code, which may change its ways when it has run for a while."""
DIGEST_MASK = (1 << 32) - 1


class Guard:
    """Watches one worker; all workers call the methods of theirs alike.

    Args:
        trainee: what trains.
        group: the workers.
        first_step: the step at which the attempt begins.
        note: reports something that the user should know.
    """

    def __init__(
        self, trainee: Trainee, group: WorkerGroup, first_step: int, note: Callable[[str], None]
    ) -> None:
        self._trainee, self._group, self._note = trainee, group, note
        self._first_step, self._is_on = first_step, trainee.job.train.guard == "on"
        self._num_slices = trainee.job.num_slices
        self._builder = Builder(trainee)
        self._comparison: Comparison | None = None
        self._is_batch_same, self._has_noted = True, False
        self.weights = 0
        """The digest of weights and buffers that rides in the sum; 0 where none does."""
        self._where, self._suspects = "", list[str]()

    def take(self, of: SliceId) -> Batch:
        """Take the samples of a slice; at watched steps twice, if a user's own code gives them."""
        trainee, feed, index = self._trainee, self._trainee.feed, of.slice
        is_watched = self._is_watched(of.step) and of.step % self._num_slices == index
        if not (is_watched and trainee.has_own_samples):
            return trainee.take(of)
        state = feed.state(index) if feed.has_state and of.step else b""
        batch = trainee.take(of)
        if state:
            feed.restore(index, state)
        if state or not feed.has_state:
            again, key = trainee.take(of), (of.step, index, of.turn.draw)
            are_same = value_digest(batch.fields) == value_digest(again.fields)
            self._is_batch_same &= are_same and feed.ids(*key) == feed.ids(*key)
        return batch

    def begin(self, turn: Turn, step: int, where: str) -> None:
        """Before the slices of an update: digest what they must not change."""
        trainee, self._where = self._trainee, where
        self._comparison, self.weights = None, 0
        if self._group.size > 1 and self._compares_weights(step):
            trainee.gradient.reset_buffers()
            self.weights = digest(list(trainee.flat.weights().values())) & DIGEST_MASK
        if self._is_watched(step):
            of = SliceId(turn, step, step % self._num_slices)
            seen, is_same = self._circumstances(of), self._is_batch_same
            self._comparison = Comparison(
                trainee, self._group, self._builder, seen, of, is_batch_same=is_same
            )

    def keep(self, of: SliceId, row: Tensor) -> None:
        """After a slice is computed, before other rows are added to its own."""
        if self._comparison is not None:
            self._comparison.keep(of, row)

    def compare(
        self, total: Total, batch: Callable[[SliceId], Batch], gathered: Mapping[int, Gathered]
    ) -> None:
        """After the sum, before the weights move.

        Args:
            total: the sum of all rows.
            batch: gives the samples of a slice.
            gathered: what each slice sees of the others.

        Raises:
            NotReproducibleError: something differs.
        """
        if total.flags.is_drifted:
            raise NotReproducibleError(self._drift())
        comparison, self._comparison = self._comparison, None
        if comparison is None or not is_finite(total):
            return
        with kept_generators(self._trainee.flat.vector.device):
            plain, note = comparison.run(batch, gathered, self._suspects)
        self._suspects += [name for name in plain if name not in self._suspects]
        self._trainee.gradient.reset_buffers()
        if note and not self._has_noted:
            self._has_noted = True
            self._note(note)

    def _is_watched(self, step: int) -> bool:
        """Whether a slice of `step`, counted from 0, is computed twice."""
        count = step + 1 - self._first_step
        is_own_step = count in OWN_STEPS and self._builder.is_own
        return self._is_on and (count <= NUM_FIRST or (step + 1) % EVERY == 0 or is_own_step)

    def _compares_weights(self, step: int) -> bool:
        is_due = (step + 1) % WEIGHTS_EVERY == 0 or step + 1 == self._trainee.num_steps
        return self._is_on and (is_due or self._is_watched(step))

    def _circumstances(self, of: SliceId) -> Circumstances:
        size, slices = self._group.size, self._num_slices
        owner = next(r for r in range(size) if of.slice in own_slices(r, size, slices))
        others = [(owner + i) % size for i in range(1, size)]
        kinds = self._group.fingerprints
        alike = [rank for rank in others if not kinds or kinds[rank] == kinds[owner]]
        again = owner if self._trainee.feed.has_state or not alike else alike[0]
        return Circumstances(
            where=self._where,
            slice=of.slice,
            num_slices=slices,
            owner=owner,
            again=again,
            is_rebuilt=of.step > self._first_step and self._builder.may_build,
            is_gpu=self._group.device != "cpu",
        )

    def _drift(self) -> str:
        """Find what is not the same on all workers; all of them call this."""
        weights = self._trainee.flat.weights()
        self._trainee.gradient.reset_buffers()
        every = gather(
            self._group, dict(zip(weights, digests(list(weights.values())), strict=True))
        )
        for name in weights:
            ranks = [rank for rank, each in enumerate(every) if each[name] != every[0][name]]
            if ranks:
                return drift_text(self._where, name, ranks)
        return f"{self._where}: the workers compared their weights, which were not all read alike"

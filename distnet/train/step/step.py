"""The sum of one step over all slices of all workers."""

from collections.abc import Callable
from functools import partial

from distnet.run_folder.heartbeat import Heartbeat, Stage
from distnet.run_folder.recorder import Tell
from distnet.run_folder.sample_digest import SampleDigest
from distnet.train.compute.row import Total, read_total, write_flags
from distnet.train.compute.trainee import Trainee
from distnet.train.exchange.tree import own_slices
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.step.out_of_memory import Shortage, agree_on_shortage, try_twice
from distnet.train.step.step_index import Place


class StepSum:
    """Computes this worker's slices and adds up those of all.

    Args:
        trainee: what trains.
        world: the workers.
        should_stop: whether someone asked for a planned stop; asked once a step.
        tell: writes a record.
        heartbeat: is told when this worker waits for the others.
    """

    def __init__(
        self,
        trainee: Trainee,
        world: WorkerGroup,
        should_stop: Callable[[], bool],
        tell: Tell,
        heartbeat: Heartbeat,
    ) -> None:
        self.own = own_slices(world.rank, world.size, trainee.job.num_slices)
        self._trainee, self._world, self._heartbeat = trainee, world, heartbeat
        self._should_stop, self._tell = should_stop, tell

    def __call__(self, place: Place) -> Total:
        """Add up one step; where memory does not suffice, again in smaller pieces.

        Raises:
            OutOfMemoryError: the job does not want that, or pieces would give another result.
        """
        while True:
            shortages = self._write_rows(place)
            self._heartbeat.at(Stage.SUMMING)
            sums = self._trainee.sum()
            total = read_total(sums, self._trainee.flat.num_parameters, place.num_samples)
            if not total.is_out_of_memory:
                return total
            text = agree_on_shortage(self._trainee, self._world, shortages, place, self.own)
            self._tell({"kind": "note", "text": text})
            self._heartbeat.stay(Stage.COMPUTING)

    def _write_rows(self, place: Place) -> list[Shortage]:
        """Write the rows of this worker's slices; returns those that did not fit in memory."""
        trainee, rows, taken = self._trainee, self._trainee.sum.rows, SampleDigest()
        shortages = []
        for index in self.own:
            low, high = trainee.batches.slice(place.batch, index)
            problem = try_twice(partial(self._write_row, place, index, low, high))
            if problem is not None:
                rows[index].zero_()
                pieces, rank = trainee.gradient.pieces, self._world.rank
                shortages.append(Shortage(rank, index, high - low, pieces, problem))
            taken = taken.plus(trainee.samples.digest(place.epoch, low, high))
            if index == self.own[-1]:
                is_stop, is_short = self._should_stop(), bool(shortages)
                write_flags(rows[index], is_stop=is_stop, is_out_of_memory=is_short, taken=taken)
            trainee.sum.add_own(index)
        return shortages

    def _write_row(self, place: Place, index: int, low: int, high: int) -> None:
        row = self._trainee.sum.rows[index]
        x, y = self._trainee.samples.take(place.epoch, low, high)
        self._trainee.gradient.compute(place.step, index, x.to(row.device), y.to(row.device), row)

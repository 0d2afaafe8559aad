"""Where training is: this, the weights and the optimizer's vectors are all that survives a restart.

    Position   step, sums and samples of the epoch so far, and what failures have changed
    Anchor     the same and all vectors of an earlier step, for a job that may rewind to it

A job that rewinds goes back to the last multiple of `checkpoint.every_steps`. Every worker keeps
that state in memory, and checkpoints made in between carry it: so a rewind depends neither on
when checkpoints were written, nor on the store, nor on which of them were kept.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor

from distnet.errors import CheckpointError
from distnet.run_folder.sample_digest import SampleDigest
from distnet.train.checkpoint.checkpoint import State
from distnet.train.compute.trainee import Trainee
from distnet.train.early_stopping import Watched

PREFIX = "rewind/"
WEIGHTS = f"{PREFIX}weights"
PhaseSums = Mapping[str, tuple[float, ...]]
"""The sums of each phase, as in its rows."""


@dataclass(frozen=True)
class Position:
    """Where training is."""

    step: int = 0
    epoch_sums: PhaseSums = field(default_factory=dict)
    """Of the epoch so far."""
    epoch_samples: int = 0
    """Samples of the epoch so far that moved the weights."""
    used: SampleDigest = SampleDigest()
    """The samples of the epoch so far that moved the weights."""
    skipped: SampleDigest = SampleDigest()
    """Those that did not, because the loss or the gradient was not finite."""
    num_nonfinite: int = 0
    """How many steps in a row were skipped just before this one."""
    updates: Mapping[str, int] = field(default_factory=dict)
    """Updates that each player's optimizer has made; empty in a checkpoint of an older version."""
    pieces: int | None = None
    """In how many pieces a slice is computed; None is what the job says."""
    num_steps: int | None = None
    """The planned number of steps; None in a checkpoint of an older version."""
    watched: Watched | None = None
    """What early stopping knows of the evaluations."""
    anchor: "Anchor | None" = None
    """Where to rewind to, if not to this position itself."""

    @classmethod
    def of(cls, state: State) -> "Position":
        """Read the position of a checkpoint.

        Raises:
            CheckpointError: it was written by another version of distnet.
        """
        try:
            anchor = None
            if "rewind" in state.facts:
                tensors = {k: v for k, v in state.optimizer.items() if k.startswith(PREFIX)}
                anchor = Anchor(_read(state.facts["rewind"]), tensors)
            return _read({**state.facts, "step": state.step}, anchor)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"the checkpoint of step {state.step} was written by another version of distnet "
                f"(its facts: {error}); resume with that version, or start a new run from its "
                "weights"
            ) from None

    def facts(self) -> dict[str, Any]:
        """Plain values for a checkpoint, which holds the step by itself."""
        facts = {
            "epoch_sums": {phase: list(sums) for phase, sums in self.epoch_sums.items()},
            "epoch_samples": self.epoch_samples,
            "used": list(self.used),
            "skipped": list(self.skipped),
            "num_nonfinite": self.num_nonfinite,
            "updates": dict(self.updates),
            "pieces": self.pieces,
            "num_steps": self.num_steps,
        }
        if self.watched is not None:
            facts["watched"] = asdict(self.watched)
        if self.anchor is not None:
            facts["rewind"] = {"step": self.anchor.position.step, **self.anchor.position.facts()}
        return facts

    def digests(self) -> dict[str, Any]:
        """The samples of the epoch so far, as in records."""
        return {
            "samples": self.used.num_samples,
            "samples_hash": self.used.hexadecimal,
            "skipped_samples": self.skipped.num_samples,
            "skipped_hash": self.skipped.hexadecimal,
        }


@dataclass(frozen=True)
class Anchor:
    """A whole state of training to go back to."""

    position: Position
    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def take(cls, trainee: Trainee, position: Position, before: "Anchor | None") -> "Anchor":
        """Copy the state as it is now to the memory of the CPU: that of the anchor `before`."""
        tensors = _live_tensors(trainee)
        kept = before.tensors if before is not None else {}
        return cls(position, {k: _copied(v, kept.get(k)) for k, v in tensors.items()})

    def go_back(self, trainee: Trainee) -> None:
        """Set weights, buffers, shadows and optimizers to what they were."""
        trainee.flat.vector.copy_(self.tensors[WEIGHTS])
        start = f"{PREFIX}state/"
        own = {k.removeprefix(start): v for k, v in self.tensors.items() if k.startswith(start)}
        trainee.load(own)
        num_buffers = len(trainee.flat.buffers.read())
        trainee.flat.buffers.write([self.tensors[_buffer(i)] for i in range(num_buffers)])
        trainee.gradient.restart()
        set_updates(trainee, self.position)


def set_updates(trainee: Trainee, position: Position) -> None:
    """Set the number of updates that each optimizer has made at `position`.

    Older versions counted the steps.
    """
    for player, optimizer in trainee.optimizers.items():
        optimizer.num_updates = position.updates.get(player, position.step)


def _copied(tensor: Tensor, before: Tensor | None) -> Tensor:
    """Copy to the memory of the CPU: to that of `before`, where it fits."""
    if before is None or before.shape != tensor.shape:
        return tensor.to("cpu", copy=True)
    return before.copy_(tensor)


def _live_vectors(trainee: Trainee) -> dict[str, Tensor]:
    vectors = {f"{PREFIX}state/{name}": vector for name, vector in trainee.state().items()}
    return vectors | {WEIGHTS: trainee.flat.vector}


def _live_tensors(trainee: Trainee) -> dict[str, Tensor]:
    buffers = enumerate(trainee.flat.buffers.read())
    return _live_vectors(trainee) | {_buffer(index): buffer for index, buffer in buffers}


def _buffer(index: int) -> str:
    return f"{PREFIX}buffer/{index}"


def _read(facts: Mapping[str, Any], anchor: Anchor | None = None) -> Position:
    return Position(
        step=facts["step"],
        epoch_sums={phase: tuple(sums) for phase, sums in facts["epoch_sums"].items()},
        epoch_samples=facts["epoch_samples"],
        used=SampleDigest(*facts["used"]),
        skipped=SampleDigest(*facts["skipped"]),
        num_nonfinite=facts["num_nonfinite"],
        updates=facts.get("updates", {}),
        pieces=facts["pieces"],
        num_steps=facts.get("num_steps"),
        watched=Watched(**facts["watched"]) if "watched" in facts else None,
        anchor=anchor,
    )

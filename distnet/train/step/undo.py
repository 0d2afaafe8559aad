"""Take back a step whose later phases were not finite."""

from torch import Tensor

from distnet.train.compute.trainee import Trainee


class Undo:
    """The state before a step of several updates. A step of one update needs no copy."""

    def __init__(self, trainee: Trainee) -> None:
        self._trainee = trainee
        self._is_needed = len(trainee.turns) > 1
        self._vectors: dict[str, Tensor] = {}
        self._buffers: list[Tensor] = []
        self._updates: dict[str, int] = {}

    def take(self) -> None:
        """Copy the state as it is now."""
        if not self._is_needed:
            return
        for name, vector in self._live().items():
            if name in self._vectors:
                self._vectors[name].copy_(vector)
            else:
                self._vectors[name] = vector.clone()
        self._buffers = self._trainee.flat.buffers.read()
        self._updates = {p: o.num_updates for p, o in self._trainee.optimizers.items()}

    def restore(self) -> None:
        """Set weights, optimizers and buffers to what they were."""
        if not self._is_needed:
            return
        for name, vector in self._live().items():
            vector.copy_(self._vectors[name])
        self._trainee.flat.buffers.write(self._buffers)
        self._trainee.gradient.restart()
        for player, optimizer in self._trainee.optimizers.items():
            optimizer.num_updates = self._updates[player]

    def _live(self) -> dict[str, Tensor]:
        optimizers = self._trainee.optimizers.items()
        vectors = {f"{p}/{name}": v for p, o in optimizers for name, v in o.state.items()}
        return {"weights": self._trainee.flat.vector, **vectors}

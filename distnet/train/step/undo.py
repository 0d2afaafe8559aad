"""Take back a step whose later phases were not finite."""

from torch import Tensor

from distnet.train.compute.trainee import Trainee

WEIGHTS = "weights"


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
            before = self._vectors.get(name)
            if before is not None and before.shape == vector.shape:
                before.copy_(vector)
            else:
                self._vectors[name] = vector.clone()
        self._buffers = self._trainee.flat.buffers.read()
        self._updates = {p: o.num_updates for p, o in self._trainee.optimizers.items()}

    def restore(self) -> None:
        """Set weights, optimizers and buffers to what they were."""
        if not self._is_needed:
            return
        self._trainee.flat.vector.copy_(self._vectors[WEIGHTS])
        for player, optimizer in self._trainee.optimizers.items():
            start = f"{player}/"
            own = {k: v for k, v in self._vectors.items() if k.startswith(start)}
            optimizer.load({name.removeprefix(start): vector for name, vector in own.items()})
        self._trainee.flat.buffers.write(self._buffers)
        self._trainee.gradient.restart()
        for player, optimizer in self._trainee.optimizers.items():
            optimizer.num_updates = self._updates[player]

    def _live(self) -> dict[str, Tensor]:
        optimizers = self._trainee.optimizers.items()
        vectors = {f"{p}/{name}": v for p, o in optimizers for name, v in o.state.items()}
        return {WEIGHTS: self._trainee.flat.vector, **vectors}

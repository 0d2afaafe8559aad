"""Networks as users write them, whose weights would depend on more than job and data; and others
that only look like it. `test_guard.py` trains each of them."""

import functools
import os
import random
import threading
import time
from copy import deepcopy
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from distnet.data.batch import Batch
from distnet.data.column import Columns, Ints
from distnet.data.manifest import Manifest
from distnet.data.samplers.sampler import SplitIndex
from distnet.run_folder.sample_digest import SampleDigest
from distnet.spec.metric import Metric
from distnet.spec.sections.job import Job
from distnet.tasks.targets.classify import Classify
from distnet.tasks.task import Loss, Measured, Networks, Phase, Summary

CALLS = 0


class Plain(nn.Module):
    """Two layers; what is between them is what others change."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(144, 8), nn.Linear(8, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.between(torch.tanh(self.a(x.flatten(1)))))

    def between(self, h: Tensor) -> Tensor:
        return h


class NumpyMixup(Plain):
    def between(self, h: Tensor) -> Tensor:
        part = float(np.random.beta(0.4, 0.4))  # noqa: NPY002
        return part * h + (1 - part) * h.flip(0)


class PythonScale(Plain):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.order = np.random.permutation(8).tolist()  # noqa: NPY002

    def between(self, h: Tensor) -> Tensor:
        return h[:, self.order] * random.uniform(0.5, 1.5)


class ActNorm(Plain):
    """Sets its shift from the first batch."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.shift = nn.Parameter(torch.zeros(8))
        self.register_buffer("is_set", torch.tensor(False))

    def between(self, h: Tensor) -> Tensor:
        if self.training and not self.is_set:
            with torch.no_grad():
                self.shift.copy_(-h.mean(0))
                self.is_set.fill_(True)
        return h + self.shift


class Teacher(Plain):
    """Follows its own weights with a frozen copy of a layer."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.teacher = deepcopy(self.a).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            for mine, theirs in zip(self.teacher.parameters(), self.a.parameters(), strict=True):
                mine.data.lerp_(theirs.data, 0.1)
        return self.b(torch.tanh(self.a(x.flatten(1))) + self.teacher(x.flatten(1)))


class HiddenTeacher(Plain):
    """The same, hidden from torch in a list."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.hidden = [deepcopy(self.a).requires_grad_(False)]

    def forward(self, x: Tensor) -> Tensor:
        (teacher,) = self.hidden
        if self.training:
            for mine, theirs in zip(teacher.parameters(), self.a.parameters(), strict=True):
                mine.data.lerp_(theirs.data + 0.1, 0.1)
        return self.b(torch.tanh(self.a(x.flatten(1))) + teacher(x.flatten(1)))


class Counter(Plain):
    calls = 0

    def between(self, h: Tensor) -> Tensor:
        self.calls += self.training
        return h / max(0.1, 1 - 0.01 * self.calls)


class Warmup(Plain):
    """Changes long after the steps that are watched first."""

    calls = 0

    def between(self, h: Tensor) -> Tensor:
        self.calls += 1
        return h * 2 if self.calls > 5000 else h


class ClassCounter(Plain):
    """Counts in its class, and changes long after the steps that are watched first."""

    calls = 0

    def between(self, h: Tensor) -> Tensor:
        type(self).calls += 1
        return h * 2 if type(self).calls > 300 else h


class ClosureCounter(Plain):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        calls = 0

        def count() -> int:
            nonlocal calls
            calls += 1
            return calls

        self.count = count

    def between(self, h: Tensor) -> Tensor:
        return h * 2 if self.count() % 50 == 0 else h


class DictCounter(Plain):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.state = {"calls": torch.tensor(0)}

    def between(self, h: Tensor) -> Tensor:
        self.state["calls"] += 1
        return h * 2 if self.state["calls"] == 500 else h


class LongList(Plain):
    def between(self, h: Tensor, seen: list[float] = []) -> Tensor:  # noqa: B006
        seen.append(float(h.detach().mean()))
        return h * 2 if len(seen) > 300 else h


class FrozenLater(Plain):
    calls = 0

    def between(self, h: Tensor) -> Tensor:
        self.calls += 1
        if self.calls == 1000:
            self.a.requires_grad_(False)
        return h


class Toggle(Plain):
    """Is as it was after an even number of slices."""

    is_odd = False

    def between(self, h: Tensor) -> Tensor:
        self.is_odd = not self.is_odd
        return h * 2 if self.is_odd else h


class FirstOfHelper(Plain):
    """Keeps a value of the first batch in a module that it imports."""

    def between(self, h: Tensor) -> Tensor:
        from counting import first_mean  # noqa: PLC0415

        return h - first_mean(h)


class GrowingList(Plain):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.seen: list[Tensor] = []

    def between(self, h: Tensor) -> Tensor:
        self.seen.append(h.detach().mean(0))
        return h - torch.stack(self.seen).mean(0)


class RunningMean(Plain):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.running = torch.zeros(8)

    def between(self, h: Tensor) -> Tensor:
        if self.training:
            self.running = 0.9 * self.running + 0.1 * h.detach().mean(0)
        return h - self.running


class FirstBatch(Plain):
    """Keeps a value of the first batch it sees."""

    first: Tensor | None = None

    def between(self, h: Tensor) -> Tensor:
        if self.first is None:
            self.first = h.detach().mean(0)
        return h - self.first


class DoubleBuffer(Plain):
    """Has a buffer of doubles that nothing depends on, from a generator of its own."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.register_buffer("noise", torch.zeros(3, dtype=torch.float64))

    def between(self, h: Tensor) -> Tensor:
        self.noise += torch.from_numpy(np.random.default_rng().uniform(0, 1, 3))
        return h


class GlobalCounter(Plain):
    def between(self, h: Tensor) -> Tensor:
        global CALLS  # noqa: PLW0603
        CALLS += 1
        return h * (1 + CALLS / 100)


@functools.lru_cache
def cached_noise(size: int) -> Tensor:
    return torch.randn(size)


class CachedNoise(Plain):
    def between(self, h: Tensor) -> Tensor:
        return h + cached_noise(8)


class Clock(Plain):
    def between(self, h: Tensor) -> Tensor:
        return h * (1 + time.perf_counter_ns() % 1000 / 1000)


class Unseeded(Plain):
    def between(self, h: Tensor) -> Tensor:
        return h * float(np.random.default_rng().uniform(0.5, 1.5))


class OfProcess(Plain):
    """Depends on what is another in each process, such as the hash of a text."""

    def between(self, h: Tensor) -> Tensor:
        return h * float(os.environ.get("SCALE_OF_TEST", "1"))


class OwnGenerator(Plain):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.generator = torch.Generator().manual_seed(0)

    def between(self, h: Tensor) -> Tensor:
        return h * torch.rand(8, generator=self.generator)


class ExtraCounter(Plain):
    """Has a checkpoint hold what it counts."""

    calls = 0

    def between(self, h: Tensor) -> Tensor:
        self.calls += self.training
        return h / max(0.1, 1 - 0.01 * self.calls)

    def get_extra_state(self) -> dict[str, Any]:
        return {"calls": self.calls, "half": torch.tensor([0.5]), "text": ("a", None, b"\0")}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        assert (float(state["half"]), state["text"]) == (0.5, ("a", None, b"\0"))
        self.calls = state["calls"]


class Regularised(Plain):
    """Everything that torch has of the kind that may look like state, and is none."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.c = nn.utils.parametrizations.spectral_norm(nn.Linear(8, 8))
        self.d = nn.utils.parametrizations.weight_norm(nn.Linear(8, 8))
        self.norm = nn.BatchNorm1d(8)
        self.register_buffer("seen", torch.tensor(0))

    def between(self, h: Tensor) -> Tensor:
        self.seen += len(h)
        return F.dropout(self.norm(self.d(self.c(h))), 0.2, self.training)


class Caching(Plain):
    """Keeps what it can compute again, and what is there to look at."""

    mask: Tensor | None = None

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.by_size: dict[int, Tensor] = {}

    def between(self, h: Tensor) -> Tensor:
        if self.mask is None:
            self.mask = torch.linspace(0.5, 1, 8)
        if len(h) not in self.by_size:
            self.by_size[len(h)] = torch.arange(len(h))[:, None] / len(h)
        self.last = h
        return h * self.mask + self.by_size[len(h)]


class Unreadable(Plain):
    """Keeps what is hard to read: deep, cyclic, and objects that raise."""

    class Raising:
        def __getattr__(self, name: str) -> Any:
            raise KeyError(name)

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.deep: list[Any] = []
        for _ in range(3000):
            self.deep = [self.deep]
        self.cyclic: dict[str, Any] = {"network": [self]}
        self.cyclic["itself"] = self.cyclic
        self.raising, self.lock = self.Raising(), threading.Lock()


class InPlace(Plain):
    """Changes its inputs."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.mul_(0.5))


class Configured(Plain):
    """Has an extra state that does not change."""

    def get_extra_state(self) -> dict[str, Any]:
        return {"version": 2}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        assert state == {"version": 2}


class Logging(Plain):
    """Counts for itself alone."""

    calls = 0

    def between(self, h: Tensor) -> Tensor:
        self.calls += 1
        return h


class Pickled(Plain):
    def get_extra_state(self) -> set[int]:
        return {1}

    def set_extra_state(self, state: set[int]) -> None:
        assert state


class Drifting(Plain):
    """Changes its weights on one worker, outside of its forward."""

    def train(self, mode: bool = True) -> "Drifting":
        if mode and self.a.weight.any() and dist.is_initialized() and not self.training:
            self.a.weight.data.add_(1e-6 * dist.get_rank())
        return super().train(mode)


class CountingTask(Classify):
    """Weighs its losses by how often it was called."""

    calls = 0

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        self.calls += 1
        return super().losses(outputs, targets) * (2 if self.calls > 300 else 1)


class PaintedTargets(Classify):
    """Changes the targets that it gets."""

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return super().losses(outputs, targets.add_(1).remainder_(4))


class Guess:
    """A task without a dataset: its feed counts its samples, and does not say so in its state."""

    metrics = (Metric("error"),)
    network_arguments = ((144,), 1)

    def __init__(self, data: None) -> None:
        assert data is None

    def feed(self, job: Job) -> "Forgetting":
        return Forgetting()

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        return Loss(networks["network"](batch.tensor("x")).square()[:, 0])

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        raise NotImplementedError

    def summarise(self, sums: Tensor, collected: Any) -> Summary:
        raise NotImplementedError

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        raise NotImplementedError


class Forgetting:
    has_state, steps_per_epoch = True, 10
    count = 0

    def take(self, step: int, index: int, draw: int, networks: Networks) -> Batch:
        self.count += 1
        return Batch({"x": torch.rand(4, 144) + self.count})

    def digest(self, step: int, slices: range) -> SampleDigest:
        return SampleDigest()

    def ids(self, step: int, index: int, draw: int) -> tuple[int, ...]:
        return ()

    def state(self, index: int) -> bytes:
        return b"some"

    def restore(self, index: int, state: bytes) -> None:
        assert state == b"some"

    def close(self) -> None:
        return


class NumpyView:
    """Adds noise to the samples, from a generator that is seeded for each slice."""

    reads = ("x", "y")

    def __init__(self, data: Manifest) -> None:
        self.fields, self._data = data.fields, data

    def num_samples(self, split: str) -> int:
        return self._data.split(split).num_samples

    def take(self, columns: Columns, ids: Ints, split: str) -> Columns:
        x = np.asarray(columns["x"])[ids]
        noise = self.draw(x.shape)
        return {"x": x // 2 + noise, "y": np.asarray(columns["y"])[ids]}

    def draw(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        return np.random.randint(0, 100, shape).astype(np.uint8)  # noqa: NPY002


class UnseededView(NumpyView):
    def draw(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        return np.random.default_rng().integers(0, 100, shape).astype(np.uint8)


class UnseededSampler:
    def __init__(self, index: SplitIndex, seed: int) -> None:
        self.num_samples = index.num_samples

    def ids(self, epoch: int) -> Ints:
        return np.random.default_rng().permutation(self.num_samples)

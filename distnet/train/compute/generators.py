"""The global generators that a network may draw from: torch's, Python's and NumPy's.

All of them are seeded for each slice, so that what it draws depends on (seed, step, slice) alone.
A generator of a network's own is not: `step/guard.py` finds it.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from distnet.data.shuffle import mix


def seed_generators(device: torch.device, *key: int) -> None:
    """Seed the generators, of the CPU and of this GPU, with a hash of `key`."""
    seed = mix(*key) >> 1
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)


def generator_states(device: torch.device) -> tuple[Any, ...]:
    """The states of all generators: two of them are equal where nothing was drawn in between."""
    name, words, *rest = np.random.get_state(legacy=True)
    torches = (generator.get_state().numpy().tobytes() for generator in _torch_generators(device))
    return random.getstate(), (name, np.asarray(words).tobytes(), *rest), *torches


@contextmanager
def kept_generators(device: torch.device) -> Iterator[None]:
    """Give the generators the states that they had before, whatever is drawn meanwhile."""
    torches = _torch_generators(device)
    states = [generator.get_state() for generator in torches]
    pythons, numpys = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        for generator, state in zip(torches, states, strict=True):
            generator.set_state(state)
        random.setstate(pythons)
        np.random.set_state(numpys)


def _torch_generators(device: torch.device) -> list[torch.Generator]:
    generators = [torch.default_generator]
    if device.type == "cuda":
        generators.append(torch.cuda.default_generators[device.index or 0])
    return generators

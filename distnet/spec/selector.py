"""Which nodes a job may use: the types of GPU and the labels of its `resources`."""

from collections.abc import Mapping
from typing import NamedTuple

GPU_LABELS = ("gpu", "ray.io/accelerator-type")
"""The labels that name the type of a node's GPUs: its cluster file's, and the one of Ray."""


class Selector(NamedTuple):
    """What a node must have.

    A tuple, because the scheduler hashes one for each job.
    """

    gpus: tuple[str, ...] = ()
    """Types of GPU, one of which the node must have; none: any type."""
    labels: tuple[tuple[str, str], ...] = ()
    """Labels that the node must have, by name."""

    def admits(self, labels: Mapping[str, str]) -> bool:
        """Whether a node with these labels is one of them."""
        if any(labels.get(name) != value for name, value in self.labels):
            return False
        return not self.gpus or bool(set(map(str.lower, self.gpus)) & _types(labels))

    def __str__(self) -> str:
        """Say what is required: `gpu H100 or A100, zone=a`."""
        gpus = [f"gpu {' or '.join(self.gpus)}"] if self.gpus else []
        return ", ".join((*gpus, *(f"{name}={value}" for name, value in self.labels)))

    def missing(self, nodes: list[Mapping[str, str]]) -> str:
        """Say which of the requirements none of the nodes meets, and what there is instead.

        Args:
            nodes: their labels.

        Returns:
            Such as `no node has gpu H100 (there are A100 and T4)`; empty if each is met somewhere.
        """
        parts = [Selector(gpus=self.gpus)] if self.gpus else []
        parts += [Selector(labels=(pair,)) for pair in self.labels]
        lacking = [part for part in parts if not any(map(part.admits, nodes))]
        return ", ".join(f"no node has {part} ({part._instead(nodes)})" for part in lacking)

    def _instead(self, nodes: list[Mapping[str, str]]) -> str:
        names = GPU_LABELS if self.gpus else [name for name, _ in self.labels]
        found = sorted({labels[name] for labels in nodes for name in names if name in labels})
        if not found:
            return "no GPU has a known type" if self.gpus else f"none has the label {names[0]}"
        return f"there {'is' if len(found) == 1 else 'are'} {' and '.join(found)}"


def gpu_type(labels: Mapping[str, str]) -> str:
    """The type of a node's GPUs; empty if it is unknown."""
    return next((labels[name] for name in GPU_LABELS if name in labels), "")


def _types(labels: Mapping[str, str]) -> set[str]:
    return {labels[name].lower() for name in GPU_LABELS if name in labels}

"""Which tensors of a file of weights a network takes, and exactly what does not fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import Tensor

from distnet.spec.sections.start import Start
from distnet.train.inventory.flat import FlatNetwork

MOST_NAMED = 6


@dataclass(frozen=True)
class Fit:
    """Tensors of a file beside those of a network."""

    taken: Sequence[str]
    missing: Sequence[str]
    """Of the network, and not in the file."""
    unexpected: Sequence[str]
    """Of the file, and not in the network."""
    unlike: Sequence[str]
    """Of both, in another shape; with both shapes."""
    kept: Sequence[str]
    """Ignored: they keep the values that the network draws."""
    unused: Sequence[str]
    """Ignored, of the file."""

    @property
    def fault(self) -> str:
        """What does not fit and is not ignored; empty if all does."""
        parts = {
            "missing in the file": self.missing,
            "not in the network": self.unexpected,
            "of another shape": self.unlike,
        }
        return "; ".join(f"{what}: {_listed(names)}" for what, names in parts.items() if names)

    @property
    def note(self) -> str:
        """What is taken and what is not."""
        parts = {"drawn anew": self.kept, "not used": self.unused}
        rest = "".join(f"; {what}: {_listed(names)}" for what, names in parts.items() if names)
        return f"takes {len(self.taken)} tensors{rest}"


def renamed(weights: Mapping[str, Tensor], start: Start) -> dict[str, Tensor]:
    """The tensors of a file by the names that the network has for them, without those ignored."""
    found = {_renamed(name, start.rename): tensor for name, tensor in weights.items()}
    return {name: tensor for name, tensor in found.items() if not _is_in(name, start.ignore)}


def fit(weights: Mapping[str, Tensor], flat: FlatNetwork, start: Start) -> Fit:
    """Compare the tensors of a file with those of a network."""
    own, given = flat.weights(), renamed(weights, start)
    every = [_renamed(name, start.rename) for name in weights]
    # What shares memory need not be in the file twice, nor what torch does not save.
    tied = {view.name for view in flat.views if view.base in given}
    needed = [name for name in flat.network.state_dict() if name in own and name not in tied]
    unlike = {name for name in given.keys() & own.keys() if given[name].shape != own[name].shape}
    return Fit(
        taken=[name for name in given if name in own and name not in unlike],
        missing=[
            _with_shape(name, own[name])
            for name in needed
            if name not in given and not _is_in(name, start.ignore)
        ],
        unexpected=[_with_shape(name, given[name]) for name in given if name not in own],
        unlike=[
            f"{name} {list(given[name].shape)} in the file, {list(own[name].shape)} in the network"
            for name in given
            if name in unlike
        ],
        kept=[_with_shape(name, own[name]) for name in needed if _is_in(name, start.ignore)],
        unused=[name for name in every if _is_in(name, start.ignore)],
    )


def _renamed(name: str, rename: Mapping[str, str]) -> str:
    for old, new in rename.items():
        if name.startswith(old):
            return new + name[len(old) :]
    return name


def _is_in(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _with_shape(name: str, tensor: Tensor) -> str:
    return f"{name} {list(tensor.shape)}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more

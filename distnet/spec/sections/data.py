"""The section `data` of a job file: which samples, in which order, changed and mixed how."""

from distnet.spec.sections.augmentation import Augmentation, Mix
from distnet.spec.sections.section import Fold, Part, Section
from distnet.spec.sections.units import Bytes


class Data(Section):
    """Where the samples come from and how they reach the network."""

    source: str | None = "mnist"
    """A dataset that ships with distnet (`mnist`), or a folder that `distnet data import` wrote.
    `null` for a task that makes its own samples, such as one that plays a game."""
    normalise: bool = True
    """Subtract the training mean and divide by its deviation, both from the dataset's manifest.
    Images that a task makes (`gan`, `diffusion`) are pixels, and never normalised."""
    view: Part | None = None
    """How samples are made of the dataset's rows: `pack` or your own. Default: each row is one."""
    sampler: Part | None = None
    """Which training samples an epoch has: `balanced`, `identities` or your own. Default: each
    of them once."""
    fold: Fold | None = None
    """Leave out a part of the training samples and evaluate on it: `2/5` is the second of five.
    `distnet run JOB --folds 5` trains once for each."""
    augment: tuple[Augmentation, ...] = ()
    """Random changes to the training images, in this order."""
    mix: Mix | None = None
    """Mix pairs of training samples and their targets: `{mixup: 0.2}`, or `{cutmix: 1}`."""
    memory: Bytes = 512_000_000
    """Splits up to this size are kept in memory; larger ones are streamed."""

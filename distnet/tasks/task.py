"""What a task is: the seam between the training loop and what is learned.

A task is constructed as `Task(data, **options)`, where `data` is the dataset's manifest (None for a
job without one) and the options are the keys of the job file's `task` section. The loop uses
only the members below, so a classifier, a GAN, a language model and a deep Q-network train
through the same lines. A task with one output and one target a sample is written shorter: see
`per_sample.py`.

    for each phase of a step:
        for each slice:  loss(networks, batch, phase) -> gradient of the phase's player
        the gradients of all slices are added up, divided once by the summed weight, applied

`networks["network"]` is what trains; every shadow stands beside it under its own name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal, NamedTuple, Protocol

from numpy.typing import NDArray
from torch import Tensor, nn

from distnet.data.batch import Batch
from distnet.run_folder.figures import Figure
from distnet.spec.metric import Metric

NETWORK = "network"
"""The name of the network that trains, and of the player that owns all of its parameters."""
Networks = Mapping[str, nn.Module]
"""The network that trains, and its shadows, by name."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a phase minimises on one slice.

    The gradient of a step is the gradient of the summed `values * weights` over all slices, divided
    once by the summed weights.
    """

    values: Tensor
    """A value a sample (or token) [n], or one number for the whole slice."""
    weights: Tensor | None = None
    """Beside `values`: [n], or one number. By default 1 a sample."""
    metrics: Mapping[str, tuple[Tensor, Tensor | float]] = field(default_factory=dict)
    """Each of the phase's metrics as (sum, weight); divided after all slices are added up."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One kind of update within a step. Weights move only when all phases of a step are finite."""

    name: str = "train"
    player: str = NETWORK
    """Whose parameters it moves."""
    every: int = 1
    """Made in every n-th step only."""
    repeat: int = 1
    """The number of times in a row within a step."""
    batch: Literal["new", "same"] = "new"
    """Whether each time takes new samples, or the previous ones of the step."""
    metrics: tuple[str, ...] = ()
    """The names that its `Loss.metrics` has, always the same."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """A second copy of the network that follows the first; `networks[name]` is a frozen view of it.

    It is part of every checkpoint, and a step that was skipped does not move it. It is in
    evaluation mode, also in `loss`: without dropout, with the running statistics.
    """

    name: str
    source: str = "*"
    """The parameters that follow, by a name pattern; the others keep their first values."""
    decay: float | None = None
    """Follow as an exponential moving average: s <- decay s + (1 - decay) w."""
    is_corrected: bool = False
    """Leave the first weights out of the average: after n updates w has (1 - decay) / (1 - decay^n)
    of it, so that the first update counts 1 (the correction of Kingma and Ba 2015, section 3)."""
    every: int | None = None
    """Or copy the weights in every n-th step."""
    has_buffers: bool = True
    """Whether the buffers are copied as well."""
    used_by: frozenset[Literal["evaluation", "export"]] = frozenset()
    """Where it replaces the network, besides its uses in `loss`."""


class Measured(NamedTuple):
    """What an evaluation measures on one batch."""

    sums: Tensor
    """float64 [m]: added up over all batches."""
    values: Tensor
    """[n]: how bad each sample is; the report shows the worst."""
    collected: bytes = b""
    """What cannot be summed (scores for an AUC); joined in the order of the samples."""


@dataclass(frozen=True)
class Summary:
    """The result of an evaluation."""

    metrics: dict[str, float]
    """`loss` and every declared metric."""
    figures: tuple[Figure, ...] = ()
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """The arrays that figures of images name; see `run_folder/figures.py`."""


class Shown(NamedTuple):
    """What a report shows of a trained network beside its measurements."""

    figures: tuple[Figure, ...]
    arrays: Mapping[str, NDArray[Any]] = {}
    """Beside those of the summary, under names of their own."""


class Exportable(NamedTuple):
    """What an ONNX file computes, where that is not the network on the field `x`."""

    network: nn.Module
    """Takes the inputs by position, and returns one tensor [n, ...], the output."""
    inputs: Mapping[str, Tensor]
    """Examples [n, ...] of each input, by name; the file is checked with them."""
    output: str
    """Its name."""
    meanings: Mapping[str, str]
    """What inputs and output hold, by their names; written into the file."""
    longest: int | None = None
    """Where the second dimension of all inputs has any length: the longest."""


class Episode(NamedTuple):
    """One episode that was played to its end."""

    number: int
    """From 0; with the seed, it decides how the episode begins."""
    returned: float
    """The sum of its rewards."""
    num_moves: int


Watch = Callable[[NDArray[Any], float], None]
"""Sees a game before each move: the pixels uint8 [C, H, W], and the return so far."""
FirstSamples = Callable[[int], tuple[Batch, Batch]]
"""Gives the first n samples that are evaluated: as stored, and as the network takes them."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a text is continued: each next token is drawn from the network's distribution.

    Raises:
        ValueError: a value is impossible.
    """

    tokens: int = 500
    """How many."""
    temperature: float = 0.8
    """Divides the logits: below 1, likely tokens become likelier; 0 takes the likeliest one."""
    top_k: int | None = None
    """Draw among the k likeliest tokens only (Fan et al. 2018)."""
    seed: int | None = 0
    """Of the draws; None draws from torch's global generator."""

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise ValueError(f"tokens: found {self.tokens}, expected 1 or more")
        if not 0 <= self.temperature < inf:
            raise ValueError(f"temperature: found {self.temperature}, expected 0 or more")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k: found {self.top_k}, expected 1 or more")


class Task(Protocol):
    """What is learned: the loss, the metrics, and how to read an output.

    Optional members:
        phases, players, shadows: see above.
        embed(networks, batch) -> Tensor [n, d]: the embeddings of all slices are handed to `loss`
            as the field `embedding`, with the fields that `gathers` names.
        collects: True where `measure` collects bytes.
        numbered: True where `measure` takes the field `index`, int64 [n]: the number of each sample
            in the evaluation, from which what it draws can be seeded.
        takes_pixels: True where images come in [0, 1], because the network makes such images; what
            `data.normalise` says holds for the other fields.
        feed(job), evaluation_feed(job): samples that no dataset holds; see `distnet.train.feed`.
        show(networks, first: FirstSamples) -> Shown: what the network makes, for the report;
            called once at the end, by one worker, with generators seeded by the job's seed.
        play(networks, *, seed, episodes, watch: Watch | None) -> Iterator[Episode]: plays whole
            episodes; `watch` sees the first of them.
        to_image(prediction, size): a prediction with positions in an image, such as boxes, in
            pixels of one of `size` (height, width); `predict` then scales images as a whole.
        generate(networks, prompt: str, sampling: Sampling) -> Iterator[str]: the text that follows
            a prompt, in pieces, as they are made; a ValueError says what is wrong with the prompt.
        to_file(text, suffix: str) -> bytes: the content of a file with a generated text, by the
            suffix of its name, such as `.mid`; a ValueError says which there are.
        require_file(suffix: str): the same ValueError, before a text is generated.
        sample(networks, seed, numbers, of_class) -> Tensor: generated images, uint8 [n, C, H, W];
            each depends on the seed and its number alone, and is of the class with that index.
        baseline(known: Known) -> Baseline | None: what a simple rule reaches on the samples on
            which the network is measured; see `distnet.tasks.baseline`.
        exported(outputs): what an exported network gives, one tensor, in the units of the data.
        exportable(networks, num) -> Exportable: what an ONNX file computes instead, with `num`
            examples drawn from the global generators.
    """

    metrics: tuple[Metric, ...]
    """What an evaluation measures besides the loss; the first is the headline metric."""

    @property
    def network_arguments(self) -> tuple[Any, ...]:
        """What the network's constructor takes by position."""
        ...

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        """Compute the loss of one slice, with its graph."""
        ...

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        """Measure one batch of an evaluation; called without gradients."""
        ...

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:
        """Turn the sums [m] over all samples, and what was collected, into metrics and figures."""
        ...

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        """The network's prediction for each sample: `{"class": "7", "probability": 0.98, ...}`."""
        ...


ONE_PHASE = (Phase(),)
ONE_PLAYER = {NETWORK: "*"}


def phases_of(task: Task) -> tuple[Phase, ...]:
    """The phases of a step; one, unless the task defines others."""
    phases: tuple[Phase, ...] = getattr(task, "phases", ONE_PHASE)
    return phases


def players_of(task: Task) -> Mapping[str, str]:
    """The name pattern of each player's parameters; one player has all, by default."""
    players: Mapping[str, str] = getattr(task, "players", ONE_PLAYER)
    return players


def shadows_of(task: Task) -> tuple[Shadow, ...]:
    """The shadows of the network; none, by default."""
    shadows: tuple[Shadow, ...] = getattr(task, "shadows", ())
    return shadows

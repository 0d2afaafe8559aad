"""What an evaluation shows beside its metrics: figures as plain data.

A task makes figures, `evaluation.json` keeps them, and the report draws them: each kind is drawn by
one file in `report/figures/`, named after the kind. Pixels are too large for JSON, so an `Images`
figure names an array in `pictures.npz`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from pydantic import TypeAdapter

from distnet.run_folder.records.kinds import Number
from distnet.spec.metric import Format

Cell = str | int | float | None


@dataclass(frozen=True)
class Figure:
    """What all kinds of figures have."""

    kind: ClassVar[str]
    title: str

    def to_dict(self) -> dict[str, Any]:
        """The figure as a JSON object."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Confusion(Figure):
    """How many samples of each class were predicted as which class."""

    kind: ClassVar[str] = "confusion"
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """[actual][predicted]."""

    def __post_init__(self) -> None:
        _require_lengths("counts", [self.counts, *self.counts], len(self.classes))


@dataclass(frozen=True)
class Table(Figure):
    """Rows of names and numbers."""

    kind: ClassVar[str] = "table"
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    formats: tuple[Format, ...] = ()
    """How the numbers of each column are written; empty: all as plain numbers."""

    def __post_init__(self) -> None:
        _require_lengths("rows", self.rows, len(self.columns))
        if self.formats:
            _require_lengths("formats", [self.formats], len(self.columns))


@dataclass(frozen=True)
class Dots(Figure):
    """A few numbers of each row on one common axis, such as precision and recall of each class."""

    kind: ClassVar[str] = "dots"
    row_label: str
    """What a row is, such as `class`."""
    rows: tuple[str, ...]
    """In the order of importance: where there are too many, the first are drawn."""
    series: dict[str, tuple[Number, ...]]
    """By name, one number a row."""
    format: Format = "number"

    def __post_init__(self) -> None:
        _require_lengths("series", self.series.values(), len(self.rows))


@dataclass(frozen=True)
class Series:
    """Points of one colour."""

    name: str
    x: tuple[Number, ...]
    y: tuple[Number, ...]

    def __post_init__(self) -> None:
        _require_lengths("y", [self.y], len(self.x))


@dataclass(frozen=True)
class Curve(Figure):
    """Lines through points, in the order of the points."""

    kind: ClassVar[str] = "curve"
    x_label: str
    y_label: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Scatter(Figure):
    """Points that no line connects."""

    kind: ClassVar[str] = "scatter"
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    has_diagonal: bool = False
    """Whether to draw the line x = y, on which predicted and actual numbers agree."""
    is_log: bool = False
    """Whether x, which is then above 0, is drawn on a logarithmic axis."""
    y_format: Format = "number"


@dataclass(frozen=True)
class Density(Figure):
    """How many points lie in each cell of a grid over two numbers with one common range."""

    kind: ClassVar[str] = "density"
    x_label: str
    y_label: str
    low: float
    high: float
    counts: tuple[tuple[int, ...], ...]
    """[y][x], from `low` to `high` in both."""

    def __post_init__(self) -> None:
        _require_lengths("counts", self.counts, len(self.counts))


@dataclass(frozen=True)
class Parallel(Figure):
    """Rows as lines over parallel axes, one a column; the last column colours them."""

    kind: ClassVar[str] = "parallel"
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    """A column of numbers is drawn to scale, any other as names in their order."""
    formats: tuple[Format, ...] = ()
    """How the numbers of each column are written; empty: all as plain numbers."""
    best: int | None = None
    """The row to draw above the others."""

    def __post_init__(self) -> None:
        _require_lengths("rows", self.rows, len(self.columns))
        if self.formats:
            _require_lengths("formats", [self.formats], len(self.columns))


@dataclass(frozen=True)
class Box:
    """A rectangle on an image; edges in pixels from the top left corner."""

    left: float
    top: float
    right: float
    bottom: float
    label: str = ""
    is_predicted: bool = True
    """False for a box of the data."""


@dataclass(frozen=True)
class Images(Figure):
    """A grid of images."""

    kind: ClassVar[str] = "images"
    array: str
    """The array in `pictures.npz`, [n, C, H, W]: pixels as uint8, or signed values as float32."""
    captions: tuple[str, ...] = ()
    """One an image, of one or more lines; empty: none has one."""
    boxes: tuple[tuple[Box, ...], ...] = ()
    """Those of each image; empty: none has any."""
    masks: str = ""
    """An array in `pictures.npz`, uint8 [n, H, W]: 0, or the class of the pixel; empty: none."""
    columns: int = 0
    """Images in a row, all of whose rows are shown; 0: as many as suit."""
    classes: tuple[str, ...] = ()
    """Names of the numbers in the masks, for a legend; empty: none is drawn."""
    void: int | None = None
    """The number in the masks of pixels that have no class; None: each has one."""


@dataclass(frozen=True)
class Texts(Figure):
    """Pieces of text, such as samples of a language model."""

    kind: ClassVar[str] = "texts"
    rows: tuple[str, ...]
    captions: tuple[str, ...] = ()
    """One a text; empty: none has one."""

    def __post_init__(self) -> None:
        if self.captions:
            _require_lengths("captions", [self.captions], len(self.rows))


@dataclass(frozen=True)
class Piece:
    """The notes of one piece of music."""

    pitches: tuple[tuple[int, ...], ...]
    """By MIDI's numbers, [voice][step]; -1 where a voice is silent."""
    given: float = 0.0
    """The steps at the beginning that were given; what follows was made."""


@dataclass(frozen=True)
class PianoRoll(Figure):
    """Pieces of music: the pitches of each voice over time."""

    kind: ClassVar[str] = "piano_roll"
    voices: tuple[str, ...]
    pieces: tuple[Piece, ...]
    steps_per_beat: int

    def __post_init__(self) -> None:
        _require_lengths("pitches", [p.pitches for p in self.pieces], len(self.voices))


_OF_NUMBERS = (Confusion, Table, Dots, Curve, Scatter, Density, Parallel)
KINDS: dict[str, TypeAdapter[Figure]] = {
    kind.kind: TypeAdapter(kind) for kind in (*_OF_NUMBERS, Images, Texts, PianoRoll)
}


def figure_from_dict(facts: Mapping[str, Any]) -> Figure | None:
    """Read a figure; None where its kind is not known, as in files of a newer version.

    Raises:
        pydantic.ValidationError: the figure is damaged.
    """
    reader = KINDS.get(str(facts.get("kind")))
    return None if reader is None else reader.validate_python(facts)


def _require_lengths(what: str, parts: Any, length: int) -> None:
    found = {len(part) for part in parts} - {length}
    if found:
        raise ValueError(f"{what}: expected {length} values each, found {min(found)}")

"""The samples with the largest loss of an evaluation, as figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from distnet.run_folder.figures import Cell, Figure, Images, Scatter, Series, Table
from distnet.spec.metric import Format

Outcome = str | float | list[float] | dict[str, float]
"""The name of a class, or one or more numbers."""
TITLE = "Worst samples"
COLUMNS = ("sample", "loss", "actual", "predicted", "probability")
FORMATS: tuple[Format, ...] = (*("number",) * 4, "percent")
SHORT = 7
"""An outcome of at most this many letters fits beside the word `predicted`."""
MOST_CAPTIONS = 12
"""A table with the contents of samples has at most as many rows, so that a page shows all."""
SHOWN_NUMBERS = 4
"""Of an outcome of more numbers, the first are written."""


@dataclass(frozen=True)
class Sample:
    """One sample of the evaluated split, and what the network made of it."""

    index: int
    """Its position in the split."""
    loss: float
    predicted: Outcome
    actual: Outcome
    probability: float | None = None
    """That of the predicted class."""
    caption: str = ""
    """Its content in a few words, such as the beginning of a text."""


def worst_figures(samples: Sequence[Sample], images: str = "") -> list[Figure]:
    """Show the worst samples: images with captions where there are images, else a table.

    Numbers are also drawn, predicted against actual.

    Args:
        samples: largest loss first.
        images: the array of `pictures.npz` that holds their images in this order, or empty.
    """
    if not samples:
        return []
    shown = _images(samples, images) if images else _table(samples)
    return [*_scatter(samples), shown]


def _images(samples: Sequence[Sample], array: str) -> Images:
    outcomes = [(_text(sample.actual), _text(sample.predicted)) for sample in samples]
    is_short = all(len(text) <= SHORT for pair in outcomes for text in pair)
    before = ("actual ", "predicted ") if is_short else ("", "as ")
    captions = tuple(
        f"{before[0]}{actual}\n{before[1]}{predicted}\n{_details(sample)}"
        for (actual, predicted), sample in zip(outcomes, samples, strict=True)
    )
    return Images(TITLE if is_short else f"{TITLE}: actual, as predicted", array, captions)


def _details(sample: Sample) -> str:
    index = f"#{sample.index}"
    return index if sample.probability is None else f"{sample.probability:.1%} ({index})"


def _table(samples: Sequence[Sample]) -> Table:
    width = 5 if any(sample.probability is not None for sample in samples) else 4
    columns, formats = COLUMNS[:width], FORMATS[:width]
    if not any(sample.caption for sample in samples):
        return Table(TITLE, columns, tuple(_row(sample)[:width] for sample in samples), formats)
    rows = tuple((*_row(sample)[:width], sample.caption) for sample in samples[:MOST_CAPTIONS])
    return Table(TITLE, (*columns, "content"), rows, (*formats, "number"))


def _row(sample: Sample) -> tuple[Cell, ...]:
    actual, predicted = _cell(sample.actual), _cell(sample.predicted)
    return sample.index, sample.loss, actual, predicted, sample.probability


def _scatter(samples: Sequence[Sample]) -> list[Scatter]:
    """Draw each number against the one that it should be, one series an output.

    There is nothing to draw if outcomes are names, or are not the same numbers on both sides.
    """
    actual = [_numbers(sample.actual) for sample in samples]
    predicted = [_numbers(sample.predicted) for sample in samples]
    sizes = {len(numbers) for numbers in (*actual, *predicted)}
    if len(sizes) > 1 or 0 in sizes:
        return []
    outcome = samples[0].predicted
    names = list(outcome) if isinstance(outcome, dict) else [f"y{i}" for i in range(*sizes)]
    names = names if len(names) > 1 else ["sample"]
    points = zip(names, zip(*actual, strict=True), zip(*predicted, strict=True), strict=True)
    series = tuple(Series(*line) for line in points)
    return [Scatter("Worst predictions", "actual", "predicted", series, has_diagonal=True)]


def _cell(outcome: Outcome) -> Cell:
    if isinstance(outcome, str):
        return outcome
    numbers = _numbers(outcome)
    return numbers[0] if len(numbers) == 1 else _text(outcome)


def _text(outcome: Outcome) -> str:
    if isinstance(outcome, str):
        return outcome
    numbers = _numbers(outcome)
    more = ", ..." if len(numbers) > SHOWN_NUMBERS else ""
    return ", ".join(f"{number:.4g}" for number in numbers[:SHOWN_NUMBERS]) + more


def _numbers(outcome: Outcome) -> list[float]:
    """The numbers of an outcome; none of a name."""
    match outcome:
        case str():
            return []
        case dict():
            return list(outcome.values())
        case list():
            return outcome
    return [float(outcome)]

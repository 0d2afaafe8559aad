import json
from typing import Any

import pytest
from pydantic import ValidationError

from distnet.run_folder.figures import (
    Box,
    Confusion,
    Curve,
    Dots,
    Figure,
    Images,
    PianoRoll,
    Piece,
    Scatter,
    Series,
    Table,
    Texts,
    figure_from_dict,
)
from distnet.run_folder.worst_samples import Outcome, Sample, worst_figures

LINE = Series("reward", (1.0, 2.0), (0.5, 0.25))
EVERY_KIND: tuple[Figure, ...] = (
    Confusion("Confusion matrix", ("cat", "dog"), ((5, 2), (7, 9))),
    Table("Each class", ("class", "F1"), (("cat", 0.5), ("dog", None)), ("number", "percent")),
    Dots("Scores", "class", ("cat", "dog"), {"F1": (0.5, 0.75)}, "percent"),
    Curve("Reward", "episode", "reward", (LINE,)),
    Scatter("Predictions", "actual", "predicted", (LINE,), has_diagonal=True),
    Images("Scenes", "scenes", ("one",), ((Box(0, 1, 5, 6, "cat", False),),), "masks"),
    Texts("Samples", ("To be,\n or not",), ("temperature 0.8",)),
    PianoRoll("Music", ("high", "low"), (Piece(((60, -1), (48, 48)), given=1.0),), 4),
)


@pytest.mark.parametrize("figure", EVERY_KIND, ids=lambda one: one.kind)
def test_every_kind_is_read_back_from_json(figure: Figure) -> None:
    assert figure_from_dict(json.loads(json.dumps(figure.to_dict()))) == figure


@pytest.mark.parametrize("facts", [{"kind": "hologram"}, {}, {"kind": 3}])
def test_a_kind_of_a_newer_version_is_none(facts: dict[str, Any]) -> None:
    assert figure_from_dict(facts) is None


def test_a_key_of_a_newer_version_is_ignored() -> None:
    figure = EVERY_KIND[0]

    assert figure_from_dict({**figure.to_dict(), "colour": "red"}) == figure


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"kind": "confusion", "classes": ["a"], "counts": [[1, 2]]}, "counts: expected 1"),
        ({"kind": "table", "columns": ["a"], "rows": [["x"], []]}, "rows: expected 1"),
        ({"kind": "curve", "x_label": "x"}, "y_label"),
        ({"kind": "dots", "row_label": "", "rows": ["a"], "series": {"b": [1, 2]}}, "series"),
        (
            {"kind": "piano_roll", "voices": ["a"], "pieces": [{"pitches": [[1], [2]]}]},
            "steps_per_beat",
        ),
        ({"kind": "texts", "rows": ["a", "b"], "captions": ["c"]}, "captions: expected 2"),
    ],
)
def test_a_damaged_figure_is_refused(facts: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        figure_from_dict({"title": "Damaged", **facts})


def test_worst_images_say_actual_predicted_probability_and_index() -> None:
    (figure,) = worst_figures([Sample(1017, 9.0, "cat", "dog", 0.999)], "worst")

    assert isinstance(figure, Images)
    assert figure.array == "worst"
    assert figure.captions == ("actual dog\npredicted cat\n99.9% (#1017)",)


def test_worst_images_of_long_names_leave_out_the_words() -> None:
    names = ("Great black-backed gull", "European herring gull")
    (figure,) = worst_figures([Sample(3, 9.0, *names)], "worst")

    assert isinstance(figure, Images)
    assert figure.captions == (f"{names[1]}\nas {names[0]}\n#3",)
    assert figure.title == "Worst samples: actual, as predicted"


def test_worst_vectors_of_classes_are_a_table() -> None:
    (figure,) = worst_figures([Sample(17, 9.0, "cat", "dog", 0.75)])

    assert isinstance(figure, Table)
    assert figure.columns == ("sample", "loss", "actual", "predicted", "probability")
    assert figure.rows == ((17, 9.0, "dog", "cat", 0.75),)


@pytest.mark.parametrize(
    ("outcome", "names"),
    [
        (4.5, ["sample"]),
        ([4.5], ["sample"]),
        ([1.0, 2.0], ["y0", "y1"]),
        ({"price": 4.5, "size": 2.0}, ["price", "size"]),
    ],
)
def test_worst_numbers_are_drawn_against_the_actual_ones(
    outcome: Outcome, names: list[str]
) -> None:
    samples = [Sample(i, 1.0, outcome, outcome) for i in range(3)]

    scatter, table = worst_figures(samples)

    assert isinstance(scatter, Scatter)
    assert isinstance(table, Table)
    assert [line.name for line in scatter.series] == names
    assert all(len(line.x) == 3 for line in scatter.series)
    assert table.columns == ("sample", "loss", "actual", "predicted")


def test_outcomes_that_cannot_be_compared_are_only_a_table() -> None:
    for predicted in ([1.0, 2.0], "unknown", []):
        (table,) = worst_figures([Sample(0, 1.0, predicted, 4.5)])
        assert isinstance(table, Table)


def test_no_worst_samples_make_no_figure() -> None:
    assert worst_figures([]) == []

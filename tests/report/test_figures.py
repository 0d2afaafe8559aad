import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure as Canvas

from distnet.report.arrays import read_arrays
from distnet.report.colours import SERIES
from distnet.report.figures.confusion import draw_matrix
from distnet.report.figures.dots import draw_dots
from distnet.report.figures.scatter import draw_scatter
from distnet.report.parts import Arrays, Listing, Part, Plot, draw_figures
from distnet.report.style import number_axis, to_png, to_svg
from distnet.run_folder.figures import (
    KINDS,
    Box,
    Confusion,
    Curve,
    Dots,
    Figure,
    Images,
    Parallel,
    PianoRoll,
    Piece,
    Scatter,
    Series,
    Table,
    Texts,
)
from distnet.run_folder.worst_samples import Sample, worst_figures
from tests.run_folder.run_folders import confusion_of


def parts(figure: Figure, arrays: Arrays | None = None) -> list[Part]:
    return draw_figures([figure], arrays or {})


def plot(figure: Figure, arrays: Arrays | None = None) -> Plot:
    (found, *_) = parts(figure, arrays)
    assert isinstance(found, Plot)
    return found


def listing(figure: Figure) -> Listing:
    (found,) = parts(figure)
    assert isinstance(found, Listing)
    return found


def pixels(count: int, shape: tuple[int, ...] = (1, 8, 8)) -> Arrays:
    return {"shown": np.zeros((count, *shape), dtype=np.uint8)}


def test_every_kind_of_figure_has_a_file_that_draws_it() -> None:
    folder = Path(draw_figures.__code__.co_filename).parent / "figures"

    assert {path.stem for path in folder.glob("[a-z]*.py")} == set(KINDS)


def test_nothing_but_the_files_of_figures_knows_a_task() -> None:
    folder = Path(draw_figures.__code__.co_filename).parent
    known = re.compile(r"\b(classes|confusion|per_class|accuracy|mae|score_name|[Rr]egress\w*)\b")
    for path in filter(Path.is_file, [*folder.glob("*.py"), *folder.glob("templates/*")]):
        prose = r"\"\"\"(.|\n)*?\"\"\"|#.*" if path.suffix == ".py" else r"$^"
        assert not known.search(re.sub(prose, "", path.read_text())), path


@pytest.mark.parametrize(("num_classes", "num_counts"), [(2, 4), (10, 100), (100, 0)])
def test_the_confusion_matrix_holds_counts_where_they_can_be_read(
    num_classes: int, num_counts: int
) -> None:
    found = plot(confusion_of(tuple(f"class {i}" for i in range(num_classes))))

    axes = found.canvas.axes[0]
    assert len(axes.texts) == num_counts
    assert len(axes.get_yticks()) <= 40
    assert (axes.get_title(loc="left"), axes.get_xlabel()) == (found.title, "predicted class")
    assert to_png(found.canvas)


def test_the_confusion_matrix_is_coloured_by_row() -> None:
    canvas = draw_matrix(Confusion("Confusion", ("a", "b"), ((3, 1), (0, 0))))

    shares = np.asarray(canvas.axes[0].images[0].get_array())
    assert shares.tolist() == [[0.75, 0.25], [0.0, 0.0]]


def test_the_pairs_most_often_confused_come_first() -> None:
    _, pairs = parts(Confusion("Confusion", ("cat", "dog"), ((5, 2), (1007, 9))))

    assert isinstance(pairs, Listing)
    assert pairs.rows == (("dog", "cat", "1,007"), ("cat", "dog", "2"))


def test_a_perfect_confusion_matrix_has_no_confused_pairs() -> None:
    assert len(parts(Confusion("Confusion", ("cat", "dog"), ((5, 0), (0, 9))))) == 1


def test_a_confusion_matrix_without_classes_is_not_drawn() -> None:
    assert parts(Confusion("Confusion", (), ())) == []


def test_parallel_lines_follow_scales_and_names_and_the_best_is_drawn_last() -> None:
    rows = ((0.1, "adam", 0.5), (0.001, "sgd", 0.9), (0.01, "adam", 0.7), (0.2, "sgd", None))
    figure = Parallel("4 trials", ("rate", "kind", "accuracy"), rows, best=1)

    axes = plot(figure).canvas.axes[0]

    lines = [
        np.asarray(line.get_ydata(), dtype=float)
        for line in axes.lines
        if len(line.get_xdata()) == 3
    ]
    assert len(lines) == 3  # the row without a value is left out
    assert lines[-1] == pytest.approx([0.0, 1.0, 1.0])
    assert lines[1] == pytest.approx([0.5, 0.0, 0.5])  # the rates are far apart: by logarithm
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["rate", "kind", "accuracy"]


def test_of_many_rows_the_first_are_drawn() -> None:
    names = tuple(f"class {i}" for i in range(100))
    axes = draw_dots(Dots("Scores", "class", names, {"F1": (0.5,) * 100})).axes[0]

    drawn = [tick.get_text() for tick in axes.get_yticklabels()]
    assert (drawn[0], len(drawn)) == ("class 0", 30)
    assert axes.get_title(loc="left") == "Scores (first 30 of 100)"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("F1", "class")


def test_perfect_percents_leave_the_axis_readable() -> None:
    figure = Dots("Scores", "class", ("cat", "dog"), {"F1": (1.0, 1.0)}, "percent")

    low, high = draw_dots(figure).axes[0].get_xlim()
    assert low < 0.9
    assert 1.0 < high < 1.01


def test_percents_that_are_all_zero_have_no_axis_below_zero() -> None:
    axes = Canvas().add_subplot()
    axes.plot([1, 2], [0.0, 0.0])
    number_axis(axes.yaxis, form="percent")

    low, high = axes.get_ylim()
    assert -0.01 < low < 0 < high


def test_dots_that_are_not_finite_are_left_out() -> None:
    figure = Dots("Scores", "class", ("cat",), {"F1": (float("nan"),)}, "percent")

    assert to_png(draw_dots(figure))


def test_tables_write_numbers_in_the_format_of_their_column() -> None:
    columns = ("class", "F1", "samples")
    rows = (("cat", 0.9512, 12_345), ("dog", None, 7))
    figure = Table("Each class", columns, rows, ("number", "percent", "number"))

    found = listing(figure)

    assert found.rows == (("cat", "95.12%", "12,345"), ("dog", "-", "7"))
    assert found.numeric == {1, 2}
    assert listing(replace(figure, formats=())).rows[0] == ("cat", "0.9512", "12,345")


@pytest.mark.parametrize("captions", [(), ("temperature 0.8", "temperature 1")])
def test_texts_keep_their_lines(captions: tuple[str, ...]) -> None:
    found = listing(Texts("Samples", ("To be,\n or not", "$x$ <b>"), captions))

    assert [row[-1] for row in found.rows] == ["To be,\n or not", "$x$ <b>"]
    assert [row[0] for row in found.rows][: len(captions)] == [*captions] or not captions
    assert found.is_prose


def test_a_piano_roll_has_a_bar_for_each_note_in_the_colour_of_its_voice() -> None:
    high, low = (72, 72, 74, -1, 74, 74), (-1, -1, 48, 48, 48, 48)
    figure = PianoRoll("Music", ("high", "low"), (Piece((high, low), 2.0), Piece((low, low))), 2)

    first, second = draw_figures([figure], {})

    assert (first.title, second.title) == ("Music: 1 of 2", "Music: 2 of 2")
    assert isinstance(first, Plot)
    (axes,) = first.canvas.axes
    bars = [
        (path.get_extents().bounds, to_hex(bar.get_facecolor()[0]))
        for bar in axes.collections
        for path in bar.get_paths()
    ]
    assert bars == [
        (pytest.approx((0, 71.6, 1, 0.8)), SERIES[0]),
        (pytest.approx((1, 73.6, 0.5, 0.8)), SERIES[0]),
        (pytest.approx((2, 73.6, 1, 0.8)), SERIES[0]),
        (pytest.approx((1, 47.6, 2, 0.8)), SERIES[1]),
    ]
    given = next(line for line in axes.lines if len(line.get_xdata()) == 2)
    assert given.get_xdata() == [1, 1]  # two steps are a beat
    assert axes.get_xlim() == (0, 3)
    assert axes.yaxis.get_major_formatter()(60) == "C4"


def test_a_name_with_an_underscore_at_first_is_in_the_legend() -> None:
    """matplotlib leaves such labels out."""
    lines = tuple(Series(name, (1, 2), (1, 2)) for name in ("_price", "$a$"))

    for figure in (Curve("T", "x", "y", lines), Scatter("T", "x", "y", lines)):
        labels = plot(figure).canvas.axes[0].get_legend_handles_labels()[1]
        assert labels == [" _price", "$a$"]


def test_curves_name_their_lines_where_there_are_several() -> None:
    one = Series("a", (1.0, 2.0), (3.0, float("nan")))
    axes = plot(Curve("Reward", "episode", "reward", (one,))).canvas.axes[0]

    assert (axes.get_xlabel(), axes.get_ylabel()) == ("episode", "reward")
    assert axes.get_legend() is None
    two = plot(Curve("Reward", "episode", "reward", (one, replace(one, name="b"))))
    assert two.canvas.axes[0].get_legend_handles_labels()[1] == ["a", "b"]


@pytest.mark.parametrize("outcome", [4.5, [4.5], [1.0, 2.0], {"price": 4.5, "size": 2.0}])
def test_predicted_numbers_are_drawn_against_the_actual_ones(
    outcome: float | list[float] | dict[str, float],
) -> None:
    scatter, _ = worst_figures([Sample(i, 1.0, outcome, outcome) for i in range(3)])
    assert isinstance(scatter, Scatter)

    axes = draw_scatter(scatter).axes[0]

    outputs = 1 if isinstance(outcome, float) else len(outcome)
    assert len(axes.get_legend_handles_labels()[1]) == 1 + outputs
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("actual", "predicted")


def test_each_image_has_its_caption() -> None:
    captions = ("actual dog\npredicted cat\n99.9% (#12345)",) * 3
    found = plot(Images("Worst samples", "shown", captions), pixels(3, (3, 8, 8)))

    (axes,) = found.canvas.axes
    assert len(axes.images) == 3
    assert axes.texts[0].get_text() == captions[0]


def test_long_captions_are_cut_to_the_width_of_an_image() -> None:
    caption = "Great black-backed gull\nas European herring gull"
    found = plot(Images("Worst samples", "shown", (caption,)), pixels(1))

    lines = found.canvas.axes[0].texts[0].get_text().splitlines()
    assert lines == ["Great black-ba…", "as European he…"]


def test_boxes_lie_on_their_image_in_its_pixels() -> None:
    box = Box(2.0, 4.0, 6.0, 8.0, "cat")
    actual = replace(box, label="", is_predicted=False)
    found = plot(Images("Scenes", "shown", boxes=((), (box, actual))), pixels(2))

    axes = found.canvas.axes[0]
    left, _, _, top = axes.images[1].get_extent()
    drawn, _ = axes.patches
    assert drawn.get_xy() == pytest.approx((left + 2 / 8, top + 4 / 8))
    assert (drawn.get_width(), drawn.get_height()) == (0.5, 0.5)
    assert [text.get_text() for text in axes.texts] == ["cat"]


def test_a_mask_is_laid_over_its_image() -> None:
    masks = np.zeros((2, 8, 8), dtype=np.uint8)
    masks[1, :4] = 3
    arrays = {**pixels(2), "masks": masks}

    axes = plot(Images("Scenes", "shown", masks="masks"), arrays).canvas.axes[0]

    overlay = np.asarray(axes.images[3].get_array())
    assert len(axes.images) == 4
    assert (overlay[:4, :, 3] > 0).all()
    assert (overlay[4:, :, 3] == 0).all()


def test_the_classes_seen_in_masks_are_named_in_their_colours() -> None:
    masks = np.zeros((2, 8, 8), dtype=np.uint8)
    masks[0, 0], masks[1, 1] = 2, 3
    arrays = {**pixels(2), "masks": masks}
    classes = ("ground", "cat", "dog", "owl")

    canvas = plot(Images("Scenes", "shown", masks="masks", classes=classes), arrays).canvas

    (legend,) = canvas.legends
    assert [text.get_text() for text in legend.get_texts()] == ["ground", "dog", "owl"]
    overlay = np.asarray(canvas.axes[0].images[1].get_array())
    expected = tuple(overlay[0, 0, :3] / 255)
    ground, dog, _ = legend.get_patches()
    assert ground.get_facecolor()[3] == 0
    assert dog.get_facecolor()[:3] == pytest.approx(expected)
    assert to_png(canvas)


def test_pixels_without_a_class_are_grey() -> None:
    masks = np.zeros((1, 8, 8), dtype=np.uint8)
    masks[0, 0], masks[0, 1] = 255, 1
    arrays = {**pixels(1), "masks": masks}
    figure = Images("Scenes", "shown", masks="masks", classes=("ground", "cat"), void=255)

    canvas = plot(figure, arrays).canvas

    (legend,) = canvas.legends
    assert [text.get_text() for text in legend.get_texts()] == ["ground", "cat", "not counted"]
    overlay = np.asarray(canvas.axes[0].images[1].get_array())
    assert len(set(overlay[0, 0, :3].tolist())) == 1
    assert overlay[0, 0, 3] > 200
    assert (overlay[2:, :, 3] == 0).all()


def test_of_many_images_the_first_are_drawn() -> None:
    found = plot(Images("Samples", "shown"), pixels(50))

    assert len(found.canvas.axes[0].images) == 20
    assert found.canvas.axes[0].get_title(loc="left") == "Samples, 20 of 50"


def test_a_task_may_set_the_columns_and_all_images_are_drawn() -> None:
    found = plot(Images("A strip", "shown", columns=9), pixels(27))

    extents = [image.get_extent() for image in found.canvas.axes[0].images]
    assert len(extents) == 27
    assert [len({extent[i] for extent in extents}) for i in (0, 3)] == [9, 3]
    assert found.canvas.axes[0].get_title(loc="left") == "A strip"


@pytest.mark.parametrize("arrays", [{}, {"shown": np.zeros((0, 1, 8, 8), dtype=np.uint8)}])
def test_images_whose_array_is_missing_or_empty_are_not_drawn(arrays: Arrays) -> None:
    assert parts(Images("Samples", "shown"), arrays) == []


@pytest.mark.parametrize("shape", [(1, 1, 28, 28), (16, 1, 28, 28), (100, 3, 5, 5), (3, 1, 1, 40)])
def test_signed_values_share_one_scale_around_zero(shape: tuple[int, ...]) -> None:
    weights = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = plot(Images("First-layer weights", "weights"), {"weights": weights})

    (image,) = found.canvas.axes[0].images
    low, high = image.get_clim()
    assert low == -high
    assert high == pytest.approx(float(np.abs(weights[:64]).max()))
    drawn = np.asarray(image.get_array()).ravel()
    assert np.sort(drawn[np.isfinite(drawn)]) == pytest.approx(np.sort(weights[:64].ravel()))
    assert to_png(found.canvas)


def test_weights_of_zero_can_be_drawn() -> None:
    weights = {"weights": np.zeros((2, 1, 4, 4), dtype=np.float32)}

    assert to_png(plot(Images("First-layer weights", "weights"), weights).canvas)


def test_names_are_never_a_formula() -> None:
    svg = to_svg(draw_dots(Dots("Scores", "class", ("$x^2$", "<b>&"), {"F1": (0.5, 1.0)})))

    assert "$x^2$" in svg
    assert "&lt;b&gt;&amp;" in svg


def test_arrays_are_read_when_they_are_there(digits: Path, table: Path) -> None:
    arrays = read_arrays(digits / "pictures.npz")

    assert arrays["worst"].shape == (20, 1, 28, 28)
    assert read_arrays(table / "pictures.npz") == {}

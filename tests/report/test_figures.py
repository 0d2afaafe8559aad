import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distnet.report.classes import draw_class_scores, draw_confusion
from distnet.report.curves import draw_loss, finite, smooth, thin
from distnet.report.evaluation import Evaluation, read_pictures
from distnet.report.figures import Drawing, draw_all
from distnet.report.run import read_run
from distnet.report.samples import draw_first_layer, draw_mistakes, draw_worst_numbers
from distnet.report.style import to_png, to_svg
from distnet.run_folder.history import History, read_history
from distnet.run_folder.paths import RunFolder
from tests.run_folder import run_folders

CURVES = {"loss", "score", "throughput", "learning-rate", "gradient-norm"}


def drawings(path: Path) -> dict[str, Drawing]:
    folder = RunFolder(path)
    return draw_all(read_run(folder), read_pictures(folder.pictures))


def evaluation(classes: tuple[str, ...]) -> Evaluation:
    return Evaluation.model_validate(run_folders.classification(classes))


def test_a_classification_of_images_has_every_figure(digits: Path) -> None:
    names = set(drawings(digits))

    assert names == CURVES | {"confusion", "class-scores", "worst-mistakes", "first-layer"}


def test_a_regression_shows_its_numbers(table: Path) -> None:
    assert set(drawings(table)) == CURVES | {"worst-predictions"}


def test_a_failed_run_shows_how_it_went(failed: Path) -> None:
    assert set(drawings(failed)) == CURVES


def test_a_run_that_has_just_begun_shows_nothing(new: Path) -> None:
    assert drawings(new) == {}


def test_curves_are_drawn_from_the_first_epoch_or_the_first_step_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run_folders.begun_run(run, epochs=1, steps_per_epoch=20)
    run_folders.write_lines(run, run_folders.trained(1, range(1, 2), 20))

    assert set(drawings(run)) == CURVES - {"throughput"}


def test_every_plot_has_a_title_and_both_labels(digits: Path, table: Path) -> None:
    plots = {**drawings(table), **drawings(digits)}
    for name in [*CURVES, "confusion", "class-scores", "worst-predictions"]:
        axes = plots[name].figure.axes[0]
        title = axes.get_title(loc="left")

        assert title, name
        assert axes.get_xlabel(), name
        assert axes.get_ylabel(), name


def test_the_loss_shows_steps_epochs_splits_and_resumes(resumed: Path) -> None:
    figure = draw_loss(read_history(resumed / "metrics.jsonl"))

    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert labels == ["train, steps", "train, mean of epoch", "test", "resumed"]


def test_a_loss_that_is_nan_throughout_can_be_drawn() -> None:
    line = {"kind": "step", "step": 1, "loss": None}
    history = History(steps=tuple(_steps([line, {**line, "step": 2}])))

    assert to_png(draw_loss(history))


def test_thousands_are_separated_on_the_axis(tmp_path: Path) -> None:
    run_folders.write_lines(tmp_path, run_folders.trained(1, range(1, 2001), 1000))
    figure = draw_loss(read_history(tmp_path / "metrics.jsonl"))

    to_svg(figure)
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert "2,000" in ticks


def test_a_long_line_is_thinned_to_its_extremes() -> None:
    y = np.sin(np.arange(100_000.0))
    y[777] = 9.0
    x, thinned = thin((np.arange(100_000.0), y), points=100)

    assert (x.size, thinned.size) == (200, 200)
    assert (thinned.max(), thinned.min()) == (9.0, y.min())
    assert np.all(np.diff(x) >= 0)


def test_smoothing_keeps_a_constant_and_calms_noise() -> None:
    steps = np.arange(1000.0)
    noise = np.random.default_rng(0).normal(size=1000)

    assert np.allclose(smooth((steps, np.full(1000, 3.0)))[1], 3.0)
    assert smooth((steps, noise))[1].std() < 0.5 * noise.std()


def test_points_that_are_no_numbers_are_left_out() -> None:
    x, y = finite([1, 2, 3], [0.5, float("nan"), float("inf")])

    assert (x.tolist(), y.tolist()) == ([1.0], [0.5])


@pytest.mark.parametrize(("num_classes", "num_counts"), [(2, 4), (10, 100), (100, 0)])
def test_the_confusion_matrix_holds_counts_where_they_can_be_read(
    num_classes: int, num_counts: int
) -> None:
    classes = tuple(f"class {i}" for i in range(num_classes))
    figure = draw_confusion(evaluation(classes))

    axes = figure.axes[0]
    assert len(axes.texts) == num_counts
    assert len(axes.get_yticks()) <= 40
    assert to_png(figure)


def test_the_confusion_matrix_is_coloured_by_row() -> None:
    one = Evaluation(classes=("a", "b"), confusion=((3, 1), (0, 0)))

    figure = draw_confusion(one)
    shares = np.asarray(figure.axes[0].images[0].get_array())

    assert shares.tolist() == [[0.75, 0.25], [0.0, 0.0]]


def test_of_many_classes_the_weakest_are_shown_first() -> None:
    one = evaluation(tuple(f"class {i}" for i in range(100)))
    axes = draw_class_scores(one).axes[0]

    weakest = min(one.per_class, key=lambda score: score.f1)
    names = [tick.get_text() for tick in axes.get_yticklabels()]
    assert (names[0], len(names)) == (weakest.name, 30)
    assert axes.get_title(loc="left") == "Weakest 30 of 100 classes"


def test_perfect_scores_leave_the_axis_readable() -> None:
    one = evaluation(("cat", "dog"))
    perfect = [
        s.model_copy(update={"precision": 1.0, "recall": 1.0, "f1": 1.0}) for s in one.per_class
    ]

    axes = draw_class_scores(one.model_copy(update={"per_class": perfect})).axes[0]

    assert axes.get_xlim()[0] < 0.9


def test_each_mistake_says_actual_predicted_and_probability() -> None:
    figure = draw_mistakes(evaluation(("cat", "dog")), np.zeros((3, 3, 8, 8), dtype=np.uint8))

    (axes,) = figure.axes
    assert len(axes.images) == 3
    assert axes.texts[0].get_text() == "actual dog\npredicted cat\nat 99.9%"


def test_long_names_of_mistakes_are_cut_to_the_room_there_is() -> None:
    names = ("Great black-backed gull", "European herring gull")
    figure = draw_mistakes(evaluation(names), np.zeros((3, 1, 8, 8), dtype=np.uint8))

    lines = figure.axes[0].texts[0].get_text().splitlines()
    assert lines == ["European herr…", "as Great blac…", "at 99.9%"]
    assert "actual, as predicted" in figure.axes[0].get_title(loc="left")


@pytest.mark.parametrize("shape", [(1, 1, 28, 28), (16, 1, 28, 28), (100, 3, 5, 5), (3, 1, 1, 40)])
def test_first_layers_share_one_scale_around_zero(shape: tuple[int, ...]) -> None:
    weights = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    figure = draw_first_layer(weights)

    (image,) = figure.axes[0].images
    low, high = image.get_clim()
    assert low == -high
    assert high == pytest.approx(float(np.abs(weights[:64]).max()))
    drawn = np.asarray(image.get_array()).ravel()
    assert np.sort(drawn[np.isfinite(drawn)]) == pytest.approx(np.sort(weights[:64].ravel()))
    assert to_png(figure)


def test_a_layer_of_zeros_can_be_drawn() -> None:
    assert to_png(draw_first_layer(np.zeros((2, 1, 4, 4), dtype=np.float32)))


@pytest.mark.parametrize("number", [4.5, [4.5], [1.0, 2.0], {"price": 4.5, "size": 2.0}])
def test_predicted_numbers_are_drawn_against_the_actual_ones(number: object) -> None:
    mistakes = [{"index": i, "loss": 1.0, "predicted": number, "actual": number} for i in range(3)]
    figure = draw_worst_numbers(Evaluation.model_validate({"worst": mistakes}))

    outputs = len(number) if isinstance(number, list | dict) else 1
    assert len(figure.axes[0].get_legend_handles_labels()[1]) == 1 + outputs


def test_a_png_is_twice_the_size_of_the_screen(digits: Path) -> None:
    png = to_png(drawings(digits)["loss"].figure)

    assert Image.open(io.BytesIO(png)).size == (1000, 660)


def test_an_svg_takes_the_colours_of_the_page_and_names_nothing_twice(digits: Path) -> None:
    svg = to_svg(drawings(digits)["loss"].figure)

    assert svg.startswith('<svg viewBox="')
    assert "var(--ink)" in svg
    assert "var(--grid)" in svg
    assert ' id="axes_1"' not in svg
    assert "http" not in svg.replace("http://www.w3.org/", "")


def test_names_of_classes_are_never_a_formula() -> None:
    svg = to_svg(draw_class_scores(evaluation(("$x^2$", "<b>&"))))

    assert "$x^2$" in svg
    assert "&lt;b&gt;&amp;" in svg


def test_a_figure_is_the_same_whatever_the_users_settings(digits: Path) -> None:
    import matplotlib

    history = read_history(digits / "metrics.jsonl")
    ours = to_svg(draw_loss(history))
    with matplotlib.rc_context({"lines.linewidth": 9, "axes.facecolor": "black"}):
        assert to_svg(draw_loss(history)) == ours


def _steps(lines: list[dict[str, object]]) -> list[object]:
    from distnet.run_folder.history import Step

    return [Step.model_validate(line) for line in lines]

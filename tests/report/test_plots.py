import io
from pathlib import Path

import pytest
from PIL import Image

from distnet.report.arrays import read_arrays
from distnet.report.parts import Plot
from distnet.report.plots import Drawn, by_name, draw_run
from distnet.report.run import read_run
from distnet.report.style import new_axes, to_png, to_svg
from distnet.run_folder.paths import RunFolder
from distnet.spec.metric import Metric
from tests.run_folder import run_folders

CURVES = {"Loss", "Accuracy", "Throughput", "Learning rate", "Gradient norm"}


def drawn(path: Path) -> Drawn:
    folder = RunFolder(path)
    return draw_run(read_run(folder), read_arrays(folder.pictures))


def titles(plots: tuple[Plot, ...]) -> set[str]:
    return {plot.title for plot in plots}


def test_a_classification_of_images_has_every_figure(digits: Path) -> None:
    found = drawn(digits)

    assert titles(found.learning) == CURVES
    assert titles(found.evaluation) == {
        *("Confusion matrix", "Scores by class", "Worst samples", "First-layer weights")
    }
    assert [one.title for one in found.listings] == ["Most often confused", "Each class"]


def test_a_regression_shows_its_numbers(table: Path) -> None:
    found = drawn(table)

    assert titles(found.learning) == CURVES - {"Accuracy"} | {"MAE"}
    assert titles(found.evaluation) == {"Worst predictions"}
    assert [one.title for one in found.listings] == ["Each target", "Worst samples"]


def test_a_failed_run_shows_its_curves(failed: Path) -> None:
    assert titles(drawn(failed).learning) == CURVES


def test_a_run_that_has_just_begun_shows_nothing(new: Path) -> None:
    assert drawn(new) == Drawn((), (), ())


def test_curves_are_drawn_from_the_first_epoch_or_the_first_step_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run_folders.begun_run(run, epochs=1, steps_per_epoch=20)
    lines = [run_folders.attempt(1), *run_folders.trained(1, range(1, 2), 20)]
    run_folders.write_lines(run, lines)

    assert titles(drawn(run).learning) == CURVES - {"Throughput"}


def test_a_metric_of_evaluations_is_a_curve_from_the_second_one_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run_folders.begun_run(run, epochs=2, steps_per_epoch=20)
    epochs = [{"kind": "epoch", "epoch": i, "step": 20 * i, "test": {"top5": 0.9}} for i in (1, 2)]

    run_folders.write_lines(run, [run_folders.attempt(1), epochs[0]])
    assert titles(drawn(run).learning) == set()
    run_folders.write_lines(run, [run_folders.attempt(1), *epochs])
    assert titles(drawn(run).learning) == {"Top5"}


@pytest.mark.parametrize(
    ("name", "title"),
    {
        "accuracy": "Accuracy",
        "macro_f1": "Macro F1",
        "map50": "mAP@50",
        "mean_iou": "Mean IoU",
        "pixel_accuracy": "Pixel accuracy",
    }.items(),
)
def test_the_title_of_a_metric_is_written_as_in_the_field(name: str, title: str) -> None:
    assert Metric(name).title == title


def test_every_plot_has_a_title_and_both_labels(digits: Path, table: Path) -> None:
    grids = {"Worst samples", "First-layer weights"}
    for found in (drawn(digits), drawn(table)):
        for plot in (*found.learning, *found.evaluation):
            axes = plot.canvas.axes[0]
            assert axes.get_title(loc="left"), plot.title
            assert axes.get_xlabel() or plot.title in grids, plot.title
            assert axes.get_ylabel() or plot.title in grids, plot.title


def test_files_are_named_by_titles_that_cannot_leave_the_folder(digits: Path) -> None:
    canvas = drawn(digits).learning[0].canvas
    plots = [Plot(title, "", canvas) for title in ("Macro f1", "../x", "macro_f1", "Ω")]

    assert list(by_name(plots)) == ["macro-f1", "x", "macro-f1-2", "figure"]


def test_a_png_is_twice_the_size_of_the_screen(digits: Path) -> None:
    png = to_png(drawn(digits).learning[0].canvas)

    assert Image.open(io.BytesIO(png)).size == (1000, 660)


def test_an_svg_takes_the_colours_of_the_page_and_repeats_no_id(digits: Path) -> None:
    svg = to_svg(drawn(digits).learning[0].canvas)

    assert svg.startswith('<svg viewBox="')
    assert "var(--ink)" in svg
    assert "var(--grid)" in svg
    assert ' id="axes_1"' not in svg
    assert "http" not in svg.replace("http://www.w3.org/", "")


def test_a_title_that_is_wider_than_its_plot_has_two_lines() -> None:
    _, axes = new_axes("Embeddings of 219 samples, before the last layer")

    assert axes.get_title() == "Embeddings of 219 samples, before the\nlast layer"

"""A run as Python has it: read from its folder, without what trained it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import distnet
from distnet.errors import RunError, UnknownPartError
from distnet.notebook.page import Report
from distnet.run_folder.lock import held
from distnet.run_folder.paths import RunFolder
from tests.run_folder import run_folders
from tests.run_folder.fixtures import digits, failed, new, resumed, table

__all__ = ["digits", "failed", "new", "resumed", "table"]
LIGHT = """
import sys, distnet
run = distnet.open("digits", runs=sys.argv[1])
print(run.status, round(run.metrics["test_accuracy"], 4), len(run._repr_html_()) > 500)
print(sorted({"torch", "ray", "matplotlib", "pandas"} & set(sys.modules)))
"""


def test_a_run_is_opened_by_name_folder_or_as_latest(
    digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(digits.parent)

    found = [
        distnet.open("digits", runs="."),
        distnet.open(digits),
        distnet.open(str(digits)),
        distnet.open("latest", runs=digits.parent),
        distnet.open(distnet.open(digits)),
    ]

    assert [str(run.folder.path) for run in found] == ["digits"] * 5
    assert found[0].status == "finished"
    assert found[0].metrics == found[0].result["metrics"]


def test_a_wrong_name_is_answered_with_similar_ones(digits: Path) -> None:
    for use in (distnet.open, distnet.load, distnet.resume):
        with pytest.raises(RunError, match=r"digit: no such run under .*; did you mean digits\?"):
            use("digit", runs=digits.parent)


def test_a_run_is_opened_without_what_trains_and_draws(digits: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LIGHT, str(digits.parent)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert re.fullmatch(r"finished 0\.\d+ True\n\[\]\n", ended.stdout)


def test_a_run_says_what_it_is_and_what_it_reached(digits: Path, new: Path, failed: Path) -> None:
    accuracy = distnet.open(digits).metrics["test_accuracy"]

    assert "<Run digits: finished, test_loss" in repr(distnet.open(digits))
    assert f"test_accuracy {accuracy:.4g}>" in repr(distnet.open(digits))
    assert repr(distnet.open(new)) == "<Run new: interrupted>"
    assert distnet.open(failed).status == "failed"
    assert distnet.open(new).result == {}


def test_a_run_that_trains_is_read_anew_at_each_use(new: Path) -> None:
    run = distnet.open(new)
    with held(RunFolder(new)):
        before = (run.status, len(run.history), run.metrics)
        lines = [run_folders.attempt(1), *run_folders.trained(1, range(1, 41), 20)]
        run_folders.write_lines(new, lines)

        assert before == ("running", 0, {})
        assert list(run.history.index) == [1, 2]
        assert run.metrics["test_loss"] == lines[-2]["test"]["loss"]


def test_the_history_has_a_row_for_each_epoch(resumed: Path) -> None:
    run = distnet.open(resumed)
    records = run_folders.trained(2, range(26, 61), 20, seed=2)
    last = [one for one in records if one["kind"] == "epoch"][-1]

    history = run.history

    assert history.index.name == "epoch"
    assert list(history["step"]) == [20, 40, 60]
    assert list(history["attempt"]) == [1, 2, 2]
    assert list(history.columns) == [
        *("step", "train_loss", "train_accuracy", "test_loss", "test_accuracy"),
        *("samples_per_second", "seconds", "attempt"),
    ]
    assert history["test_accuracy"].iloc[-1] == last["test"]["accuracy"]
    assert history.loc[3, "train_loss"] == last["train"]["loss"]


def test_the_steps_have_a_row_each_and_none_twice(resumed: Path) -> None:
    records = run_folders.trained(2, range(26, 61), 20, seed=2)
    first = next(one for one in records if one["kind"] == "step")

    steps = distnet.open(resumed).steps

    assert list(steps.index) == list(range(1, 61))  # steps 26 to 30 were made again
    assert steps.loc[26, "loss"] == first["loss"]
    assert steps.loc[26, "learning_rate"] == first["learning_rate"]
    assert list(steps.columns[:3]) == ["epoch", "loss", "accuracy"]


def test_without_pandas_a_frame_says_what_to_install(
    digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(UnknownPartError, match=r"run.history needs.*pip install 'distnet\[noteb"):
        _ = distnet.open(digits).history


def test_a_figure_is_found_by_name_or_title_and_saved(digits: Path, tmp_path: Path) -> None:
    run = distnet.open(digits)
    files = [tmp_path / f"confusion.{suffix}" for suffix in ("svg", "png", "html")]

    figure = run.figure("Confusion matrix")
    written = [figure.save(file) for file in files]

    assert figure.name == "confusion-matrix"
    assert {"loss", "accuracy", "confusion-matrix", "each-class"} <= set(run.figures)
    assert written == files
    svg, html = files[0].read_text(), files[2].read_text()
    assert svg == figure._repr_svg_()
    assert svg.startswith("<svg xmlns") or 'xmlns="http://www.w3.org/2000/svg"' in svg
    assert "var(--" not in svg  # colours of a page that is not there
    assert "Confusion matrix" in svg
    assert "<title>digits: Confusion matrix</title>" in html
    with Image.open(files[1]) as image:
        assert image.width > 500


def test_a_table_is_a_figure_too(digits: Path, tmp_path: Path) -> None:
    figure = distnet.open(digits).figure("each class")

    html = figure._repr_html_()

    assert figure._repr_svg_() is None
    assert html is not None
    assert "<th>precision</th>" in html.replace(' class="number"', "")
    assert "Each class" in figure.save(tmp_path / "classes.html").read_text()
    with pytest.raises(RunError, match=r"found the suffix \.png, expected one of \.html"):
        figure.save(tmp_path / "classes.png")


def test_a_wrong_figure_is_answered_with_the_names_of_all(digits: Path, new: Path) -> None:
    with pytest.raises(RunError, match=r"no figure 'los'; did you mean 'loss'\? It has: loss, acc"):
        distnet.open(digits).figure("los")
    with pytest.raises(RunError, match="nothing is recorded yet"):
        distnet.open(new).figure("loss")
    assert distnet.open(new).figures == []


def test_the_report_is_a_path_that_a_notebook_shows_as_the_page(table: Path) -> None:
    report = distnet.open(table).report()

    html = report._repr_html_()

    assert isinstance(report, Report)
    assert Path(report).read_text().startswith("<!doctype html>")
    assert html.startswith('<iframe sandbox title="')
    assert 'srcdoc="&lt;!doctype html&gt;' in html
    assert html.count("<") == 2  # the frame alone: the page in it cannot leave its attribute


def test_a_card_shows_state_headline_and_curve(digits: Path, failed: Path) -> None:
    html = distnet.open(digits)._repr_html_()
    accuracy = distnet.open(digits).metrics["test_accuracy"]

    assert f"{accuracy:.2%}" in html
    assert ">finished<" in html
    [points] = re.findall(r'<polyline points="([^"]+)"', html)
    assert len(points.split()) == 3  # an evaluation each
    assert "distnet.resume" not in html
    failure = distnet.open(failed)._repr_html_()
    assert "the loss is NaN at step 30" in failure
    assert "distnet.resume(&#39;" in failure


def test_a_card_shows_names_of_users_as_text(tmp_path: Path) -> None:
    folder = tmp_path / "<b onload=alert(1)>\u202e'"
    run_folders.failed_run(folder)

    html = distnet.open(folder)._repr_html_()

    assert "<b onload" not in html
    assert "&lt;b onload=alert(1)&gt;\\u202e&#39;" in html


def test_public_names_are_listed_and_described() -> None:
    names = [name for name in dir(distnet) if not name.startswith("_")]

    assert names == [
        *("DistnetError", "Run", "Sweep", "Trained", "load", "open", "open_sweep", "resume"),
        *("run", "submit", "sweep"),
    ]
    for name in names:
        assert getattr(distnet, name).__doc__, name


def test_python_keeps_its_own_open() -> None:
    found: dict[str, object] = {}
    exec("from distnet import *", found)

    assert "open" not in found
    assert "run" in found

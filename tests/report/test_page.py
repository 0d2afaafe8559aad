import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from distnet.errors import RunError
from distnet.report.page import write_report
from distnet.run_folder.figures import Texts
from distnet.run_folder.paths import RunFolder
from distnet.spec.printable import INVISIBLE
from tests.run_folder import run_folders

HOSTILE = "<script>alert('x')</script>"
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """The elements, texts and addresses of a page; elements must nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self._open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), name
            if name in ("src", "href", "xlink:href", "action"):
                self.addresses.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        self.text += " "

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a whole classification; tests only read it."""
    return write_report(
        RunFolder(run_folders.digits_run(tmp_path_factory.mktemp("runs") / "digits"))
    )


def page(path: Path) -> Page:
    return Page(write_report(RunFolder(path)).read_text())


def test_a_page_is_self_contained(written: Path) -> None:
    found = Page(written.read_text())

    assert written.name == "report.html"
    assert written.stat().st_size < 3_000_000
    assert found.tags.count("svg") == 9
    assert "script" not in found.tags
    assert all(re.match(r"#|data:image/png", address) for address in found.addresses)
    assert "url(http" not in written.read_text()


def test_a_page_says_what_the_run_did(written: Path) -> None:
    result = json.loads((written.parent / "result.json").read_text())
    text = Page(written.read_text()).text

    headline = f"{result['metrics']['test_accuracy']:.2%}"
    assert f"digits: test accuracy {headline}" in text
    assert re.search(rf"test accuracy\s+{headline}\s+train loss\s+0\.1", text)
    assert re.search(r"evaluated at step 60:\s+loss\s+0.19\s+,\s+accuracy", text)
    for expected in ("digits", "finished", "123,456", "13,002", "000000000000"):
        assert expected in text
    for expected in ("hidden: [16, 16]", "c95d4c5e0f", "55.0 MB", "distnet report"):
        assert expected in text


def test_figures_are_written_as_png_too(written: Path) -> None:
    figures = written.parent / "figures"
    names = sorted(path.name for path in figures.iterdir())
    assert names == sorted(
        f"{name}.png"
        for name in (
            *("loss", "accuracy", "throughput", "learning-rate", "gradient-norm"),
            *("confusion-matrix", "scores-by-class", "worst-samples", "first-layer-weights"),
        )
    )
    assert (figures / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_else_is_left_behind(failed: Path) -> None:
    before = {path.name for path in failed.iterdir()}
    write_report(RunFolder(failed))
    write_report(RunFolder(failed))

    assert {path.name for path in failed.iterdir()} == before | {"report.html", "figures"}


def test_text_from_the_data_and_the_job_is_escaped(tmp_path: Path) -> None:
    run = run_folders.digits_run(tmp_path / "run", classes=(HOSTILE, "dog"))
    (run / "job.yaml").write_text(f"name: {HOSTILE}\n")
    plan = {"network": HOSTILE, HOSTILE: HOSTILE, "steps": 60}
    (run / "plan.json").write_text(json.dumps(plan))
    lines = (
        (run / "metrics.jsonl").read_text().replace('"status": "finished"', '"status": "failed"')
    )
    (run / "metrics.jsonl").write_text(lines.replace('"error": null', f'"error": "{HOSTILE}"'))

    found = page(run)

    assert "script" not in found.tags
    assert found.text.count(HOSTILE) >= 6


def test_an_unfinished_run_says_how_to_resume(new: Path) -> None:
    text = page(new).text

    assert "interrupted" in text
    assert "No step is recorded yet" in text
    assert f"distnet run --resume {new}" in text


def test_a_failed_run_says_why(failed: Path) -> None:
    assert "Failed at step 30: the loss is NaN at step 30" in page(failed).text


def test_a_resumed_run_lists_its_attempts(resumed: Path) -> None:
    text = re.sub(r"\s+", " ", page(resumed).text)

    first = r"1 start ray 2 0 - .{16} 3\.0 s interrupted"
    second = r"2 lost worker ray 3 25 60 .{16} 20\.0 s finished"
    assert re.search(f"{first} {second}", text), text[text.find("attempt cause") :]


def test_a_regression_has_a_page(table: Path) -> None:
    text = page(table).text

    assert "test mae" in text
    assert "price" in text
    assert "Confusion" not in text
    assert "accuracy" not in text


@pytest.mark.parametrize("name", ["digits-1", "prices-1"])
def test_a_run_of_an_older_version_has_a_page(name: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folders.OLD / name, run)

    text = page(run).text

    figures = {path.stem for path in (run / "figures").iterdir()}
    if name == "digits-1":
        assert "run: test accuracy 87.03%" in text
        assert {"confusion-matrix", "scores-by-class", "worst-samples"} < figures
    else:
        assert "run: test mae 20" in text
        assert {"mae", "rmse", "r2", "worst-predictions"} < figures


def test_figures_of_a_newer_version_are_named(digits: Path) -> None:
    evaluation = json.loads((digits / "evaluation.json").read_text())
    evaluation["figures"].append({"kind": "hologram", "title": "Depth"})
    run_folders.write_evaluation(digits, evaluation)

    assert "Not shown: hologram." in page(digits).text


def test_texts_and_their_line_breaks_are_on_the_page(digits: Path) -> None:
    figure = Texts("Samples", (f"To be,\n or {HOSTILE}",), ("temperature 0.8",))
    evaluation = run_folders.evaluation("language", (), {"loss": 1.5}, [figure], step=60)
    run_folders.write_evaluation(digits, evaluation)

    assert f"To be,\n or {HOSTILE}" in page(digits).text


def test_commands_quote_a_folder_with_spaces(tmp_path: Path) -> None:
    run = run_folders.new_run(tmp_path / "my runs; rm" / "one")

    assert f"distnet report '{run}'" in page(run).text


def test_commands_fit_what_the_run_can_do(new: Path) -> None:
    assert "distnet predict" not in page(new).text

    (new / "checkpoints/step-00000020").mkdir(parents=True)
    assert f"distnet predict {new} image.png" in page(new).text


def test_a_hundred_classes_stay_under_three_megabytes(tmp_path: Path) -> None:
    run = run_folders.digits_run(tmp_path / "run", classes=tuple(f"class {i}" for i in range(100)))

    assert write_report(RunFolder(run)).stat().st_size < 3_000_000


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        write_report(RunFolder(tmp_path))

    assert list(tmp_path.iterdir()) == []


def test_a_report_that_cannot_be_written_leaves_the_old_one(new: Path) -> None:
    written = write_report(RunFolder(new))
    before = written.read_bytes()
    written.unlink()
    written.mkdir()  # nothing can be renamed onto a folder that is not empty
    (written / "in the way").write_bytes(before)

    with pytest.raises(RunError, match="report.html: cannot be written"):
        write_report(RunFolder(new))

    assert (written / "in the way").read_bytes() == before
    assert not [path for path in new.iterdir() if "partial" in path.name]


def test_a_report_needs_neither_torch_nor_ray(table: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from distnet.report.page import write_report\n"
        "from distnet.report import overlay\n"
        "from distnet.run_folder.paths import RunFolder\n"
        f"write_report(RunFolder(Path({str(table)!r})))\n"
        "assert not {'torch', 'ray', 'pandas', 'matplotlib.pyplot'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_page_shows_what_cannot_be_seen(tmp_path: Path) -> None:
    names = ("\x1b[31mred", "\u202edlrow", "a\x00b", "two\nlines", *"cdefgh")
    path = write_report(RunFolder(run_folders.digits_run(tmp_path / "odd", classes=names)))

    html = path.read_text()

    assert [letter for letter in INVISIBLE.findall(html) if letter != "\n"] == []
    assert "\\x1b[31mred" in html
    assert "\\u202edlrow" in html

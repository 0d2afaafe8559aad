"""A thousand malformed job files: each ends as text with a line number, never as a traceback."""

import io
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distnet.cli.main import main

LINES = """\
name: digits
network:
  kind: mlp
  hidden: [16, 16]
task:
  kind: classify
data:
  source: mnist
  normalise: true
  augment:
    - kind: shift
      pixels: 2
  memory: 512MB
optimizer:
  kind: sgd
  learning_rate: 0.1
  momentum: 0.9
schedule:
  kind: cosine
  warmup: 0.1
train:
  epochs: 2
  batch_size: 64
  slices: 4
  precision: fp32
  seed: 0
  clip: 1.0
resources:
  workers: 2
  gpus: 0
checkpoint:
  every: 60s
evaluate:
  split: test
  batch_size: 100
""".splitlines()

words = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12)
nested = st.sampled_from(["[[]]", "{a: 1}", "[1, {b: 2}]", "{a: {b: {c: 1}}}"])
no_number = nested | st.sampled_from(["ten", "'3'", "true", "~", "", ".nan", "1 2", "no"])
out_of_range = st.integers(max_value=-1).map(str) | st.sampled_from(["-.inf", "-1e9", "-0x1"])
no_text = nested | st.sampled_from(["5", "1e-3", "true", "~", "", ".inf"])

WRONG_VALUES = {
    "name": no_text | st.sampled_from(["Digits", "a b", "-a", "a" * 64, "'" + "ü" + "'"]),
    "kind": no_text,
    "source": no_text,
    "split": no_text,
    "precision": words.filter(lambda w: w not in ("auto",)) | no_text,
    "normalise": st.sampled_from(["1", "yes", "on", "'true'", "~", "[true]"]),
    "memory": out_of_range | nested | st.sampled_from(["3 parsecs", "GB", "0", "1.5", "~"]),
    "every": out_of_range | nested | st.sampled_from(["soon", "h", "0", "2 parsecs", "~"]),
    "hidden": st.sampled_from(
        ["ten", "5", "[x]", "[1.5]", "[0]", "[[1]]", "{a: 1}", "~", "[true]"]
    ),
    "augment": st.sampled_from(["5", "flip", "{kind: flip}", "[flip]", "[{}]", "[{kind: x}]"]),
}
NUMBERS = no_number | out_of_range
SECTIONS = [i for i, line in enumerate(LINES) if line.endswith(":") and not line.startswith(" ")]
KEYS = [i for i, line in enumerate(LINES) if re.search(r": \S", line) and "-" not in line]


def key_of(line: str) -> str:
    return line.partition(":")[0].strip()


@st.composite
def wrong_value(draw: st.DrawFn) -> str:
    lines = list(LINES)
    place = draw(st.sampled_from(KEYS))
    key = key_of(lines[place])
    values = WRONG_VALUES.get(key, NUMBERS)
    if key in ("epochs", "slices", "clip", "split"):  # nothing is what they are by default
        values = values.filter(lambda value: value not in ("~", ""))
    lines[place] = f"{lines[place].partition(':')[0]}: {draw(values)}"
    return "\n".join(lines)


@st.composite
def unknown_key(draw: st.DrawFn) -> str:
    lines = list(LINES)
    known = {key_of(line) for line in lines}
    place = draw(st.sampled_from([*SECTIONS, -1]))
    name = draw(words.map(lambda word: f"x{word}").filter(lambda word: word not in known))
    lines.insert(place + 1, f"{'  ' if place >= 0 else ''}{name}: {draw(NUMBERS | words)}")
    return "\n".join(lines)


@st.composite
def broken_line(draw: st.DrawFn) -> str:
    lines = list(LINES)
    broken = [
        "a: b: c", "\tx: 1", "x: [1, 2", "x: {a: 1", "x: 'open", 'x: "open', "x: @at", "x: `tick`",
        "x: %", "- x", "x", ": : :", "? [a]\n: 1", "x: *y", "x: &y 1", "<<: {a: 1}", "x: !!int 3",
        "x: !own 3", "---\nx: 1", "%YAML 1.1", "1: 2", "true: 1", "[a]: 1", "}", "]", "x: \x00",
        "x: \x1b[31m", 'x: "\\ud800"', 'x: "\\UFFFFFFFF"', "x: '\n\n\n", "x: " + "9" * 6000,
        "x: " + "[" * 99, "x: " + "{a: " * 99, "x:\n" + "\n".join("- " * i + "-" for i in range(9)),
        "x: |9\n  y", "x: \u2028y", "x: \ufeff", "...\nx: 1",
    ]  # fmt: skip
    indent = " " * draw(st.integers(0, 5))
    lines.insert(draw(st.integers(0, len(lines))), indent + draw(st.sampled_from(broken)))
    return "\n".join(lines)


@st.composite
def doubled_line(draw: st.DrawFn) -> str:
    lines = list(LINES)
    place = draw(st.sampled_from(KEYS))
    lines.insert(place, lines[place])
    return "\n".join(lines)


@st.composite
def missing_section(draw: st.DrawFn) -> str:
    # Without a name, without a network, or cut off before its kind.
    text = "\n".join(LINES)
    cut = text[: draw(st.integers(0, text.index("kind: mlp")))]
    return draw(st.sampled_from(["\n".join(LINES[1:]), "\n".join([LINES[0], *LINES[4:]]), cut]))


@st.composite
def misfit(draw: st.DrawFn) -> str:
    slices, workers = draw(st.tuples(st.integers(1, 50), st.integers(1, 50)).filter(differ))
    text = "\n".join(LINES).replace("slices: 4", f"slices: {slices}")
    return text.replace("workers: 2", f"workers: {workers}")


def differ(pair: tuple[int, int]) -> bool:
    slices, workers = pair
    return slices < workers


@st.composite
def noise(draw: st.DrawFn) -> str:
    good = "\n".join(LINES)
    wild = st.binary(min_size=1, max_size=300).map(lambda noise: noise + b"\xff")
    before = draw(st.sampled_from([wild, st.just(b"# " + b"x" * 300_000)]))
    alone = draw(st.sampled_from([st.binary(max_size=300), st.text(max_size=200).map(encode)]))
    return draw(before.map(lambda noise: decode(noise) + "\n" + good) | alone.map(decode))


def encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


malformed = st.one_of(
    wrong_value(),
    unknown_key(),
    broken_line(),
    doubled_line(),
    missing_section(),
    misfit(),
    noise(),
)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("malformed") / "job.yaml"


def check(job: Path, text: str) -> tuple[int, str]:
    job.write_bytes(encode(text))
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["check", str(job)])
    return code, out.getvalue() + err.getvalue()


@settings(max_examples=100, derandomize=True)
@given(content=malformed)
def test_a_malformed_job_file_ends_as_lines_of_text(job: Path, content: str) -> None:
    assert_lines_of_text(job, content)


@pytest.mark.check
@settings(max_examples=1000, derandomize=True)
@given(content=malformed)
def test_a_thousand_malformed_job_files_end_as_lines_of_text(job: Path, content: str) -> None:
    assert_lines_of_text(job, content)


def assert_lines_of_text(job: Path, content: str) -> None:
    code, text = check(job, content)

    assert code == 2, text
    assert "Traceback" not in text
    lines = text.removeprefix("error:").strip().splitlines()
    assert lines
    assert [line for line in lines if not re.match(rf"{re.escape(str(job))}:\d+", line)] == []


@pytest.mark.parametrize("length", [0, 1, 10, 40])
def test_a_file_cut_short_is_reported(job: Path, length: int) -> None:
    code, text = check(job, "\n".join(LINES)[:length])

    assert code == 2
    assert f"{job}:" in text

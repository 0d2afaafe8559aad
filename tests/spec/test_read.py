import pickle
import re
from pathlib import Path

import pytest

from distnet.errors import JobFileError, UnknownPartError
from distnet.spec.read import read_job, read_job_text
from distnet.spec.reading.faults import Fault, FaultsError
from distnet.spec.sections.optimizer import Adam, Sgd
from distnet.spec.sections.resources import Between

DIGITS = """\
name: digits
network:
  kind: mlp
  hidden: [16, 16]
"""


def faults(text: str, *overrides: str) -> list[str]:
    with pytest.raises(JobFileError) as caught:
        read_job_text(text, overrides=overrides)
    return str(caught.value).splitlines()


def test_a_short_job_gets_all_defaults() -> None:
    job = read_job_text(DIGITS).job

    assert job.name == "digits"
    assert job.network.kind == "mlp"
    assert job.network.options == {"hidden": (16, 16)}
    assert job.task.kind == "classify"
    assert job.optimizer == Sgd(kind="sgd")
    assert job.num_slices == 1


def test_amounts_and_forms_are_read_as_users_write_them() -> None:
    text = f"""\
{DIGITS}optimizer: {{kind: adam, learning_rate: 1e-3, betas: [0.5, 0.9]}}
data: {{memory: 24GB, augment: [{{kind: shift}}]}}
resources: {{workers: {{min: 1, max: 4}}}}
checkpoint: {{every: 2h}}
"""

    job = read_job_text(text).job

    assert isinstance(job.optimizer, Adam)
    assert job.optimizer.learning_rate == 0.001
    assert job.optimizer.betas == (0.5, 0.9)
    assert job.data.memory == 24_000_000_000
    assert job.checkpoint.every == 7200.0
    assert job.resources.workers == Between(min=1, max=4)
    assert job.num_slices == 4


@pytest.mark.parametrize("name", ["digits", "digits-cnn", "digits-perceptron"])
def test_a_job_that_ships_reads_with_its_parts(name: str) -> None:
    file = read_job(Path(__file__).parents[2] / "jobs" / f"{name}.yaml")

    assert file.job.name == name
    assert file.load_part("network")[1] == file.job.network.options
    assert file.load_part("task")[1] == file.job.task.options


def test_all_faults_are_reported_at_once_in_the_order_of_the_file() -> None:
    text = """\
name: My Job
network: mlp
trian: {}
train:
  epoch: 3
  batch_size: ten
  slices: 0
  clip: .nan
  precision: fp16
optimizer: {kind: sdg}
schedule: {}
data: {augment: [{kind: crop, padding: x}, {kind: nope}, 3], memory: 3 parsecs}
resources: {workers: {min: 0}, gpus: 2}
evaluate: {every_epochs: true}
"""

    messages = faults(text)

    assert messages == [
        "job.yaml:1 name: found text 'My Job', expected up to 63 lower-case letters, digits and "
        "dashes, as in digits-2",
        "job.yaml:2 network: found text 'mlp', expected a section",
        "job.yaml:3 trian: found unknown key `trian`, did you mean `train`?",
        "job.yaml:5 train.epoch: found unknown key `epoch`, did you mean `epochs`?",
        "job.yaml:6 train.batch_size: found text 'ten', expected a whole number",
        "job.yaml:7 train.slices: found 0, expected a number above 0",
        "job.yaml:8 train.clip: found nan, expected a finite number",
        "job.yaml:9 train.precision: found text 'fp16', expected 'fp32', 'tf32', 'bf16' or 'auto'",
        "job.yaml:10 optimizer.kind: found unknown kind `sdg`, did you mean `sgd`?",
        "job.yaml:11 schedule.kind: found nothing, "
        "expected one of: constant, cosine, one-cycle, step, exponential, ./file.py:Class",
        "job.yaml:12 data.augment.0.padding: found text 'x', expected a whole number",
        "job.yaml:12 data.augment.1.kind: found unknown kind `nope`, "
        "expected one of: crop, resized-crop, flip, shift, rotate, turn, elastic, jitter, "
        "rand-augment, transpose",
        "job.yaml:12 data.augment.2: found 3, expected a section",
        "job.yaml:12 data.memory: found text '3 parsecs', expected a size such as 500MB or 24GB",
        "job.yaml:13 resources.gpus: found 2, expected 0 or 1: each worker trains a copy of the "
        "network on a GPU of its own, so that more GPUs are more workers (resources.workers)",
        "job.yaml:13 resources.workers.max: found no `max`, which is required",
        "job.yaml:13 resources.workers.min: found 0, expected a number above 0",
        "job.yaml:14 evaluate.every_epochs: found true, expected a whole number",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "job.yaml:1: found no sections, expected"),
        ("- a\n- b", "job.yaml:1: found no sections, expected"),
        ("name: a", "job.yaml:1 network: found no `network`, which is required"),
        ("name: a\nnetwork: {}", "job.yaml:2 network.kind: found no `kind`"),
        ("name: a\nnetwork: {kind: 5}", "job.yaml:2 network.kind: found 5, expected text"),
        ("name: a\nname: b", "job.yaml:2 name: found the key twice"),
        ("name: [", "job.yaml:1: found"),
        (f"{DIGITS}train:", "job.yaml:5 train: found nothing, expected a section"),
        (
            f"{DIGITS}optimizer:\n  kind: adam\n  betas: [0.1]",
            "job.yaml:7 optimizer.betas: found a list of 1, expected a longer one",
        ),
        (
            f"{DIGITS}optimizer:\n  kind: adam\n  betas: [0, 0, 0]",
            "job.yaml:7 optimizer.betas: found a list of 3, expected a list of at most 2",
        ),
        (
            f"{DIGITS}optimizer:\n  kind: adam\n  momentum: 0.9",
            "job.yaml:7 optimizer.momentum: found unknown key `momentum`, expected one of: kind, ",
        ),
        (
            f"{DIGITS}schedule:\n  kind: [1]",
            "job.yaml:6 schedule.kind: found a list of 1, expected one of: constant",
        ),
        (
            f"{DIGITS}resources:\n  workers: ten",
            "job.yaml:6 resources.workers: found text 'ten', expected a whole number",
        ),
        (
            f"{DIGITS}train:\n  seed: {'9' * 90}",
            "job.yaml:6 train.seed: found 99",
        ),
        (f'{DIGITS}"a\\nb": 1', "job.yaml:5 a\\nb: found unknown key `a\\nb`"),
    ],
)
def test_a_fault_is_reported_in_one_line(text: str, message: str) -> None:
    (line,) = faults(text)

    assert line.startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "optimizer: {kind: sgd}\ntrain:\n  batch_size: 8\n  slices: 2\nresources: {workers: 4}",
            "job.yaml:8 train.slices: found 2, expected at least 4, one for each of "
            "resources.workers",
        ),
        (
            "train:\n  slices: 4\n  batch_size: 2",
            "job.yaml:7 train.batch_size: found 2, expected at least 4, one sample for each of "
            "the slices",
        ),
        (
            "train:\n  epochs: 4\n  steps: 2",
            "job.yaml:7 train.steps: found steps beside epochs, expected one of them",
        ),
        (
            "optimizer:\n  kind: sgd\n  nesterov: true",
            "job.yaml:7 optimizer.nesterov: found true, expected momentum above 0 with it",
        ),
        (
            "resources:\n  workers:\n    min: 3\n    max: 2",
            "job.yaml:7 resources.workers.min: found 3, expected at most the max of 2",
        ),
    ],
)
def test_what_does_not_fit_together_names_its_own_key(text: str, message: str) -> None:
    assert faults(DIGITS + text) == [message]


def test_an_override_changes_a_key_and_keeps_its_neighbours() -> None:
    overrides = [
        "network.hidden=[32]",
        "network.kind=cnn",
        "resources.workers.max=3",
        "resources.workers.min=2",
        "optimizer.momentum=9e-1",
        "name=no",
    ]

    job = read_job_text(DIGITS, overrides=overrides).job

    assert job.network.kind == "cnn"
    assert job.network.options == {"hidden": (32,)}
    assert job.resources.workers == Between(min=2, max=3)
    assert isinstance(job.optimizer, Sgd)
    assert job.optimizer.momentum == 0.9
    assert job.name == "no"


def test_an_override_reaches_into_a_list() -> None:
    text = f"{DIGITS}data: {{augment: [{{kind: flip}}, {{kind: shift, pixels: 1}}]}}"

    job = read_job_text(text, overrides=["data.augment.1.pixels=3"]).job

    assert [step.kind for step in job.data.augment] == ["flip", "shift"]
    assert job.data.augment[1].model_dump() == {"kind": "shift", "pixels": 3}


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("'./a #2'", "./a #2"),
        ('"./a #2"', "./a #2"),
        ("./a#2", "./a#2"),
        ("./a[b], c", "./a[b], c"),
        ("'[red] :smile: [/]'", "[red] :smile: [/]"),
    ],
)
def test_the_value_of_an_override_is_whole(value: str, source: str) -> None:
    job = read_job_text(DIGITS, overrides=[f"data.source={value}"]).job

    assert job.data.source == source


@pytest.mark.parametrize(
    ("override", "character"),
    [("data.source=./a #2", 17), ("data.source=#2", 13), ("network.hidden=[1, 2] # two", 23)],
)
def test_a_comment_that_would_cut_an_override_is_refused(override: str, character: int) -> None:
    with pytest.raises(JobFileError) as caught:
        read_job_text(DIGITS, overrides=[override])

    found = f"found `#` at character {character}, which begins a comment in YAML"
    assert str(caught.value) == f"--set {override}: {found}; put the value in quotes"


@pytest.mark.parametrize(
    ("written", "override", "length"),
    [
        ("epochs: 2", "train.steps=5", (None, 5)),
        ("steps: 5", "train.epochs=2", (2, None)),
        ("epochs: 2", "train.epochs=3", (3, None)),
    ],
)
def test_steps_and_epochs_take_the_place_of_one_another(
    written: str, override: str, length: tuple[int | None, int | None]
) -> None:
    train = read_job_text(f"{DIGITS}train:\n  {written}", overrides=[override]).job.train

    assert (train.epochs, train.steps) == length


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epochs=ten", "--set train.epochs=ten: found text 'ten', expected a whole number"),
        ("train.epoch=3", "--set train.epoch=3: found unknown key `epoch`, did you mean `epochs`?"),
        ("epochs=3", "--set epochs=3: found unknown key `epochs`, did you mean `train.epochs`?"),
        ("train={a: 1}", "--set train={a: 1} train.a: found unknown key `a`, expected one of"),
        ("foo.bar=1", "--set foo.bar=1 foo: found unknown key `foo`, expected one of: name"),
        (
            "resources.workers.min=2",
            "--set resources.workers.min=2 resources.workers.max: found no `max`",
        ),
        (
            "network.hidden.2=3",
            "--set network.hidden.2=3: found `2` for an item of a list that has the items 0 to 1",
        ),
        ("network.hidden.-1=3", "--set network.hidden.-1=3: found `-1` for an item of a list"),
        ("train.epochs", "--set train.epochs: found no key and value, expected KEY=VALUE"),
        ("train.epochs=", "--set train.epochs=: found no key and value, expected KEY=VALUE"),
        ("=3", "--set =3: found no key and value"),
        ("a..b=3", "--set a..b=3: found no key and value"),
        ("train.epochs=[1", "--set train.epochs=[1: found a list that is not closed"),
        ("train.epochs=*x", "--set train.epochs=*x: found alias `*x`"),
    ],
)
def test_a_fault_of_an_override_names_the_override(override: str, message: str) -> None:
    (line,) = faults(DIGITS, override)

    assert line.startswith(message)


def test_both_steps_and_epochs_as_overrides_are_a_fault() -> None:
    (line,) = faults(DIGITS, "train.steps=5", "train.epochs=2")

    assert line.startswith("--set train.steps=5: found steps beside epochs")


def test_a_later_stage_names_the_line_of_a_key(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(f"{DIGITS}data:\n  source: nowhere\n")
    file = read_job(path)

    assert str(file.fault("data.source", "found no such dataset")) == (
        f"{path}:6 data.source: found no such dataset"
    )
    assert str(file.fault("network.hidden.1", "too many")) == f"{path}:4 network.hidden.1: too many"
    assert str(file.fault("evaluate.split", "gone")) == f"{path}:1 evaluate.split: gone"
    assert file.folder == tmp_path


def test_options_of_a_part_are_faults_with_lines() -> None:
    text = f"{DIGITS}  hiden: 3\n  dropout: 2\n".replace("[16, 16]", "[16, x]")
    file = read_job_text(text)

    with pytest.raises(JobFileError) as caught:
        file.load_part("network")

    assert str(caught.value).splitlines() == [
        "job.yaml:4 network.hidden.1: found text 'x', expected a whole number",
        "job.yaml:5 network.hiden: found unknown key `hiden`, did you mean `hidden`?",
        "job.yaml:6 network.dropout: found 2, expected a number below 1.0",
    ]


def test_an_unknown_part_is_named_with_its_line() -> None:
    file = read_job_text("name: a\nnetwork:\n  kind: mpl\n")

    with pytest.raises(UnknownPartError, match=re.escape("job.yaml:3 network.kind: found unknown")):
        file.load_part("network")


def test_a_missing_file_is_reported_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(JobFileError, match="distnet init"):
        read_job(tmp_path / "nothing.yaml")


def test_a_folder_is_no_job_file(tmp_path: Path) -> None:
    with pytest.raises(JobFileError, match="found a folder, expected a job file"):
        read_job(tmp_path)


def test_a_file_that_is_not_utf8_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_bytes(b"name: digits\n# caf\xe9\n")

    with pytest.raises(JobFileError, match=re.escape(f"{path}:2: found byte 0xe9")):
        read_job(path)


def test_a_job_file_travels_to_another_process() -> None:
    file = read_job_text(DIGITS, overrides=["train.epochs=3"])

    assert pickle.loads(pickle.dumps(file)) == file


def test_faults_travel_to_another_process() -> None:
    error = FaultsError([Fault(("hidden", 1), "found text 'x'")])

    assert str(pickle.loads(pickle.dumps(error))) == "hidden.1: found text 'x'"

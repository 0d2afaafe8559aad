"""The plan says what will happen, and it does."""

import json
from pathlib import Path

import pytest

import distnet
from distnet.cli.main import main
from distnet.launch.plan import make_plan
from distnet.spec.read import read_job, read_job_text

JOBS = Path(__file__).parents[2] / "jobs"
DATA = "name: a\nnetwork: {kind: mlp}\ndata:\n"
ON_WHOLE_IMAGES = ("digits", "digits-cnn", "digits-gan", "digits-perceptron")
"""Job files whose samples are the images of mnist; `tests/jobs/` trains all of them."""


@pytest.mark.parametrize("name", ON_WHOLE_IMAGES)
def test_shipped_job_plans_for_one_to_four_workers(name: str) -> None:
    file = read_job(JOBS / f"{name}.yaml")

    for workers in (1, 2, 3, 4):
        plan = make_plan(file, workers=workers)
        assert file.job.name == name
        assert plan.workers == len(plan.slices_per_worker) == workers
        assert plan.slices_per_worker[0][0] == 0
        assert plan.slices_per_worker[-1][1] == plan.slices == 4
        assert (plan.train_samples, plan.eval_samples) == (60_000, 10_000)


def test_plan_of_the_digits_has_the_numbers_of_the_lesson() -> None:
    plan = make_plan(read_job(JOBS / "digits.yaml"))

    assert plan.num_parameters == 784 * 16 + 16 + 16 * 16 + 16 + 16 * 10 + 10 == 13_002
    assert plan.steps_per_epoch == 235  # 60,000 = 234 * 256 + 96
    assert plan.steps == plan.epochs * 235
    assert plan.memory_bytes["weights"] == 4 * 13_002
    assert plan.memory_bytes["data"] == 70_000 * 784
    assert plan.memory_bytes["total"] == sum(
        size for name, size in plan.memory_bytes.items() if name != "total"
    )


def test_plan_comes_true(stripes: Path, tmp_path: Path) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(
        f"name: plan\nnetwork: {{kind: mlp}}\ndata: {{source: {stripes}}}\n"
        "train: {steps: 50, batch_size: 30, slices: 3}\n"
    )

    plan = make_plan(read_job(job), inline=True)
    run = distnet.run(job, inline=True, runs=tmp_path / "runs")

    assert json.loads(run.folder.plan.read_text()) == json.loads(json.dumps(plan.to_dict()))
    assert run.result["steps"] == plan.steps == 50
    assert run.result["epochs"] == plan.epochs == 50 / 34
    assert run.result["slices"] == plan.slices
    run.report()
    for name in plan.writes:
        assert (run.folder.path / name).exists(), name


def test_check_prints_the_plan_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["check", str(JOBS / "digits.yaml"), "--workers", "3", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert main(["check", str(JOBS / "digits.yaml")]) == 0

    assert plan["slices_per_worker"] == [[0, 1], [1, 2], [2, 4]]
    assert "13,002" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("network", "requested", "planned"),
    [
        ("mlp", "auto", "fp32"),  # on a CPU, bf16 is for convolutions
        ("mlp", "bf16", "bf16"),
        ("cnn", "fp32", "fp32"),
        ("cnn", "auto", "auto"),  # the workers decide
        ("cnn", "auto, bits: portable", "fp32"),
    ],
)
def test_precision_is_planned_as_far_as_the_job_decides_it(
    network: str, requested: str, planned: str
) -> None:
    text = f"name: a\nnetwork: {{kind: {network}}}\ntrain: {{precision: {requested}}}\n"

    assert make_plan(read_job_text(text)).precision == planned


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("name: a\nnetwork: {kind: cnn}\ntrain:\n  batch_size: 8\n  slices: 8\n", 4, "needs 2"),
        ("name: a\nnetwork: {kind: mlp}\nevaluate:\n  split: dev\n", 4, "test, train"),
        ("name: a\nnetwork:\n  kind: mlp\n  hidden: [0]\n", 4, "above 0"),
        ("name: a\nnetwork: {kind: mlp}\ndata:\n  source: nowhere\n", 4, "nowhere"),
        ("name: a\nnetwork: {kind: mlp}\ntask:\n  kind: regress\n", 3, "regress"),
        (f"{DATA}  augment: [{{kind: flip}},\n{{kind: shift, pixels: 28}}]\n", 5, "only 28 pixels"),
        (f"{DATA}  augment: [{{kind: crop, padding: 40}}]\n", 4, "found 40, but the images"),
        (
            f"{DATA}  augment: [{{kind: transpose}}]\n",
            4,
            "found transpose, but this job has",
        ),
        (
            f"{DATA}  sampler: {{kind: identities, field: z}}\n",
            4,
            "no field 'z', expected one of x",
        ),
        (f"{DATA}  sampler: {{kind: identities, field: x}}\n", 4, "field 'x' holds no classes"),
        (f"{DATA}  sampler: {{kind: identities, identities: 16}}\n", 4, "found 10 classes"),
    ],
)
def test_plan_names_line_and_key_of_what_does_not_fit(text: str, line: int, expected: str) -> None:
    with pytest.raises(distnet.DistnetError) as caught:
        make_plan(read_job_text(text, path=Path("bad.yaml")))

    assert f"bad.yaml:{line}" in str(caught.value)
    assert expected in str(caught.value)

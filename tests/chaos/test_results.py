"""chaos.json: whole after each trial, and read again to go on."""

from dataclasses import replace

import pytest

from distnet.chaos.request import Request
from distnet.chaos.results import Hit, Results, TrialResult, read_results, write_results
from distnet.chaos.undisturbed import Undisturbed
from distnet.errors import RunError

REQUEST = Request(
    job="job.yaml",
    job_sha256="ab",
    kinds=("worker0", "plan"),
    trials=3,
    faults=1,
    seed=7,
    workers=2,
    overrides=("train.steps=9",),
)
PASSED = TrialResult(
    trial=0,
    run="chaos-7-001",
    hits=(Hit("worker0", 4, 8, 1, "worker 0", recovery_s=9.5, restarted_at=5),),
    misses=1,
    seconds=20.0,
    weights_sha256="ff",
    is_equal=True,
)


@pytest.fixture
def results(tmp_path) -> Results:
    undisturbed = Undisturbed("chaos-7-undisturbed", "ff", steps=9, workers=2, seconds=5.0)
    return Results("chaos-7", str(tmp_path), REQUEST, undisturbed, (PASSED,))


def test_results_are_read_as_they_were_written(results, tmp_path):
    write_results(results)

    assert read_results(tmp_path, REQUEST) == results
    assert [path.name for path in tmp_path.iterdir()] == ["chaos.json"]


def test_results_are_none_where_nothing_was_written(tmp_path):
    assert read_results(tmp_path / "missing", REQUEST) is None


def test_results_are_continued_with_more_trials(results, tmp_path):
    write_results(results)

    more = read_results(tmp_path, replace(REQUEST, trials=60))

    assert more is not None
    assert (more.request.trials, more.trials) == (60, results.trials)


@pytest.mark.parametrize(
    "other", [{"seed": 8}, {"kinds": ("driver",)}, {"job_sha256": "cd"}, {"faults": 2}]
)
def test_results_of_another_request_are_refused(results, tmp_path, other):
    write_results(results)

    with pytest.raises(RunError, match=r"chaos\.json: found the trials of another job"):
        read_results(tmp_path, replace(REQUEST, **other))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"session": 1, "request": {}}'])
def test_results_that_are_damaged_are_refused(tmp_path, text):
    (tmp_path / "chaos.json").write_text(text)

    with pytest.raises(RunError, match=r"chaos\.json: found damaged.*--runs"):
        read_results(tmp_path, REQUEST)


def test_results_list_each_trial_and_the_summary(results):
    plain = results.to_dict()

    assert plain["trials"][0]["is_passed"] is True
    assert plain["trials"][0]["hits"][0]["recomputed"] == 8 - 5
    assert plain["summary"]["passed"] == 1
    assert plain["request"]["kinds"] == ["worker0", "plan"]


def test_results_pass_when_all_trials_are_made_and_passed(results):
    assert not results.is_complete
    whole = replace(results, trials=(PASSED, PASSED, PASSED))
    assert whole.is_passed
    for wrong in ({"is_equal": False}, {"remains": ("process 1",)}, {"error": "lost"}):
        assert not replace(whole, trials=(PASSED, PASSED, replace(PASSED, **wrong))).is_passed

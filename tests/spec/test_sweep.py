"""The values of a sweep: cut at the outer commas, and read as those of a job file are."""

import pytest

from distnet.errors import JobFileError
from distnet.spec.read import read_job_text
from distnet.spec.sweep import changes, expand

JOB = "name: digits\nnetwork: {kind: mlp}\n"


def values(sweep: str) -> list[str]:
    return [override.partition("=")[2] for (override,) in expand([sweep])]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("1,2", ["1", "2"]),
        (" 0.10 , 1e-3 ", ["0.10", "1e-3"]),
        ("[16,16],[32]", ["[16,16]", "[32]"]),
        ("[[1,2],[3]],[]", ["[[1,2],[3]]", "[]"]),
        ("{kind: sgd, betas: [0.9, 0.99]},{kind: lion}",
         ["{kind: sgd, betas: [0.9, 0.99]}", "{kind: lion}"]),
        ("'a,b',\"c,d\",e", ["'a,b'", '"c,d"', "e"]),
        (r"'it''s, x',"'"a \\", b"', ["'it''s, x'", r'"a \", b"']),
        ("it's,[it's, b]", ["it's", "[it's, b]"]),
        ("['a]',b],{\"k\":\"}\"}", ["['a]',b]", '{"k":"}"}']),
        ("./a[b],./mynet.py:Net", ["./a[b]", "./mynet.py:Net"]),
        ("''", ["''"]),
        ("1..3", ["1", "2", "3"]),
        ("0..10..5", ["0", "5", "10"]),
    ],
)  # fmt: skip
def test_values_are_cut_at_outer_commas(given: str, expected: list[str]) -> None:
    assert values(f"some.key={given}") == expected


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ("k=[1,2", "found `[` at character 3 that is not closed"),
        ("k=1,2],3", "found `]` at character 6 that closes nothing"),
        ("k=[1}", "found `}` at character 5, expected `]` for `[` at character 3"),
        ("k=a,'b", "found `'` at character 5 that is not closed"),
        ("k=a,,b", "found an empty value at character 5"),
        ("k=[1],", "found an empty value at character 7"),
        ("k= ,a", "found an empty value at character 3"),
        ("k=", "expected KEY=FIRST..LAST or KEY=VALUE,VALUE"),
    ],
)
def test_a_list_that_cannot_be_cut_is_refused_with_its_position(sweep: str, message: str) -> None:
    with pytest.raises(JobFileError) as caught:
        expand([sweep])
    assert str(caught.value).startswith(f"--sweep {sweep}: {message}")


def test_each_job_of_a_sweep_of_lists_has_its_list() -> None:
    jobs = [
        read_job_text(JOB, overrides=overrides).job
        for overrides in expand(["network.hidden=[16, 16],[32]", "data.source='a,b',\"c\\td\""])
    ]

    found = [(job.network.options["hidden"], job.data.source) for job in jobs]
    assert found == [((16, 16), "a,b"), ((16, 16), "c\td"), ((32,), "a,b"), ((32,), "c\td")]


def test_what_a_job_of_a_sweep_changes_is_plain() -> None:
    overrides = ["network.hidden=[16, 8]", "optimizer={kind: sgd, betas: [0.9]}", "train.seed=7"]

    assert changes(overrides) == {
        "network.hidden": [16, 8],
        "optimizer": {"kind": "sgd", "betas": [0.9]},
        "train.seed": 7,
    }

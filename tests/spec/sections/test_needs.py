"""The keys `packages` and `env` of a job file."""

import os

import pytest

from distnet.errors import JobFileError, VariableError
from distnet.spec.dump import dump_job
from distnet.spec.read import read_job_text
from distnet.spec.variables import values_of, variables_set
from distnet.train.checkpoint.identity import changed_keys, identity

HEAD = "name: it\nnetwork: {kind: mlp}\n"


def test_packages_and_variables_survive_the_dump() -> None:
    text = f"{HEAD}packages: [timm==1.0.20, 'einops[extra]>=0.8']\nenv: {{LEVEL: '3', TOKEN: null}}"
    job = read_job_text(text).job

    assert job.packages == ("timm==1.0.20", "einops[extra]>=0.8")
    assert job.env == {"LEVEL": "3", "TOKEN": None}
    assert read_job_text(dump_job(job)).job == job


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("packages: [timm, '-r x.txt']", "3 packages.1: found text '-r x.txt', expected a package"),
        ("packages: timm", "3 packages: found text 'timm', expected a list, as in"),
        ("packages: 3", "3 packages: found 3, expected a list"),
        ("env: {RAY_ADDRESS: x}", "found `RAY_ADDRESS`, which a job cannot set: Ray's own"),
        ("env: {OMP_NUM_THREADS: '4'}", "train.threads_per_slice is the number of threads"),
        ("env: {CUDA_VISIBLE_DEVICES: '0'}", "Ray gives each worker its own GPU"),
        ("env: {NCCL_SOCKET_IFNAME: eth0}", "how nodes reach one another is theirs"),
        ("env: {MKL_CBWR: AVX2}", "it changes the last bits; see train.bits"),
        ("env: {PYTHONPATH: /x}", "decided by `files` and `packages`"),
        ("env: {LD_PRELOAD: /x.so}", "decided by the node"),
        ("env: {DISTNET_SERVER: x}", "distnet sets its own variables"),
        ("env: {a-b: x}", "expected the name of a variable"),
        ("env: {LEVEL: 3}", "found 3, expected text in quotes, or null"),
        ("env: [LEVEL]", "expected a section"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(line: str, wrong: str) -> None:
    with pytest.raises(JobFileError) as error:
        read_job_text(f"{HEAD}{line}\n")

    assert wrong in str(error.value)


@pytest.mark.parametrize("name", ["PYTORCH_ALLOC_CONF", "HF_HOME", "PATHS", "RANKING", "HOMES"])
def test_other_names_are_free(name: str) -> None:
    assert read_job_text(f"{HEAD}env: {{{name}: x}}").job.env == {name: "x"}


def test_variables_are_set_for_a_while_and_forwarded_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKEN", "secret")
    monkeypatch.setenv("LEVEL", "before")
    monkeypatch.delenv("MODE", raising=False)
    env = {"LEVEL": "3", "MODE": "fast", "TOKEN": None}
    with variables_set(env):
        assert [os.environ[name] for name in env] == ["3", "fast", "secret"]
    assert os.environ["LEVEL"] == "before"
    assert "MODE" not in os.environ
    with pytest.raises(VariableError, match="env: A, B: not set here"):
        values_of({"A": None, "B": None, "C": "x"}, {})


def test_they_belong_to_the_identity_of_a_run() -> None:
    plain = read_job_text(HEAD).job
    other = read_job_text(f"{HEAD}packages: [einops]\nenv: {{LEVEL: '3'}}").job

    assert identity(plain, None) != identity(other, None)
    assert changed_keys(plain, other) == ["packages", "env.LEVEL"]

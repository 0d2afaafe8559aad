"""`resources` of a job file: types of GPU, labels, numbers."""

import pytest

from distnet.errors import JobFileError
from distnet.spec.dump import dump_job
from distnet.spec.read import read_job_text
from distnet.spec.selector import Selector, gpu_type

HEAD = "name: digits\nnetwork: {kind: mlp}\n"
H100, A100, PLAIN = {"gpu": "H100", "zone": "a"}, {"ray.io/accelerator-type": "A100"}, {}


def selector(text: str) -> Selector | None:
    return read_job_text(f"{HEAD}resources: {text}\n").job.resources.selector


@pytest.mark.parametrize(
    ("text", "admitted"),
    [
        ("{}", None),
        ("{gpu: H100}", [H100]),
        ("{gpu: h100}", [H100]),
        ("{gpu: [H100, A100]}", [H100, A100]),
        ("{labels: {zone: a}}", [H100]),
        ("{gpu: A100, labels: {zone: a}}", []),
        ("{labels: {ray.io/accelerator-type: A100}}", [A100]),
    ],
)
def test_a_selector_admits_the_nodes_that_have_all_of_it(text, admitted):
    found = selector(text)
    if admitted is None:
        assert found is None
    else:
        assert [node for node in (H100, A100, PLAIN) if found.admits(node)] == admitted


def test_a_type_of_gpu_implies_one_gpu_and_survives_being_written():
    job = read_job_text(f"{HEAD}resources: {{gpu: H100, labels: {{zone: a}}}}\n").job
    assert job.resources.gpus == 1
    assert read_job_text(dump_job(job.resolved())).job.resources == job.resources


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{gpus: 2}", "resources.gpus: found 2, expected 0 or 1: each worker trains a copy of the"),
        ("{gpus: 0, gpu: H100}", "resources.gpus: found 0 beside gpu, expected 1"),
        ("{gpu: 'H 100'}", "expected letters, digits, dots, dashes and underscores, such as H100"),
        ("{gpu: 8}", "job.yaml:3 resources.gpu: found 8, expected"),
        ("{labels: {zone: 1}}", "job.yaml:3 resources.labels.zone: found 1, expected text"),
        ("{labels: [a]}", "job.yaml:3 resources.labels: found a list of 1, expected"),
    ],
)
def test_wrong_resources_are_named_with_their_line(text, expected):
    with pytest.raises(JobFileError) as raised:
        selector(text)
    assert expected in str(raised.value)


def test_what_no_node_has_is_named_with_what_there_is():
    nodes = [H100, A100, PLAIN]
    wanted = Selector(("T4", "V100"), (("rack", "3"), ("zone", "b")))
    assert wanted.missing(nodes) == (
        "no node has gpu T4 or V100 (there are A100 and H100), "
        "no node has rack=3 (none has the label rack), no node has zone=b (there is a)"
    )
    assert Selector(("H100",)).missing(nodes) == ""
    assert Selector(("H100",)).missing([PLAIN]) == (
        "no node has gpu H100 (no GPU has a known type)"
    )
    assert [gpu_type(node) for node in nodes] == ["H100", "A100", ""]

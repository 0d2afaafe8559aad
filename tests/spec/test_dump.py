from hypothesis import given
from hypothesis import strategies as st

from distnet.spec.dump import dump_job
from distnet.spec.read import read_job_text
from distnet.spec.sections.job import Job
from distnet.spec.sections.section import Part

JOB = """\
name: all
network: {kind: ./mynet.py:Net, text: "1e-3", "off": no, none: ~, rate: 1e-10, items: [[1], {a: 2}]}
optimizer: {kind: adam, betas: [0.5, 0.9]}
data: {memory: 1GiB, augment: [{kind: flip}, {kind: rotate, degrees: 5}]}
schedule: {kind: step, every: 0.25}
train: {steps: 7, slices: 4, clip: 1.0}
resources: {workers: {min: 1, max: 3}}
checkpoint: {every: 10m}
"""


def test_a_dumped_job_reads_back_the_same() -> None:
    job = read_job_text(JOB).job

    assert read_job_text(dump_job(job)).job == job


def test_a_dump_holds_the_defaults() -> None:
    text = dump_job(read_job_text("name: a\nnetwork: {kind: mlp}").job)

    assert "batch_size: 64" in text
    assert "learning_rate: 0.1" in text
    assert "null" not in text


letters = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\ufffe\uffff")
texts = st.text(letters) | st.sampled_from(["no", "1e-3", "0o17", "~", "<<", "9" * 200, "- a", ""])
numbers = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner).map(tuple) | st.dictionaries(texts, inner),
    max_leaves=8,
)


@given(st.dictionaries(texts.filter(lambda name: name != "kind"), values, max_size=4))
def test_any_options_survive_a_dump(options: dict[str, object]) -> None:
    job = Job(name="a", network=Part.model_validate({"kind": "mlp", **options}))

    assert read_job_text(dump_job(job)).job == job


def test_a_job_without_a_dataset_keeps_that(tmp_path):
    text = (
        "name: a\nnetwork: {kind: mlp}\n"
        "data: {source: null, view: {kind: pack, length: 8}, sampler: {kind: ./s.py:S, of: null}}\n"
    )
    job = read_job_text(text).job

    again = read_job_text(dump_job(job)).job

    assert again == job
    assert again.data.source is None
    assert again.data.sampler.options == {"of": None}

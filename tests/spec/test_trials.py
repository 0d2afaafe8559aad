"""Trials of a sweep are read and written as single jobs are, only faster."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distnet.errors import JobFileError
from distnet.spec.dump import TrialDumper, dump_job
from distnet.spec.read import JobFile, read_job_text
from distnet.spec.sweep import expand
from distnet.spec.trials import Trials

TEXTS = (
    "name: digits\nnetwork: {kind: mlp, hidden: [16]}\ndata: {source: mnist}\n"
    "train: {steps: 10, slices: 4}\n",
    "name: other\nnetwork:\n  kind: ./mine.py:Net\n  width: 1.0\n"
    "  nested: {on: yes, 'a b': [1, '1']}\n"
    "env: {A: '1', B: null}\nresources: {workers: 2}\n"
    "players: {generator: {optimizer: {kind: adam}, clip: 1.0}}\n"
    "callbacks: [{kind: ./watch.py:Norms, every: 3}]\n"
    "optimizer: {kind: ./mine.py:Opt, learning_rate: 0.5, factor: 0.1}\nfiles: [a.txt]\n",
    "network: {kind: mlp}\n",  # without a name: only what sets one is valid
)
SETS = ((), ("train.batch_size=128",), ("optimizer.learning_rate=0.5", "env.C='#'"), ("name=set",))
FITTING = {
    "name": "a | b-1 | yes | null",
    "network": "{kind: cnn} | {kind: mlp}",
    "network.hidden": "[16] | [16,16] | [] | 8",
    "network.hidden.0": "8 | 16 | x",
    "network.width": "1 | 1.0 | '1' | null | ~ | true",
    "network.kind": "mlp | cnn | ./mine.py:Net",
    "network.nested.on": "yes | [1,1.0,'1'] | {a: [c]} | {}",
    "network.new.below": "1 | 2 | {} | x",
    "task.kind": "classify | regress",
    "env.A": "'1' | 'yes' | null | a",
    "env.NEW": "'1' | 'yes' | null | a",
    "data.source": "mnist | null | /data/x",
    "data.view.kind": "pack | null",
    "data.fold": "1/5 | 2/5 | 3/5",
    "optimizer": "{kind: adam,learning_rate: 0.1} | sgd",
    "optimizer.kind": "sgd | adam",
    "optimizer.learning_rate": "0.1 | 1e-3 | 1 | .5 | 0.0",
    "optimizer.factor": "0.1 | x | 3",
    "schedule.kind": "constant | cosine",
    "train": "{} | {seed: 1} | {seed: 3,steps: 2}",
    "train.seed": "0 | 1 | 2 | 3 | 4 | 5 | 6 | 7",
    "train.steps": "1 | 2 | 3",
    "train.epochs": "1 | 2 | 3",
    "train.slices": "1 | 2 | 4 | 8 | 100",
    "train.batch_size": "1 | 2 | 64 | 128",
    "train.clip": "1 | 1.0 | 0.5 | null",
    "train.early_stopping.patience": "1 | 2 | 3",
    "train.determinism": "exact | warn",
    "resources.workers": "1 | 2 | 3 | 4 | 5",
    "resources.gpus": "0 | 1",
    "checkpoint.every": "10m | 60 | 1.5",
    "checkpoint.store": "s3://b/x | /x | null",
    "players.generator.clip": "1 | 2.0 | null",
    "players.new.clip": "1 | 2.0 | null",
    "callbacks": "[] | ./a.py:A | [./a.py:A]",
    "callbacks.0.every": "1 | 2 | x",
    "track": "[] | [mlflow] | [wandb]",
    "start.weights": "a.pt | b.pt",
    "queue.priority": "0 | 1 | 2",
    "retry.hang": "10m | 1h",
    "files": "[] | [a.txt] | [b.txt]",
    "evaluate.split": "test | val | null",
    "no_such": "1 | 2",
    "train.no_such": "1 | 2",
    "packages": "[einops] | [] | requirements.txt",
}
"""Values that most jobs may have, by key."""
OF_TEXT = ("network.width", "env.A", "data.source", "checkpoint.store", "network.new.below")
WORDS = (
    "1", "0", "3", "64", "-1", "1.0", "-0.0", "0.0", "1e-3", ".5", "1e400", ".inf", ".nan", "0x1F",
    "0o17", "1_000", "007", "null", "~", "true", "True", "yes", "on", "no", "'1'", '"1"', "'null'",
    "'true'", "'yes'", "'1e3'", "'0x1'", "2001-01-01", "12:30", "'='", "'<<'", "mlp", "cnn", "adam",
    "sgd", "cosine", "10m", "1..3", "2/5", "[]", "[16, 16]", "[1, 1.0, '1', null]", "{}",
    "{kind: cnn}", "{kind: mlp, hidden: [8, [9]]}", "{seed: 3, steps: 2}", "{a: {b: [1, {c: d}]}}",
    "ä", "'→ 𝄞'", '"two\\nlines"', '"tab\\t"', '"nul\\0"', "'it''s'", "'a: b'", "'#x'", "a #b",
    "' x '", "''", "'- a'", "&a", "*a", "!t x", "'" + "long words " * 30 + "'", "9" * 70,
    "9" * 120, "./mine.py:Net", "/data/x", "s3://bucket/x", "tensorboard", "[mlflow]",
)  # fmt: skip


def outcome(read: object, *values: object) -> object:
    """What a reader returns, or the message of its error."""
    try:
        return read(*values)  # type: ignore[operator]
    except JobFileError as error:
        return str(error)


def faults_of(file: JobFile, overrides: tuple[str, ...]) -> list[str]:
    """Where faults of the changed keys would be said to be."""
    return [str(file.fault(text.partition("=")[0], "found a fault")) for text in overrides]


def require_same(text: str, sets: tuple[str, ...], trials: list[tuple[str, ...]]) -> None:
    path, dumper = Path("folder/job.yaml"), TrialDumper()
    together = Trials(text, path=path, sets=sets)
    for overrides in trials:
        alone = outcome(
            lambda trial: read_job_text(text, path=path, overrides=trial), sets + overrides
        )
        found = outcome(together.read, overrides)
        if isinstance(alone, str) or isinstance(found, str):
            assert found == alone
            continue
        assert isinstance(alone, JobFile)
        assert isinstance(found, JobFile)
        assert repr(found.job) == repr(alone.job)
        assert (found.path, found.folder) == (alone.path, alone.folder)
        assert faults_of(found, overrides) == faults_of(alone, overrides)
        assert dumper.dump(found.job.resolved()) == dump_job(alone.job.resolved())


def values_of(key: str) -> st.SearchStrategy[tuple[str, list[str]]]:
    """A key and some values for it, of which one now and then is odd."""
    fitting = st.lists(st.sampled_from(FITTING[key].split(" | ")), min_size=1, max_size=4)
    odd = st.lists(st.sampled_from(WORDS), max_size=1)
    values = st.one_of(fitting, fitting, fitting, st.builds(list.__add__, fitting, odd))
    return st.tuples(st.just(key), values)


SWEEPS = st.lists(
    st.sampled_from(list(FITTING)).flatmap(values_of),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one[0],
)


@settings(max_examples=100)
@given(st.sampled_from(TEXTS), st.sampled_from(SETS), SWEEPS)
@example(TEXTS[0], ("train.steps=5",), [("train.epochs", ["1", "2"])])
@example(TEXTS[0], (), [("train.seed", ["1", "x", "2"]), ("train.epochs", ["1", "2"])])
@example(TEXTS[0], (), [("train.slices", ["4", "100", "2"]), ("resources.workers", ["1", "3"])])
def test_trials_are_as_the_jobs_alone(
    text: str, sets: tuple[str, ...], sweep: list[tuple[str, list[str]]]
) -> None:
    settings_ = [f"{key}={','.join(values)}" for key, values in sweep]
    trials = outcome(expand, settings_)
    if not isinstance(trials, str):
        assert isinstance(trials, list)
        require_same(text, sets, trials)


@settings(max_examples=80)
@given(st.lists(st.text(max_size=200), min_size=2, max_size=5), st.sampled_from(OF_TEXT))
def test_any_text_is_written_as_in_a_job_alone(values: list[str], key: str) -> None:
    quoted = ["'" + value.replace("'", "''") + "'" for value in values]
    require_same(TEXTS[0], (), [(f"{key}={value}",) for value in (*quoted, *values)])


@settings(max_examples=80)
@given(st.lists(st.floats() | st.integers(), min_size=2, max_size=6))
def test_any_number_is_written_as_in_a_job_alone(values: list[float]) -> None:
    keys = ("network.width", "optimizer.learning_rate", "train.seed")
    require_same(TEXTS[0], (), [(f"{key}={value!r}",) for key in keys for value in values])


def test_a_trial_after_one_with_faults_is_read_as_alone() -> None:
    require_same(TEXTS[0], (), [("train.seed=x",), ("train.seed=1",), ("train.seed=-1",)] * 2)


@pytest.mark.parametrize("text", ["- a\n", "", "a: *b\n", "name: [\n"])
def test_a_file_with_faults_has_the_same_ones(text: str) -> None:
    require_same(text, ("bad",), [("train.seed=1",)])
    require_same(text, (), [("train.seed=1",), ("train.seed=2",)])

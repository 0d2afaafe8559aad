"""The digest of the samples that moved the weights, added up over all workers."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from distnet.data import shard_writer
from distnet.data.manifest import read_manifest
from distnet.data.order import Batches, order_of
from distnet.data.sample_hash import digest_of
from distnet.data.samples import Samples
from distnet.launch.poison import samples_of_step
from distnet.run_folder.sample_digest import SampleDigest
from distnet.spec.read import read_job_text
from distnet.train.compute.row import Flags, Layout, read_total
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.datasets import write_dataset
from tests.train.processes import run_workers
from tests.train.step.test_nonfinite import records, work_one
from tests.train.test_bits import MLP, assignment

NUM_SAMPLES = 1003
EVERYTHING = digest_of(np.arange(NUM_SAMPLES))


@pytest.fixture
def streamed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(shard_writer, "ROW_GROUP_BYTES", 40 * (12 * 12 + 4))
    return write_dataset(tmp_path / "streamed", train=NUM_SAMPLES, test=20)


def test_digest_is_the_same_in_any_order_and_finds_missing_and_repeated_samples() -> None:
    ids = np.arange(500)
    shuffled = np.random.default_rng(0).permutation(ids)
    twice = np.concatenate([ids[1:], ids[1:2]])

    assert digest_of(shuffled) == digest_of(ids)
    assert digest_of(ids[:200]).plus(digest_of(ids[200:])) == digest_of(ids)
    assert digest_of(ids).minus(digest_of(ids[:200])) == digest_of(ids[200:])
    assert digest_of(twice).num_samples == 500
    assert digest_of(twice) != digest_of(ids)


@pytest.mark.parametrize("memory", ["512MB", "50KB"])
def test_samples_digest_what_they_give(memory: str, streamed: Path) -> None:
    manifest = read_manifest(streamed)
    num_bytes = {"512MB": 512_000_000, "50KB": 50_000}[memory]
    samples = Samples(streamed, manifest, "train", memory_bytes=num_bytes, seed=3)
    split = Samples(streamed, manifest, "train", memory_bytes=512_000_000, seed=None)
    everything = split.take(0, 0, NUM_SAMPLES).tensor("x")

    total = SampleDigest()
    for epoch, low in [(0, 0), (0, 90), (0, 900), (1, 0), (1, 500)]:
        high = min(low + 103, NUM_SAMPLES)
        x = samples.take(epoch, low, high).tensor("x")
        ids = samples.order.ids(epoch, low, high)
        assert torch.equal(everything[torch.from_numpy(ids)], x)
        assert samples.digest(epoch, low, high) == digest_of(ids)
        total = total.plus(samples.digest(epoch, low, high))
    samples.close()
    split.close()

    assert total.num_samples == 5 * 103


def test_order_of_a_manifest_is_that_of_the_samples(streamed: Path) -> None:
    manifest = read_manifest(streamed)
    for memory in (1, 50_000, 512_000_000):
        samples = Samples(streamed, manifest, "train", memory_bytes=memory, seed=3)
        order = order_of(manifest, "train", memory_bytes=memory, seed=3)
        ids = order.ids(5, 0, NUM_SAMPLES)

        assert np.array_equal(np.sort(ids), np.arange(NUM_SAMPLES))
        assert np.array_equal(ids, samples.order.ids(5, 0, NUM_SAMPLES))
        samples.close()


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1)), max_size=6))
def test_flags_of_workers_add_up_exactly_in_any_order(taken: list[tuple[int, int]]) -> None:
    layout = Layout(num_parameters=3, num_metrics=1, num_buffers=0)
    rows = torch.zeros(len(taken) + 1, layout.length)
    expected = SampleDigest()
    for row, digest in zip(rows[1:], taken, strict=True):
        Flags(samples=SampleDigest(digest[1], digest[0])).write(row)
        expected = expected.plus(SampleDigest(digest[1], digest[0]))
    order = random.Random(0).sample(range(len(rows)), len(rows))

    flags = read_total(rows[order].sum(0), layout).flags

    assert flags == Flags(samples=expected)


@pytest.mark.parametrize("stop", [True, False])
@pytest.mark.parametrize("memory", [True, False])
@pytest.mark.parametrize(("save", "end"), [(True, False), (False, True)])
def test_flag_of_one_worker_reaches_all(stop: bool, memory: bool, save: bool, end: bool) -> None:
    layout = Layout(num_parameters=1, num_metrics=0, num_buffers=2)
    rows = torch.zeros(300, layout.length)
    for row in rows:
        Flags(samples=SampleDigest(2**32 - 1, 2**64 - 1)).write(row)
    Flags(stop, memory, save, end).write(rows[7])

    flags = read_total(rows.sum(0), layout).flags

    assert flags == Flags(stop, memory, save, end, SampleDigest(299 * (2**32 - 1), -299 % 2**64))


@pytest.mark.parametrize(
    ("digests", "is_drifted"),
    [
        ((7, 7, 7), False),
        ((0,), False),
        ((2**32 - 1,) * 300, False),
        ((2**32 - 1,) * 299 + (2**32 - 2,), True),
        ((1, 1, 2**31 + 1), True),
        ((0, 2, 1), True),
    ],
)
def test_flags_show_whether_workers_have_drifted(
    digests: tuple[int, ...], is_drifted: bool
) -> None:
    layout = Layout(num_parameters=1, num_metrics=0, num_buffers=2)
    rows = torch.zeros(len(digests), layout.length)
    for row, digest in zip(rows, digests, strict=True):
        Flags(weights=digest).write(row)

    total = read_total(rows.sum(0), layout, num_workers=len(digests))

    assert total.flags == Flags(is_drifted=is_drifted)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_epochs_record_every_sample_once_on_any_workers(
    size: int, stripes: Path, tmp_path: Path
) -> None:
    assigned = assignment(MLP, stripes, tmp_path / "run")

    run_workers(work_one, size, tmp_path, assigned)

    recorded = [(e["samples"], e["samples_hash"]) for e in records(tmp_path / "run", "epoch")]
    assert recorded == [(NUM_SAMPLES, EVERYTHING.hexadecimal)] * 2


def test_digest_continues_from_a_checkpoint_in_the_middle_of_an_epoch(
    streamed: Path, tmp_path: Path
) -> None:
    text = MLP.replace("source: stripes", "source: s, memory: 50KB")
    part, longer = text.replace("epochs: 2", "steps: 20"), text.replace("epochs: 2", "epochs: 1")
    run = tmp_path / "run"
    work(assignment(part, streamed, run), WorkerGroup())

    run_workers(work_one, 2, tmp_path, assignment(longer, streamed, run, is_resumed=True))

    first, last = records(run, "epoch")
    prefix = order_of(read_manifest(streamed), "train", memory_bytes=50_000, seed=3)
    assert first["samples_hash"] == digest_of(prefix.ids(0, 0, 600)).hexadecimal
    assert (last["samples"], last["samples_hash"]) == (NUM_SAMPLES, EVERYTHING.hexadecimal)
    [_, attempt] = records(run, "attempt")
    assert (attempt["samples"], attempt["samples_hash"]) == (600, first["samples_hash"])


def test_samples_of_steps_are_all_samples_once(stripes: Path) -> None:
    job = read_job_text(MLP).job
    batches = Batches(NUM_SAMPLES, job.train.batch_size, 4)

    for epoch in (0, 3):
        first = epoch * batches.steps_per_epoch
        steps = [samples_of_step(job, stripes, first + i + 1) for i in range(34)]
        assert batches.steps_per_epoch == 34
        assert {len(step) for step in steps} == {4}
        assert sorted(i for step in steps for part in step for i in part) == list(
            range(NUM_SAMPLES)
        )

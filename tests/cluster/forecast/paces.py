"""A pace with round numbers."""

from dataclasses import replace
from typing import Any

from distnet.launch.pace.pace import Pace
from distnet.spec.read import read_job_text
from distnet.spec.sections.job import Job

JOB = """
name: paced
network: {kind: mlp, hidden: [16]}
train: {epochs: 2, batch_size: 64, slices: 16}
"""
PACE = Pace(
    job="paced",
    device="cpu",
    machine="a CPU",
    busy=1,
    slice_samples=4,
    slice_s=0.010,
    sample_s=0.002,
    rest_s=0.001,
    number_s=1e-10,
    evaluated_sample_s=1e-4,
    start_s=5.0,
    row_lengths=((1_000_000, 1),),
    state_bytes=8_000_000,
    batch_size=64,
    slices=16,
    steps=1000,
    epochs=2.0,
    eval_samples=1000,
)


def make_job(changes: str = "") -> Job:
    """The job of the pace, with more lines."""
    return read_job_text(JOB + changes).job


def make_pace(**changes: Any) -> Pace:
    """The pace with other values."""
    return replace(PACE, **changes)

"""Portable bits: AVX2 everywhere, set before torch reads it, or refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import distnet
from distnet.errors import NotEnoughResourcesError
from distnet.spec.read import read_job_text
from distnet.train.device.portable import PORTABLE, require_instruction_set

TEXT = "name: a\nnetwork: {kind: mlp}\ntrain: {bits: portable}\n"
CAPABILITY = torch.backends.cpu.get_cpu_capability()


def write_job(folder: Path, stripes: Path) -> Path:
    path = folder / "job.yaml"
    path.write_text(
        f"name: a\nnetwork: {{kind: mlp}}\ndata: {{source: {stripes}}}\n"
        "train: {bits: portable, steps: 2, batch_size: 30}\n"
    )
    return path


@pytest.mark.check
@pytest.mark.skipif(not CAPABILITY.startswith("AVX"), reason="needs an x86 CPU with AVX2")
def test_inline_run_computes_with_avx2(stripes: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom distnet.cli.main import main\n"
        "code = main(sys.argv[1:])\nprint({k: os.environ[k] for k in os.environ if 'CBWR' in k})\n"
        "sys.exit(code)"
    )
    words = ["run", str(write_job(tmp_path, stripes)), "--inline", "--no-report"]
    clean = {name: value for name, value in os.environ.items() if name not in PORTABLE}

    printed = subprocess.check_output(
        [sys.executable, "-c", code, *words, "--runs", str(tmp_path)], text=True, env=clean
    )

    attempt = json.loads((tmp_path / "a-1" / "metrics.jsonl").read_text().splitlines()[0])
    assert attempt["devices"][0]["instruction_set"] == "AVX2"
    assert "{'MKL_CBWR': 'AVX2'}" in printed


@pytest.mark.skipif(not CAPABILITY.startswith("AVX512"), reason="needs a CPU with AVX-512")
def test_inline_run_after_torch_has_computed_is_refused(stripes: Path, tmp_path: Path) -> None:
    before = dict(os.environ)

    with pytest.raises(distnet.DistnetError) as caught:
        distnet.run(write_job(tmp_path, stripes), inline=True, runs=tmp_path / "runs")

    assert f"torch already computes with {CAPABILITY} in this process" in str(caught.value)
    assert "ATEN_CPU_CAPABILITY=avx2 MKL_CBWR=AVX2" in str(caught.value)
    assert dict(os.environ) == before
    assert not (tmp_path / "runs").exists()


def test_cpu_without_avx2_is_refused() -> None:
    job = read_job_text(TEXT).job

    require_instruction_set(job, lambda: "AVX2")
    with pytest.raises(NotEnoughResourcesError, match="but torch found DEFAULT here"):
        require_instruction_set(job, lambda: "DEFAULT")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("resources: {gpus: 1}", "expected native with resources.gpus"),
        ("train: {bits: portable, precision: bf16}", "expected native with train.precision: bf16"),
    ],
)
def test_portable_is_for_fp32_on_cpus(change: str, found: str) -> None:
    text = TEXT.replace("train: {bits: portable}", change) if "train" in change else TEXT + change
    with pytest.raises(distnet.DistnetError, match=f"train.bits: found portable, {found}"):
        read_job_text(text)

"""How soon a cluster trains that is not there yet, and what Ray's own launcher makes of its hosts.

    python -m tests.bench.cluster_up [--limit 300]

Four hosts with nothing but ssh and an environment, as network and mount namespaces (root on Linux,
with an ssh server). Printed are the seconds from `distnet cluster up` to the first step of a job
whose dataset is on the user's machine; and from `ray up`, with its local provider, to the moment at
which Ray has all nodes. That starts no job, so the figure of distnet includes more. Ray's launcher
needs rsync.
"""

import argparse
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from distnet.data.shipped import find_dataset
from tests.cluster.machines import HEAD, LAPTOP, PYTHON, ROOT, Machine, Machines, machines

HOSTS = (HEAD, Machine("gpu1", 2), Machine("gpu2", 3), Machine("gpu3", 4))
OURS = """name: lab
provider: ssh
install: none
hosts:
"""
RAYS = """cluster_name: rival
provider: {{type: local, head_ip: {head}, worker_ips: [{workers}]}}
auth: {{ssh_user: root, ssh_private_key: /home/root/.ssh/id_ed25519}}
min_workers: 3
max_workers: 3
head_start_ray_commands:
  - export PATH={bin}:$PATH; ray start --head --port=6379 --num-cpus=2
    --autoscaling-config=~/ray_bootstrap_config.yaml
worker_start_ray_commands:
  - export PATH={bin}:$PATH; ray start --address=$RAY_HEAD_IP:6379 --num-cpus=2
"""
ALIVE = "import ray; ray.init('auto', log_to_driver=False); print(len(ray.nodes()))"
RUNS = "/home/root/.distnet/cluster/lab/data/runs"
POLL_S = 0.5


def ours(four: Machines, limit_s: float) -> dict[str, float | None]:
    """Seconds from `distnet cluster up` to its end, to the submit, and to the first step."""
    home = four.own(LAPTOP, "/home/root")
    shutil.copytree(find_dataset("mnist", folder=home), home / "digits")
    job = (ROOT / "jobs" / "digits.yaml").read_text().replace("source: mnist", "source: ./digits")
    (home / "mine.yaml").write_text(job)
    hosts = "".join(f"  - {{host: {host.address}, name: {host.name}, cpus: 2}}\n" for host in HOSTS)
    (home / "lab.yaml").write_text(OURS + hosts)
    began = time.monotonic()
    _require(four.distnet("cluster", "up", "/home/root/lab.yaml", timeout=limit_s))
    up_s = time.monotonic() - began
    _require(four.distnet("submit", "/home/root/mine.yaml", "--workers", "4", "--name", "digits"))
    submitted_s = time.monotonic() - began
    metrics = four.own(HEAD, f"{RUNS}/digits/metrics.jsonl")
    step_s = _seconds(began, limit_s, lambda: '"step"' in _text(metrics))
    return {"up": up_s, "submitted": submitted_s, "first step": step_s}


def rays(four: Machines, limit_s: float) -> dict[str, object]:
    """Seconds from `ray up` to its end, and until Ray has four nodes; None: not in time."""
    home = four.own(LAPTOP, "/home/root")
    head, *workers = (host.address for host in HOSTS)
    (home / "ray.yaml").write_text(RAYS.format(bin=PYTHON, head=head, workers=", ".join(workers)))
    began = time.monotonic()
    command = ("timeout", str(limit_s), str(PYTHON / "ray"), "up", "--yes", "--no-config-cache")
    up = four.run(*command, "/home/root/ray.yaml", timeout=limit_s + 30)
    up_s = time.monotonic() - began
    num_nodes = 0

    def has_all() -> bool:
        nonlocal num_nodes
        alive = four.run(str(PYTHON / "python"), "-c", ALIVE, machine=HEAD, timeout=60)
        num_nodes = int(alive.stdout.strip() or 0) if alive.returncode == 0 else 0
        return num_nodes == len(HOSTS)

    all_s = _seconds(began, limit_s, has_all) if up.returncode == 0 else None
    last = (up.stdout + up.stderr).strip().splitlines()[-1:]
    return {
        "up": up_s,
        "code of ray up": up.returncode,
        "its last line": "".join(last),
        "all nodes": all_s,
        "nodes at the end": num_nodes,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=300.0, help="seconds for each side")
    limit_s = parser.parse_args().limit
    with machines(HOSTS) as four:
        print(json.dumps({"distnet": ours(four, limit_s)}), flush=True)  # noqa: T201
        _require(four.distnet("cluster", "down", "/home/root/lab.yaml", "--delete-data"))
        print(json.dumps({"ray": rays(four, limit_s)}))  # noqa: T201


def _seconds(began: float, limit_s: float, is_so: Callable[[], bool]) -> float | None:
    """Seconds until something is so; None if it is not within the limit."""
    while time.monotonic() - began < limit_s:
        if is_so():
            return time.monotonic() - began
        time.sleep(POLL_S)
    return None


def _require(ended: object) -> None:
    assert getattr(ended, "returncode", 1) == 0, ended


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    main()

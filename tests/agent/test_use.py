"""What the workers of an attempt have used, over all groups of workers that it started."""

from distnet.agent.use import AttemptUse
from distnet.run_folder.workers.heartbeat import Beat, Stage
from distnet.run_folder.workers.worker_use import WorkerUse


def beat(launch: int, rank: int, **use: float) -> Beat:
    known = WorkerUse(**use)  # type: ignore[arg-type]
    return Beat(rank, launch, 1, 0, Stage.COMPUTING, 1, 1.0, 0, known)


def test_nothing_is_reported_before_anything_is_measured() -> None:
    use = AttemptUse()
    assert use.used() is None
    use.begin(5)
    assert use.used() is None


def test_workers_add_up_over_all_groups_of_workers() -> None:
    use = AttemptUse()
    use.begin(10)
    use.take([beat(1, 0, cpu_s=1.0), beat(1, 1, cpu_s=2.0, peak_bytes=7, node_bytes=9)], 20)
    use.take([beat(1, 0, cpu_s=3.0), beat(1, 1, cpu_s=4.0, peak_bytes=7, node_bytes=9)], 30)
    use.begin(25)
    use.take([beat(2, 0, cpu_s=0.5, gpu_s=0.25, peak_bytes=5, node_bytes=8)], 40)

    found = use.used()

    assert found is not None
    assert (found.cpu_s, found.gpu_s) == (7.5, 0.25)
    assert (found.peak_bytes, found.node_bytes) == (7, 9)
    assert (found.first_step, found.num_steps) == (10, 35)  # 20, and 15 of which 5 again

"""What a run says where Ray itself does not start."""

import pytest
import ray

from distnet.errors import NotEnoughResourcesError
from distnet.launch.ray.cluster import ray_cluster


def test_a_ray_that_starts_too_slowly_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def fake_init(**_: object) -> None:  # as Ray does on a machine that is too busy
        raise Exception("The current node timed out during startup.\nMore.")  # noqa: TRY002

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "init", fake_init)

    with (
        pytest.raises(
            NotEnoughResourcesError,
            match=r"^Ray could not be started on this machine; try again when it is less busy, or "
            r"train without Ray: --inline \(The current node timed out during startup\.\)$",
        ),
        ray_cluster(None, workers=1, cpus=1, gpus=0),
    ):
        pass

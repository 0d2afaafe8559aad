"""TorchTrainer with fewer helper processes: each costs some 2 s of a core before training begins.

The two methods below are Ray Train's own inner ones. Should a later Ray not call them any more,
training starts more slowly and is the same otherwise.
"""

from typing import Any

from ray.train.torch import TorchTrainer
from ray.train.v2._internal.callbacks import DatasetsCallback
from ray.train.v2._internal.callbacks.placement_group_callback import PlacementGroupCleanerCallback

from distnet.launch.ray_controller import UnannouncedPolicy


class LeanTrainer(TorchTrainer):  # type: ignore[misc]
    """Trains without Ray Data, and with no regard to others where the Ray is ours alone."""

    def __init__(self, *args: Any, is_alone: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self._is_alone = is_alone

    def _create_default_callbacks(self) -> list[Any]:
        """Leave out those that start an actor of which distnet has no use."""
        useless: tuple[type, ...] = (DatasetsCallback,)
        if self._is_alone:  # the placement group ends with the cluster
            useless += (PlacementGroupCleanerCallback,)
        callbacks = super()._create_default_callbacks()
        return [callback for callback in callbacks if not isinstance(callback, useless)]

    def _initialize_and_run_controller(self, **parts: Any) -> Any:
        """Ask no autoscaler for machines where there is none."""
        if self._is_alone:
            parts["scaling_policy"] = UnannouncedPolicy(self.scaling_config)
        return super()._initialize_and_run_controller(**parts)

"""What is rehearsed before a job starts."""

from collections.abc import Sequence
from dataclasses import dataclass

from distnet.data.manifest import Manifest
from distnet.data.transforms.mixing import build_mixing
from distnet.data.transforms.transform import build_transform
from distnet.launch.rehearsal.few_samples import FewSamples
from distnet.spec.read import JobFile
from distnet.tasks.task import Networks, Task
from distnet.train.compute.evaluate import Evaluator
from distnet.train.compute.prepare import Prepare
from distnet.train.compute.shadows import ShadowNetwork, networks_of
from distnet.train.compute.trainee import build_scales
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.feed import EvaluationFeed
from distnet.train.inventory.flat import FlatNetwork


@dataclass(frozen=True)
class Subject:
    """What is rehearsed."""

    file: JobFile
    samples: FewSamples
    task: Task
    flat: FlatNetwork
    shadows: Sequence[ShadowNetwork]
    seen: Manifest | None
    """The dataset as the task sees it."""
    is_bf16: bool

    @property
    def networks(self) -> Networks:
        """The network and its shadows."""
        return networks_of(self.flat, self.shadows)

    def prepare(self, *, is_training: bool) -> Prepare:
        """From stored samples to inputs, augmented and mixed in training."""
        job, fields = self.file.job, {} if self.seen is None else self.seen.fields
        scales = build_scales(job, self.task, self.seen, "cpu")
        if not is_training:
            return Prepare(scales, "cpu")
        transform, mix = build_transform(job.data.augment, fields), build_mixing(job.data.mix)
        return Prepare(scales, "cpu", transform=transform, mix=mix)

    def evaluator(self, feed: EvaluationFeed, task: Task) -> Evaluator:
        """Measure the samples of `feed`, in two batches of unlike size."""
        return Evaluator(
            feed,
            task,
            self.prepare(is_training=False),
            WorkerGroup(),
            slices=1,
            batch_size=-(-3 * feed.length // 4),
            is_bf16=self.is_bf16,
        )

"""Embeddings of all slices of a step, for losses that compare samples with one another."""

from collections.abc import Mapping
from itertools import accumulate

import torch
from torch import Tensor

from distnet.data.batch import Batch
from distnet.train.compute.slice_gradient import Gathered
from distnet.train.compute.trainee import Trainee
from distnet.train.compute.turn import SliceId
from distnet.train.exchange.worker_group import WorkerGroup, gather


def gather_embeddings(
    trainee: Trainee, group: WorkerGroup, batches: Mapping[SliceId, Batch]
) -> dict[int, Gathered]:
    """Embed the slices of this worker, and join those of all workers in their order.

    Returns:
        For every slice, what its loss sees; empty for a task without `embed`.
    """
    if not hasattr(trainee.task, "embed"):
        return {}
    device = trainee.flat.vector.device
    mine = {of.slice: _embed(trainee, of, batch) for of, batch in batches.items()}
    every = {k: v for of_worker in gather(group, mine) for k, v in of_worker.items()}
    slices = [every[index] for index in sorted(every)]
    fields = {name: torch.cat([s[name] for s in slices]).to(device) for name in slices[0]}
    starts = [0, *accumulate(len(s["embedding"]) for s in slices)]
    return {index: Gathered(Batch(fields), starts[index]) for index in sorted(every)}


def _embed(trainee: Trainee, of: SliceId, batch: Batch) -> dict[str, Tensor]:
    names: tuple[str, ...] = getattr(trainee.task, "gathers", ())
    embedding = trainee.gradient.embed(of, batch)
    return {"embedding": embedding.cpu(), **{name: batch.tensor(name).cpu() for name in names}}

"""Deterministic implementations for operations that torch computes in no fixed order on GPUs.

While training is exact, they take the place of torch's own kernels for the dispatch key of GPUs, so
a network is not changed, whichever library calls the operation: adaptive average pooling,
interpolation, reflecting and replicating padding (`separable.py`), the negative log-likelihood of
pixels and sequences (`nll.py`), CTC (`ctc.py`). On CPUs nothing is replaced.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from distnet.train.device.ctc import ctc_backward
from distnet.train.device.nll import nll2d_backward, nll2d_forward
from distnet.train.device.separable import SEPARABLE

KERNELS: Mapping[str, Callable[..., Any]] = {
    **SEPARABLE,
    "nll_loss2d_forward": nll2d_forward,
    "nll_loss2d_backward": nll2d_backward,
    "_ctc_loss_backward": ctc_backward,
    "_ctc_loss_backward.Tensor": ctc_backward,
}
"""By the names of torch's own (`aten::`)."""


@contextmanager
def deterministic_kernels(dispatch_key: str = "CUDA") -> Iterator[None]:
    """Replace torch's kernels for `dispatch_key`; ROCm's is CUDA, too."""
    library: Any = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a kernel is replaced
        for name, kernel in KERNELS.items():
            library.impl(name, kernel, dispatch_key)
    try:
        yield
    finally:
        library._destroy()

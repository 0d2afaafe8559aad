"""What is refused of a network's tensors: before training, and while it trains."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from distnet.errors import NetworkError, UnknownPartError
from distnet.train.checkpoint.safetensors_file import TYPES
from distnet.train.inventory.entries import Entry
from distnet.train.inventory.ties import View, repeats

CONSTRAIN = (
    "constrain it where it is used, as in F.linear(x, self.weight.clamp(-1, 1)), or by "
    "torch.nn.utils.parametrize"
)
EMBEDDINGS = nn.Embedding, nn.EmbeddingBag
REENTRANT = "CheckpointFunctionBackward"
WHEN = (
    "a network's parameters, buffers and modules must exist when its constructor returns, and keep "
    "their shapes and types"
)


def require_usable(entry: Entry) -> None:
    """Refuse a tensor that can be neither trained nor saved.

    Raises:
        UnknownPartError: it is one.
    """
    name, tensor = entry.name, entry.tensor
    if nn.parameter.is_lazy(tensor):
        raise UnknownPartError(
            f"network: found the lazy {entry.kind} {name}, expected one with a shape: "
            "name the layer's inputs"
        )
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested:
        raise UnknownPartError(
            f"network: found {entry.kind} {name} of {_form(tensor)}, expected a dense tensor; keep "
            "its parts, such as indices and values, as buffers of their own"
        )
    if tensor.dtype not in TYPES:
        expected = ", ".join(str(dtype).removeprefix("torch.") for dtype in TYPES)
        raise UnknownPartError(
            f"network: found {entry.kind} {name} of {tensor.dtype}, which a checkpoint cannot "
            f"hold; expected one of {expected}"
        )
    if entry.kind == "parameter" and tensor.dtype != torch.float32:
        is_short = tensor.dtype in (torch.bfloat16, torch.float16)
        advice = "for bf16 arithmetic set train.precision" if is_short else "call .float() on it"
        raise UnknownPartError(
            f"network: found {name} of {tensor.dtype}, expected torch.float32 for a parameter that "
            f"is trained; {advice}, or freeze it with requires_grad_(False)"
        )
    if entry.kind == "parameter" and repeats(tensor.detach()):
        raise UnknownPartError(
            f"network: found {name} {list(tensor.shape)}, of which several elements are one number "
            "in memory; make the smaller tensor the parameter and expand it in forward"
        )


def _form(tensor: Tensor) -> str:
    if tensor.is_quantized:
        return str(tensor.dtype)
    return "nested layout" if tensor.is_nested else str(tensor.layout)


def require_module(name: str, module: nn.Module) -> None:
    """Refuse a layer that does not compute one slice on its own.

    Raises:
        UnknownPartError: it is one.
    """
    what = f"network: found {type(module).__name__} {name}".rstrip()
    if isinstance(module, nn.SyncBatchNorm):
        raise UnknownPartError(
            f"{what}, whose statistics would depend on the number of workers; use nn.BatchNorm1d, "
            "2d or 3d: distnet averages running statistics over all slices"
        )
    cls, base = type(module), nn.Module
    has_getter = cls.get_extra_state is not base.get_extra_state
    if has_getter and cls.set_extra_state is base.set_extra_state:
        raise UnknownPartError(
            f"{what} with get_extra_state, but without set_extra_state, so that no checkpoint "
            "could be restored; define both"
        )
    if getattr(module, "max_norm", None) is not None and isinstance(module, EMBEDDINGS):
        raise UnknownPartError(
            f"{what} with max_norm, which changes weights in forward: those of the rows that a "
            "worker looks up; scale the rows that forward has looked up instead"
        )


def require_hooks(entry: Entry) -> None:
    """Refuse a hook that would never be called.

    Raises:
        UnknownPartError: a parameter has one.
    """
    if getattr(entry.tensor, "_post_accumulate_grad_hooks", None):
        raise UnknownPartError(
            f"network: found register_post_accumulate_grad_hook on {entry.name}, which would never "
            "be called: gradients go to one vector and not to .grad; use Tensor.register_hook, "
            "which changes a gradient"
        )


def require_values(entry: Entry) -> None:
    """Refuse a tensor that has a shape but no values.

    Raises:
        UnknownPartError: it has none.
    """
    if entry.tensor.is_meta:
        raise UnknownPartError(
            f"network: found {entry.kind} {entry.name} on the device meta, where it has no "
            "values; create it on the CPU, from where distnet moves it"
        )


def require_tie(entry: Entry, view: View) -> None:
    """Refuse a plain attribute that cannot be made a view again.

    Raises:
        UnknownPartError: it is one.
    """
    is_plain = entry.module.__dict__.get(entry.key) is entry.tensor
    if entry.kind == "attribute" and (entry.tensor.grad_fn is not None or not is_plain):
        raise UnknownPartError(
            f"network: the attribute {entry.name} shares the memory of {view.base}, but would not "
            f"follow it in training; compute it from {view.base} in forward"
        )


def require_open_graph(loss: Tensor) -> None:
    """Refuse a loss in whose graph torch would pass over parameters without a word.

    Re-entrant activation checkpointing calls backward within backward. It gives parameters a
    `.grad` and hides them from `autograd.grad`, for which their gradient is 0.

    Raises:
        NetworkError: it is such a loss.
    """
    nodes, seen = [loss.grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        if node.name() == REENTRANT:
            raise NetworkError(
                "network: found activation checkpointing with use_reentrant=True, which hides the "
                "gradients of what it computes; expected checkpoint(..., use_reentrant=False)"
            )
        seen.add(node)
        nodes += [following for following, _ in node.next_functions]


def require_same(before: Entry, tensor: Tensor | None) -> Tensor:
    """Refuse a tensor in another form than the one that a name had when training began.

    Returns:
        The tensor.

    Raises:
        NetworkError: it has one.
    """
    what = f"network: {before.kind} {before.name}"
    if tensor is None:
        raise NetworkError(f"{what} was removed in forward; {WHEN}")
    if tensor.shape != before.shape:
        found = f"from {list(before.shape)} to {list(tensor.shape)}"
        raise NetworkError(f"{what} changed its shape {found} in forward; {WHEN}")
    if tensor.dtype != before.dtype:
        found = f"from {before.dtype} to {tensor.dtype}"
        raise NetworkError(f"{what} changed its type {found} in forward; {WHEN}")
    if before.kind == "frozen parameter" and tensor.requires_grad:
        raise NetworkError(
            f"{what} requires a gradient by now, but only parameters that do so when the "
            "constructor returns are trained; start a new run for the next stage with --start-from"
        )
    if before.kind == "parameter" and tensor is not before.tensor:
        raise NetworkError(
            f"network: {before.name} was replaced by another parameter during training, so it "
            f"would no longer be trained; {CONSTRAIN}"
        )
    return tensor


def require_known(entry: Entry, before: Mapping[str, Entry]) -> Entry:
    """What a name stood for when training began; refuse a name that is new.

    Raises:
        NetworkError: it is.
    """
    if entry.name in before:
        return before[entry.name]
    raise NetworkError(
        f"network: {entry.kind} {entry.name} was created in forward, so it would be neither "
        f"trained nor found in a checkpoint; {WHEN}: create it in __init__"
    )

"""Tensors as a safetensors file, in pieces: nothing is held in memory a second time.

Source: the safetensors format: 8 bytes with the length of the header, the header as JSON (type,
shape and offsets of each tensor), then the tensors' bytes without gaps. Like the library we order
them by the size of their numbers and then by name, so that every tensor is aligned.
"""

import json
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from distnet.errors import UnknownPartError

PIECE_BYTES = 4 * 2**20
"""Large enough that hashing and writing are done without Python, small enough to be let in."""
TYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint64: "U64",
    torch.uint32: "U32",
    torch.uint16: "U16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.complex64: "C64",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
}
"""The types that a checkpoint can hold."""


def tensor_pieces(tensors: Mapping[str, Tensor]) -> Iterator[memoryview | bytes]:
    """Yield the file of `tensors`, which are in CPU memory.

    Raises:
        UnknownPartError: a tensor's type is not one that the format knows.
    """
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))
    yield _header(ordered)
    for _, tensor in ordered:
        data = raw_bytes(tensor)
        for start in range(0, len(data), PIECE_BYTES):
            yield data[start : start + PIECE_BYTES]


def raw_bytes(tensor: Tensor) -> memoryview:
    """The bytes of a tensor of any type, in the order of its elements."""
    own = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    return own.reshape(-1).view(torch.uint8).numpy().data


def _header(ordered: list[tuple[str, Tensor]]) -> bytes:
    entries, start = {}, 0
    for name, tensor in ordered:
        if tensor.dtype not in TYPES:
            raise UnknownPartError(
                f"network: {name} is of {tensor.dtype}, which a checkpoint cannot hold; expected "
                f"one of {', '.join(map(str, TYPES))}"
            )
        stop = start + tensor.numel() * tensor.element_size()
        shape = list(tensor.shape)
        entries[name] = {
            "dtype": TYPES[tensor.dtype],
            "shape": shape,
            "data_offsets": [start, stop],
        }
        start = stop
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text

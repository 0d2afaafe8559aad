"""Plain values of any kind: what they consist of, and a digest of all that is in them.

Values of a user's own code are read without calling anything of it, and never changed.
"""

import functools
import hashlib
import random
from collections import deque
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, islice
from types import FunctionType, GeneratorType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from distnet.data.manifest import Manifest
from distnet.spec.code.importer import PREFIX
from distnet.train.inventory.digest import digests

MOST_VALUES = 10_000
"""The number of values within one value that count."""
MOST_NUMBERS = 1 << 22
"""Of a larger array or tensor, this many at equal distances count."""
MOST_BYTES = 1 << 20
"""Of a text, the first characters that count."""
OF_MODULES = frozenset(vars(nn.Module())) - {"training"}
"""The attributes that torch itself gives a module."""
Cache = type(functools.lru_cache(len))


@dataclass(frozen=True, slots=True)
class Slot:
    """A value, and where it stands."""

    name: str
    """In a user's words; of a part, how it is reached, such as `.calls` or `[0]`."""
    value: Any
    owner: Any = None
    """What holds it; None where it cannot be replaced."""
    key: Any = None

    def put(self, value: Any) -> None:
        """Replace the value."""
        match self.owner:
            case None | tuple():
                return
            case dict() | list() | deque():
                self.owner[self.key] = value
            case np.ndarray():
                self.owner.flat[self.key] = value
            case _:
                setattr(self.owner, self.key, value)


def value_digest(value: Any, known: Set[int] = frozenset()) -> bytes:
    """A digest of one value of any kind; what cannot be read counts by its type alone.

    Args:
        value: the value.
        known: ids of objects that are watched elsewhere.
    """
    seen = _Seen(known)
    try:
        seen.add(value)
        return seen.digest()
    except Exception:  # a user's own class may raise when it is read
        return type(value).__name__.encode()


def is_own(value: Any) -> bool:
    """Whether a class or a function is of a user's own file."""
    return str(getattr(value, "__module__", "")).startswith(PREFIX)


def children(value: Any) -> Iterable[Slot]:  # noqa: PLR0911 - one line a kind
    """The parts of a compound value."""
    match value:
        case list() | tuple() | deque():
            return (Slot(f"[{index}]", each, value, index) for index, each in enumerate(value))
        case dict():
            return (Slot(f"[{key!r}]", each, value, key) for key, each in value.items())
        case np.ndarray():
            return (Slot(f"[{index}]", each, value, index) for index, each in enumerate(value.flat))
        case nn.Module():
            own = {**vars(value), **value._parameters, **value._buffers, **value._modules}
            names = [key for key in own if key not in OF_MODULES]
            return (Slot(f".{key}", own[key], value, key) for key in names)
        case FunctionType():
            return _of_function(value) if is_own(value) else ()
        case functools.partial():
            return (Slot("()", each) for each in (value.func, value.args, value.keywords))
        case MethodType():
            return (Slot("()", value.__func__), Slot("()", value.__self__))
        case type():
            return of_class(value) if is_own(value) else ()
        case _:
            return _attributes(value)


def of_class(cls: type) -> Iterator[Slot]:
    """The variables of a class, and what its functions keep."""
    for key, value in list(vars(cls).items()):
        if not key.startswith("__") or isinstance(value, FunctionType):
            function = getattr(value, "__func__", value)  # of a static or class method
            yield Slot(f".{key}", function, cls, key)


def _of_function(function: FunctionType) -> Iterator[Slot]:
    """Variables of the function around it, default values, attributes."""
    names = function.__code__.co_freevars
    for name, cell in zip(names, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # it is still empty
            yield Slot(f" ({name})", cell.cell_contents, cell, "cell_contents")
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    defaults = function.__defaults__ or ()
    yield from (Slot(f" ({n})", v) for n, v in zip(names[-len(defaults) :], defaults, strict=False))
    yield from (Slot(f" ({k})", v) for k, v in (function.__kwdefaults__ or {}).items())
    yield from (Slot(f".{k}", v, function, k) for k, v in list(vars(function).items()))


def _attributes(value: Any) -> Iterator[Slot]:
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        own = {}
    yield from (Slot(f".{key}", each, value, key) for key, each in list(own.items()))
    for cls in type(value).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__"):
                with suppress(AttributeError):  # it was not set
                    yield Slot(f".{name}", object.__getattribute__(value, name), value, name)


class _Seen:
    """Digests one value, part by part, without recursion."""

    def __init__(self, known: Set[int]) -> None:
        self._hash, self._tensors = hashlib.blake2b(), list[Tensor]()
        self._elsewhere = known
        self._known = dict[int, Any]()  # kept, so that no other value gets the same id

    def digest(self) -> bytes:
        self._hash.update(repr(digests(self._tensors)).encode())
        return self._hash.digest()

    def add(self, value: Any) -> None:
        pending, left = [value], MOST_VALUES
        while pending and left:
            left -= 1
            parts = self._parts(pending.pop())
            pending.extend(reversed(parts))

    def _parts(self, value: Any) -> list[Any]:
        """Digest a plain value; of a compound one, return the parts."""
        self._hash.update(type(value).__name__.encode())
        match value:
            case None | bool() | int() | float() | complex() | np.generic():
                self._hash.update(repr(value).encode())
            case str():
                self._hash.update(f"{len(value)} {value[:MOST_BYTES]}".encode(errors="replace"))
            case bytes() | bytearray():
                self._hash.update(len(value).to_bytes(8) + value[:MOST_BYTES])
            case ModuleType() | Manifest() | torch.dtype() | torch.device():
                return []
            case Tensor():
                return self._of_tensor(value)
            case _ if id(value) not in self._known and id(value) not in self._elsewhere:
                self._known[id(value)] = value
                return self._of_compound(value)
        return []

    def _of_tensor(self, value: Tensor) -> list[Any]:
        if id(value) in self._elsewhere or value.is_quantized or value.is_nested or value.is_meta:
            return []
        if value.layout == torch.sparse_coo:
            return [value._indices(), value._values()]
        if value.layout == torch.strided:
            step = -(-value.numel() // MOST_NUMBERS)
            self._hash.update(repr(tuple(value.shape)).encode())
            self._tensors.append(value if step <= 1 else value.detach().reshape(-1)[::step])
        return []

    def _of_compound(self, value: Any) -> list[Any]:
        match value:
            case np.ndarray() if value.dtype != object:
                self._of_array(value)
                return []
            case set() | frozenset():
                return [len(value), *(sorted(map(repr, value)) if len(value) < MOST_VALUES else ())]
            case list() | tuple() | deque():
                return [len(value), *islice(value, MOST_VALUES)]
            case dict():
                return [
                    len(value),
                    *islice(value, MOST_VALUES),
                    *islice(value.values(), MOST_VALUES),
                ]
        state = _hidden_state(value)
        found = islice(children(value), MOST_VALUES) if state is None else ()
        return [each.value for each in found] if state is None else state

    def _of_array(self, value: NDArray[Any]) -> None:
        self._hash.update(repr((value.shape, value.dtype)).encode())
        if value.flags.writeable:  # others, as of files mapped into memory, are constants
            step = max(1, -(-value.size // MOST_NUMBERS))
            self._hash.update(np.ascontiguousarray(value.flat[::step]).tobytes())


def _hidden_state(value: Any) -> list[Any] | None:  # noqa: PLR0911 - one line a kind
    """The state of an object that does not show it in attributes; None for all others."""
    match value:
        case torch.Generator():
            return [value.get_state()]
        case random.Random():
            return [value.getstate()]
        case np.random.Generator():
            return [value.bit_generator.state]
        case np.random.RandomState():
            return [value.get_state(legacy=True)]
        case count():
            return [repr(value)]
        case GeneratorType():
            frame = value.gi_frame
            return [] if frame is None else [frame.f_lasti, dict(frame.f_locals)]
        case Cache():
            return [value.cache_info().currsize, value.__wrapped__]
    return None

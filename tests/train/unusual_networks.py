"""Networks whose tensors share memory, have unusual types, or appear and change in forward."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


class Net(nn.Module):
    """Two layers; what is between them is what others change."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(144, 16), nn.Linear(16, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.between(torch.tanh(self.first(x.flatten(1)))))

    def between(self, h: Tensor) -> Tensor:
        return h


class Square(Net):
    """Has a trained matrix `a` [16, 16]."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.a = nn.Parameter(torch.randn(16, 16) / 4)

    def between(self, h: Tensor) -> Tensor:
        return F.linear(F.linear(h, self.a).tanh(), self.other())

    def other(self) -> Tensor:
        return self.a


# Tied by their memory, and the same networks as they would be written with one parameter.


class SameObject(Square):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.b = self.a

    def other(self) -> Tensor:
        return self.b


class SameMemory(SameObject):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        Square.__init__(self, shape, num_outputs)
        self.b = nn.Parameter(self.a.data)

    @staticmethod
    def tie(a: Tensor) -> Tensor:
        return a


class SameMemoryPlainly(Square):
    pass


class Transposed(Net):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.a, self.b = nn.Parameter(torch.randn(8, 16) / 4), nn.Parameter(torch.zeros(16, 8))
        self.b.data = self.a.data.t()

    def between(self, h: Tensor) -> Tensor:
        return F.linear(F.linear(h, self.a).tanh(), self.b)

    @staticmethod
    def tie(a: Tensor) -> Tensor:
        return a.t()


class TransposedPlainly(Net):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.a = nn.Parameter(torch.randn(8, 16) / 4)

    def between(self, h: Tensor) -> Tensor:
        return F.linear(F.linear(h, self.a).tanh(), self.a.t())


class PartOfTable(Net):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.a = nn.Parameter(torch.randn(10, 16) / 4)
        self.b = nn.Parameter(self.tie(self.a.data))

    def between(self, h: Tensor) -> Tensor:
        return F.linear(h, self.a).tanh() @ self.a + F.linear(h, self.b).sum(1, keepdim=True)

    @staticmethod
    def tie(a: Tensor) -> Tensor:
        return a[2:6]


class PartOfTablePlainly(PartOfTable):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        Net.__init__(self, shape, num_outputs)
        self.a = nn.Parameter(torch.randn(10, 16) / 4)

    def between(self, h: Tensor) -> Tensor:
        part = F.linear(h, self.a[2:6]).sum(1, keepdim=True)
        return F.linear(h, self.a).tanh() @ self.a + part


class Columns(Square):
    """Every other column of the matrix is a parameter as well."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.b = nn.Parameter(self.tie(self.a.data))

    def between(self, h: Tensor) -> Tensor:
        return super().between(h) + F.linear(h[:, ::2], self.b)

    @staticmethod
    def tie(a: Tensor) -> Tensor:
        return a[:, ::2]


class ColumnsPlainly(Square):
    def between(self, h: Tensor) -> Tensor:
        return super().between(h) + F.linear(h[:, ::2], self.a[:, ::2])


class Permuted(Square):
    """The whole matrix is not contiguous; some of its rows are a parameter as well."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.a.data = self.a.data.t()
        self.b = nn.Parameter(self.tie(self.a.data))

    def between(self, h: Tensor) -> Tensor:
        return super().between(h) + F.linear(h, self.b).sum(1, keepdim=True)

    @staticmethod
    def tie(a: Tensor) -> Tensor:
        return a[1:8:2]


class PermutedPlainly(Square):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.a.data = self.a.data.t()

    def between(self, h: Tensor) -> Tensor:
        return super().between(h) + F.linear(h, self.a[1:8:2]).sum(1, keepdim=True)


class SparseRows(Net):
    """An embedding whose gradient is sparse."""

    is_sparse = True

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.a = nn.Embedding(20, 16, sparse=self.is_sparse)

    def between(self, h: Tensor) -> Tensor:
        return h + self.a((h[:, :3] * 5).long() % 20).mean(1)


class SparseRowsPlainly(SparseRows):
    is_sparse = False


class FrozenView(Square):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.b = nn.Parameter(self.tie(self.a.data), requires_grad=False)

    def other(self) -> Tensor:
        return self.b

    @staticmethod
    def tie(a: Tensor) -> Tensor:
        return a.t()


class FrozenViewPlainly(Square):
    def other(self) -> Tensor:
        return self.a.detach().t()


class BufferView(Square):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.register_buffer("b", self.tie(self.a.data))

    def other(self) -> Tensor:
        return self.a + self.b

    @staticmethod
    def tie(a: Tensor) -> Tensor:
        return a[0].expand(16, 16)


class BufferViewPlainly(Square):
    def other(self) -> Tensor:
        return self.a + self.a.detach()[0]


class AttributeView(Square):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.turned = self.a.data.t()

    def other(self) -> Tensor:
        return self.turned


class AttributeViewPlainly(FrozenViewPlainly):
    pass


# Refused before anything is written.


class PartlyOver(Net):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        whole = torch.randn(14, 16)
        self.a, self.b = nn.Parameter(whole[:10]), nn.Parameter(whole[4:])


class OtherType(Square):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.b = nn.Parameter(self.a.data.view(torch.int32), requires_grad=False)


class Expanded(Net):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.a = nn.Parameter(torch.zeros(1).expand(16, 16))


class Computed(Square):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.turned = self.a.t()


class Listed(Square):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.turned = [self.a.data.t()]


class WithoutValues(Net):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.a = nn.Linear(3, 3, device="meta")


class Sparse(Net):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.register_buffer("s", torch.eye(3).to_sparse())


class Exact(Net):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.register_buffer("c", torch.zeros(3, dtype=torch.complex128))


class ExactFrozen(Net):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.c = nn.Parameter(torch.zeros(3, dtype=torch.complex128), requires_grad=False)


class Reentrant(Net):
    """torch hides the gradient of `first` from `autograd.grad`: it would never learn."""

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(1).requires_grad_()
        return self.last(checkpoint(self.first, flat, use_reentrant=True))


class Hooked(Net):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.first.weight.register_post_accumulate_grad_hook(lambda weight: None)


class Created(Net):
    def between(self, h: Tensor) -> Tensor:
        if not hasattr(self, "cache"):
            self.register_buffer("cache", torch.ones(16))
        return h * self.cache


class CreatedParameter(Net):
    def between(self, h: Tensor) -> Tensor:
        if not hasattr(self, "extra"):
            self.extra = nn.Parameter(torch.ones(16))
        return h * self.extra


class CreatedModule(Net):
    def between(self, h: Tensor) -> Tensor:
        if not hasattr(self, "extra"):
            self.extra = nn.Linear(16, 16)
        return self.extra(h)


class NeverLazy(Net):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.unused = nn.LazyLinear(3)


class LazyMisfit(nn.Module):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__()
        self.first, self.out = nn.Linear(7, 16), nn.LazyLinear(num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.first(x.flatten(1)))


# Refused when training has begun.


class CreatedInTraining(Created):
    def between(self, h: Tensor) -> Tensor:
        return super().between(h) if self.training else h


class WithBuffer(Net):
    """Has a buffer `b`, which it changes while it trains."""

    first_value: Tensor | None = torch.zeros(1)

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        value = self.first_value
        self.register_buffer("b", None if value is None else value.clone())

    def between(self, h: Tensor) -> Tensor:
        if self.training:
            self.change(h.detach())
        return h

    def change(self, h: Tensor) -> None: ...


class Filled(WithBuffer):
    first_value = None

    def change(self, h: Tensor) -> None:
        self.b = torch.ones(16)


class Removed(WithBuffer):
    def change(self, h: Tensor) -> None:
        self.b = None


class Resized(WithBuffer):
    def change(self, h: Tensor) -> None:
        self.b = h


class Retyped(WithBuffer):
    first_value = torch.tensor([1])

    def change(self, h: Tensor) -> None:
        self.b = self.b + 0.5


class Exchanged(Net):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.b = nn.Linear(16, 16)

    def between(self, h: Tensor) -> Tensor:
        if self.training:
            self.b.weight = nn.Parameter(self.b.weight.detach().clamp(-1, 1))
        return self.b(h)


class MovedTie(Transposed):
    def between(self, h: Tensor) -> Tensor:
        if self.training:
            self.b.data = self.b.data.clone()
        return super().between(h)


class Grown(WithBuffer):
    """Gets another layer after some steps."""

    def change(self, h: Tensor) -> None:
        self.b += 1
        if self.b > 3 and not hasattr(self, "extra"):
            self.extra = nn.Linear(3, 3)


class Unfrozen(Net):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.a = nn.Parameter(torch.ones(16), requires_grad=False)

    def between(self, h: Tensor) -> Tensor:
        if self.training:
            self.a.requires_grad_(True)
        return h * self.a


class FrozenLater(Net):
    def between(self, h: Tensor) -> Tensor:
        if self.training:
            self.first.requires_grad_(False)
        return h


# Of unusual types.


class Frozen(Net):
    """A constant and a frozen parameter of any type."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int, *, dtype: str) -> None:
        super().__init__(shape, num_outputs)
        values = torch.arange(16.0).to(getattr(torch, dtype))
        self.register_buffer("constant", values.clone())
        self.kept = nn.Parameter(values, requires_grad=False)

    def between(self, h: Tensor) -> Tensor:
        constant, kept = (
            t.real if t.is_complex() else t.float() for t in (self.constant, self.kept)
        )
        return h * constant + kept


class HalfLayer(Net):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.b = nn.Linear(16, 16).bfloat16().requires_grad_(False)

    def between(self, h: Tensor) -> Tensor:
        return self.b(h.bfloat16()).float()


class FixedBatch(Net):
    """Its number of samples becomes a constant where it is translated to ONNX."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.b = nn.Embedding(4, 16)

    def between(self, h: Tensor) -> Tensor:
        return h + self.b(torch.zeros(len(h), dtype=torch.long))


class Lazy(nn.Module):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__()
        self.norm, self.out = nn.LazyBatchNorm1d(), nn.LazyLinear(num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.norm(x.flatten(1)))


# Buffers that change.


class Counting(Net):
    """Counts what fp32 cannot hold."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.register_buffer("large", torch.tensor(0))
        self.register_buffer("seen", torch.tensor(0))
        self.register_buffer("both", torch.zeros(2, dtype=torch.int32))
        self.register_buffer("exact", torch.tensor(0.0, dtype=torch.float64))

    def between(self, h: Tensor) -> Tensor:
        if self.training:
            self.large += 2**40 + 1
            self.seen += 1
            self.both += torch.tensor([2**24 + 1, -(2**24) - 1], dtype=torch.int32)
            self.exact += 1 / 3 + 1e-12
        return h


class Averaging(WithBuffer):
    """Subtracts a running mean in float64."""

    first_value = torch.zeros(16, dtype=torch.float64)

    def between(self, h: Tensor) -> Tensor:
        return super().between(h) - self.b.float()

    def change(self, h: Tensor) -> None:
        self.b = 0.9 * self.b + 0.1 * h.double().mean(0)


class Spoiling(WithBuffer):
    """Spoils its buffer now and then."""

    def change(self, h: Tensor) -> None:
        if torch.rand(()) < 0.05:
            self.b.fill_(math.nan)


class SpoilingExact(Spoiling):
    first_value = torch.zeros(3, dtype=torch.float64)


class Falling(WithBuffer):
    """Tracks a minimum, which begins at infinity."""

    first_value = torch.full((), math.inf)

    def change(self, h: Tensor) -> None:
        self.b = torch.minimum(self.b, h.min())

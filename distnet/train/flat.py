"""All parameters of a network as one vector, all buffers as another.

The network's own tensors become views of these vectors, so the optimizer, the sum and the
checkpoint are a few large operations, whatever the number of layers.
"""

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from distnet.errors import CheckpointError


class FlatNetwork:
    """A network whose trainable parameters lie in one vector.

    Letters: P numbers in all trainable parameters, B numbers in all buffers.
    """

    def __init__(self, network: nn.Module, device: str = "cpu") -> None:
        self.network = network.to(device)
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        self.vector = torch.cat([p.detach().reshape(-1).float() for p in self.parameters])
        for parameter, piece in zip(self.parameters, self._pieces(), strict=True):
            parameter.data = piece.view(parameter.shape)
        self.buffers = [b for b in network.buffers() if b.numel()]
        self.num_parameters = self.vector.numel()
        self.num_buffers = sum(b.numel() for b in self.buffers)

    def decayed(self) -> Tensor:
        """[P]: 1 where weight decay applies (weights of two or more dimensions), else 0."""
        ones = [torch.full((p.numel(),), float(p.ndim > 1)) for p in self.parameters]
        return torch.cat(ones).to(self.vector.device)

    def read_buffers(self) -> Tensor:
        """[B]: the numbers of all buffers, as fp32."""
        return torch.cat([b.reshape(-1).float() for b in self.buffers])

    def write_buffers(self, values: Tensor) -> None:
        """Set all buffers from [B]."""
        start = 0
        for buffer in self.buffers:
            part = values[start : start + buffer.numel()].view(buffer.shape)
            buffer.copy_(part.round() if not buffer.is_floating_point() else part)
            start += buffer.numel()

    def weights(self) -> dict[str, Tensor]:
        """A copy of parameters and buffers on the CPU, by their names."""
        return {
            name: tensor.detach().to("cpu", copy=True).contiguous()
            for name, tensor in self.network.state_dict().items()
        }

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Set parameters and buffers by their names.

        Raises:
            CheckpointError: names or shapes are not this network's.
        """
        own = self.network.state_dict()
        wrong = sorted(own.keys() ^ weights.keys())
        wrong += [n for n in own.keys() & weights.keys() if own[n].shape != weights[n].shape]
        if wrong:
            raise CheckpointError(
                f"the checkpoint is of another network: {', '.join(wrong[:3])} "
                "differ in name or shape; resume with the job file of that run"
            )
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(weights[name])

    def _pieces(self) -> tuple[Tensor, ...]:
        return torch.split(self.vector, [p.numel() for p in self.parameters])


def weights_sha256(network: nn.Module) -> str:
    """The identity of the weights: raw bytes of all parameters in the order of their names."""
    digest = hashlib.sha256()
    for _, parameter in sorted(network.named_parameters()):
        digest.update(parameter.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()

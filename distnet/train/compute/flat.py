"""All trainable parameters of a network as one vector.

The network's own tensors become views of this vector, so the optimizer, the sum and the checkpoint
are a few large operations, whatever the number of layers.
"""

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from distnet.errors import CheckpointError, TrainingError, UnknownPartError
from distnet.train.compute.buffers import Buffers


class FlatNetwork:
    """A network whose trainable parameters lie in one vector.

    Letters: P numbers in all trainable parameters.

    Raises:
        UnknownPartError: a parameter is not of fp32, or has no shape yet.
    """

    def __init__(self, network: nn.Module, device: str = "cpu") -> None:
        refuse_other_types(network)
        self.network = network.to(device)
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        self.vector = torch.cat([p.detach().reshape(-1) for p in self.parameters])
        for parameter, piece in zip(self.parameters, self._pieces(), strict=True):
            parameter.data = piece.view(parameter.shape)
        self.buffers = Buffers(network)
        self.num_parameters = self.vector.numel()

    def decayed(self) -> Tensor:
        """[P]: 1 where weight decay applies (weights of two or more dimensions), else 0."""
        ones = [torch.full((p.numel(),), float(p.ndim > 1)) for p in self.parameters]
        return torch.cat(ones).to(self.vector.device)

    def weights(self) -> dict[str, Tensor]:
        """Parameters and buffers as they lie in memory, by their names; they go on changing."""
        return {name: tensor.detach() for name, tensor in self._named().items()}

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Set parameters and buffers by their names.

        Raises:
            CheckpointError: names or shapes are not this network's.
        """
        own = self._named()
        wrong = sorted(own.keys() ^ weights.keys())
        wrong += [n for n in own.keys() & weights.keys() if own[n].shape != weights[n].shape]
        if wrong:
            raise CheckpointError(
                f"the checkpoint is of another network: {', '.join(wrong[:3])} differ in name or "
                "shape; use the job file, and the network's own file, that the run began with"
            )
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(weights[name])

    def require_views(self) -> None:
        """Refuse a network that has put other memory in the place of a parameter's.

        Raises:
            TrainingError: it did; the optimizer would no longer reach that parameter.
        """
        for parameter, piece in zip(self.parameters, self._pieces(), strict=True):
            if parameter.numel() and parameter.data_ptr() != piece.data_ptr():
                names = [n for n, p in self.network.named_parameters() if p is parameter]
                raise TrainingError(
                    f"network: {names[0]} was given other memory while training, so it would "
                    "not be trained any more; change it in place, as in weight.data.clamp_(...)"
                )

    def _named(self) -> dict[str, Tensor]:
        """Parameters and buffers, also those that are no part of the state_dict."""
        return {
            **dict(self.network.named_parameters(remove_duplicate=False)),
            **dict(self.network.named_buffers(remove_duplicate=False)),
        }

    def _pieces(self) -> tuple[Tensor, ...]:
        return torch.split(self.vector, [p.numel() for p in self.parameters])


def refuse_other_types(network: nn.Module) -> None:
    """Refuse parameters that cannot lie in one fp32 vector.

    Raises:
        UnknownPartError: one is of another type, or has no shape yet.
    """
    for name, parameter in network.named_parameters():
        if nn.parameter.is_lazy(parameter):
            raise UnknownPartError(
                f"network: found the lazy parameter {name}, expected one with a shape: "
                "name the layer's inputs"
            )
        if parameter.requires_grad and parameter.dtype != torch.float32:
            raise UnknownPartError(
                f"network: found {name} of {parameter.dtype}, expected torch.float32; "
                "for bf16 arithmetic set train.precision"
            )


def weights_sha256(network: nn.Module) -> str:
    """The identity of the weights: raw bytes of all parameters in the order of their names."""
    digest = hashlib.sha256()
    for _, parameter in sorted(network.named_parameters()):
        digest.update(parameter.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()

"""What the shipped networks share: activations, and initial weights that suit them.

Source: Glorot and Bengio 2010 (bounded activations), He et al. 2015 (rectifiers). All draws come
from torch's global generator, which the trainer seeds.
"""

from collections.abc import Callable
from typing import Literal, TypeVar

from torch import Tensor, nn

Activation = Literal["relu", "gelu", "silu", "tanh", "sigmoid", "leaky-relu", "step"]

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)


class Step(nn.Module):
    """The threshold neuron: 1 above 0, else 0, learned by a straight-through gradient.

    The gradient is that of a ramp from 0 to 1 between -1 and 1.

    Source: McCulloch and Pitts 1943; Bengio, Leonard and Courville 2013 (straight-through);
    Hubara et al. 2016 (no gradient outside of [-1, 1]).
    """

    def forward(self, x: Tensor) -> Tensor:
        """Threshold each number of x, of any shape."""
        ramp = ((x + 1) * 0.5).clamp(0, 1)
        fired = (x > 0).to(x.dtype)
        # Exactly `fired`: where a neuron fires the ramp is at least 0.5, and 1 - ramp not rounded.
        return ramp + (fired - ramp).detach()


ACTIVATIONS: dict[Activation, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "leaky-relu": nn.LeakyReLU,
    "step": Step,
}


def initialise(layer: Layer, activation: Activation | None) -> Layer:
    """Draw the weights of a layer for the activation that follows it; None is an output layer."""
    match activation:
        case "relu" | "leaky-relu" | "gelu" | "silu":
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        case "tanh" | "sigmoid" | "step" | None:
            nn.init.xavier_normal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def image_shape(network: str, input_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Unpack the shape of an image, [channels, height, width].

    Raises:
        ValueError: the input is not an image.
    """
    if len(input_shape) != 3:
        raise ValueError(
            f"{network} takes images of shape (channels, height, width), but the data has inputs "
            f"of shape {tuple(input_shape)}; use mlp or perceptron for those"
        )
    channels, height, width = input_shape
    return channels, height, width

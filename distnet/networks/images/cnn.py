"""A small convolutional network: convolutions that shrink the image, then fully connected layers.

Source: LeCun et al. 1998 (LeNet-5), with today's rectifiers, max pooling, batch normalisation and
dropout. As there, a block shrinks its maps before what comes after them, which costs a quarter of
the work then. The default has 42,000 parameters for 28 x 28 pixels and 10 classes.
"""

from collections import OrderedDict
from typing import Annotated

from pydantic import Field
from torch import nn

from distnet.networks.layers import ACTIVATIONS, Activation, image_shape, initialise
from distnet.spec.sections.section import Fraction, PositiveInt

__all__ = ("CNN",)


class CNN(nn.Sequential):
    """Blocks of convolution, max pooling and activation, then one hidden layer and the output.

    Args:
        channels: the feature maps of each block.
        kernel: the side of the convolutions' window in pixels; an odd number.
        pool: by how much each block shrinks the image; 1 keeps its size.
        hidden: the neurons of the fully connected layer; 0 leaves it out.
        activation: what a neuron does with its sum.
        batch_norm: normalise each feature map over the batch (Ioffe and Szegedy 2015).
        dropout: the part of the neurons before the output left out at random while training.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_outputs: int,
        *,
        channels: tuple[PositiveInt, ...] = (12, 24, 48),
        kernel: PositiveInt = 3,
        pool: PositiveInt = 2,
        hidden: Annotated[int, Field(ge=0)] = 64,
        activation: Activation = "relu",
        batch_norm: bool = True,
        dropout: Fraction = 0.25,
    ) -> None:
        num_maps, height, width = image_shape("cnn", input_shape)
        _check(height, width, num_blocks=len(channels), kernel=kernel, pool=pool)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for i, maps in enumerate(channels, start=1):
            block = _block(
                num_maps, maps, kernel=kernel, pool=pool, activation=activation, norm=batch_norm
            )
            layers |= {f"{name}{i}": layer for name, layer in block.items()}
            num_maps, height, width = maps, height // pool, width // pool
        layers |= _head(
            num_maps * height * width, hidden, num_outputs, activation=activation, dropout=dropout
        )
        super().__init__(layers)


def _check(height: int, width: int, *, num_blocks: int, kernel: int, pool: int) -> None:
    if kernel % 2 == 0:
        raise ValueError(f"cnn needs an odd kernel, but got {kernel}")
    if min(height, width) // pool**num_blocks == 0:
        raise ValueError(
            f"cnn with {num_blocks} blocks and pool {pool} needs at least {pool**num_blocks} "
            f"pixels a side, but the data has {height} x {width}; list fewer channels"
        )


def _block(
    maps_in: int, maps_out: int, *, kernel: int, pool: int, activation: Activation, norm: bool
) -> dict[str, nn.Module]:
    conv = nn.Conv2d(maps_in, maps_out, kernel, padding=kernel // 2, bias=not norm)
    layers: dict[str, nn.Module] = {"conv": initialise(conv, activation)}
    if pool > 1:
        layers["pool"] = nn.MaxPool2d(pool)
    if norm:
        layers["norm"] = nn.BatchNorm2d(maps_out)
    layers["activation"] = ACTIVATIONS[activation]()
    return layers


def _head(
    width: int, hidden: int, num_outputs: int, *, activation: Activation, dropout: float
) -> dict[str, nn.Module]:
    layers: dict[str, nn.Module] = {"flatten": nn.Flatten()}
    if hidden:
        layers["hidden"] = initialise(nn.Linear(width, hidden), activation)
        layers["activation"] = ACTIVATIONS[activation]()
        width = hidden
    if dropout:
        layers["dropout"] = nn.Dropout(dropout)
    layers["output"] = initialise(nn.Linear(width, num_outputs), None)
    return layers

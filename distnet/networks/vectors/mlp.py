"""A multi-layer perceptron: layers of neurons, each joined to all of the layer before.

Source: Rumelhart, Hinton and Williams 1986.
"""

from collections import OrderedDict
from math import prod

from torch import nn

from distnet.networks.layers import ACTIVATIONS, Activation, initialise
from distnet.spec.sections.section import Fraction, PositiveInt

__all__ = ("MLP",)


class MLP(nn.Sequential):
    """Fully connected hidden layers and a linear output layer, for inputs of any shape.

    Args:
        hidden: the neurons of each hidden layer; an empty list leaves only the output layer.
        activation: what a hidden neuron does with its sum; `step` is the historic threshold.
        dropout: the part of the hidden neurons left out at random while training.
        batch_norm: normalise each hidden neuron's sum over the batch (Ioffe and Szegedy 2015).
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_outputs: int,
        *,
        hidden: tuple[PositiveInt, ...] = (128,),
        activation: Activation = "relu",
        dropout: Fraction = 0.0,
        batch_norm: bool = False,
    ) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
        width = prod(input_shape)
        for i, neurons in enumerate(hidden, start=1):
            layers[f"hidden{i}"] = initialise(
                nn.Linear(width, neurons, bias=not batch_norm), activation
            )
            if batch_norm:
                layers[f"norm{i}"] = nn.BatchNorm1d(neurons)
            layers[f"activation{i}"] = ACTIVATIONS[activation]()
            if dropout:
                layers[f"dropout{i}"] = nn.Dropout(dropout)
            width = neurons
        layers["output"] = initialise(nn.Linear(width, num_outputs), None)
        super().__init__(layers)

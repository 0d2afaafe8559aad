"""One layer of neurons, from the input straight to the outputs.

Source: Rosenblatt 1958. With the task `classify` this is softmax (multinomial logistic)
regression, with `regress` linear regression.
"""

from collections import OrderedDict
from math import prod

from torch import nn

__all__ = ("Perceptron",)


class Perceptron(nn.Sequential):
    """A single layer: every output is a weighted sum of the inputs. It has no options."""

    def __init__(self, input_shape: tuple[int, ...], num_outputs: int) -> None:
        output = nn.Linear(prod(input_shape), num_outputs)
        # The loss is convex here, so nothing is gained from random weights; from zero, the
        # weights of a pixel that is never used stay zero and their image is clean.
        nn.init.zeros_(output.weight)
        nn.init.zeros_(output.bias)
        super().__init__(OrderedDict(flatten=nn.Flatten(), output=output))

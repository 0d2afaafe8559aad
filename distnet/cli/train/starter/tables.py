"""What the first job file for a table, or for tiny images, has of its own."""

from distnet.cli.train.starter.length import Length, batch_size_of, length_of
from distnet.data.manifest import Manifest

FEW_ROWS = 2000
"""Below, a network learns its rows by heart before it has learned what they have in common."""
GOOD_STEPS = 3000
GOOD_STEPS_OF_FEW = 450


def is_small(manifest: Manifest) -> bool:
    """Whether there are few rows."""
    return manifest.splits["train"].num_samples < FEW_ROWS


def network(manifest: Manifest) -> str:
    """Write the section `network`."""
    shape = " x ".join(map(str, manifest.x.shape))
    return f"""\
# The network. Fully connected layers of neurons: the columns of a table have no neighbours and no
# order that a convolution or a recurrent network could use.
# Next: more neurons if the training loss stays high; dropout or more weight_decay if it is far
# below that of the evaluation. Beside the result stands what a simple rule reaches: where the
# network is no better, it is not worth its training.
# Others: perceptron (a single layer), or your own class as ./mynet.py:MyNet.
network:
  kind: mlp                # takes {shape} numbers
  hidden: [64, 32]         # neurons of each hidden layer; more of them learn finer detail
  activation: relu
  dropout: 0.0             # part of the neurons dropped at random; raise it against overfitting
"""


def optimizer(manifest: Manifest) -> str:
    """Write the sections `optimizer` and `schedule`."""
    rate, decay = (0.005, 1.0) if is_small(manifest) else (0.002, 0.01)
    return f"""\
# The optimizer. If the loss jumps or grows, lower the learning rate.
optimizer:
  kind: adamw              # or sgd, adam, lion
  learning_rate: {rate}
  weight_decay: {decay:<10} # pulls weights to 0: the fewer the rows, the more of it

# The learning rate over the steps: one-cycle rises, then falls to 0. Or constant, cosine, step.
schedule:
  kind: one-cycle
"""


def length(manifest: Manifest) -> Length:
    """The length of the training; few rows are passed over less often, or are learned by heart."""
    num_samples = manifest.splits["train"].num_samples
    good_steps = GOOD_STEPS_OF_FEW if is_small(manifest) else GOOD_STEPS
    return length_of(num_samples, batch_size_of(num_samples), good_steps, is_light=True)

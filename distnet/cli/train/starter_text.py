"""The first job file for a dataset of text or music: a language model that continues it."""

from distnet.data.fields.music import MusicField
from distnet.data.fields.tokens import TokensField
from distnet.data.manifest import Manifest

LONGEST = 128  # tokens of a window; most of what a small network uses is as near
GOOD_TOKENS = 10_000_000  # learned from, after which a small network has usually converged


def holds_text(manifest: Manifest) -> bool:
    """Whether the only field is tokens of any length whose texts are known."""
    fields = list(manifest.fields.values())
    is_text = [isinstance(f, TokensField) and not f.shape and bool(f.vocabulary) for f in fields]
    return is_text == [True]


def text_sections(manifest: Manifest, source: str) -> list[str]:
    """Write the sections on network, task, data and length of training.

    Args:
        manifest: of a dataset for which `holds_text` is true.
        source: the dataset, as YAML.
    """
    (field,) = manifest.fields.values()
    voices = len(field.voices) if isinstance(field, MusicField) else 0
    num_tokens = max(2, field.num_values.get("train", 0))
    splits = ", ".join(f"{count:,} tokens in {name}" for name, count in field.num_values.items())
    length = min(LONGEST, num_tokens - 1)
    if voices:  # a window has whole steps
        length = max(1, length // voices) * voices
    data = _data(source, length, splits) + (TRANSPOSED if voices else "")
    task = TASK.format(option="--output music.mid" if voices else '--prompt "Once"')
    return [NETWORK, task, data, OPTIMIZER, _train(num_tokens, length)]


NETWORK = """\
# The network. A decoder-only transformer: attention finds what matters among the tokens before.
# Others: your own class as ./mynet.py:MyNet.
network:
  kind: gpt
  layers: 4                # more layers and width learn more, and take longer
  heads: 4                 # parts of each attention; width must be a multiple of them
  width: 128
  dropout: 0.0             # part of the numbers dropped at random; raise it against overfitting
"""
TASK = """\
# The task: predict each next token. Later: distnet generate RUN {option}
task:
  kind: language-model
"""
TRANSPOSED = """\
  augment:
    - {kind: transpose, semitones: 6}  # random keys, so that no window is seen twice
"""
OPTIMIZER = """\
# The optimizer. If the loss jumps or grows, lower the learning rate.
optimizer:
  kind: adamw              # or sgd, adam, lion
  learning_rate: 0.002
  betas: [0.9, 0.99]
  weight_decay: 0.1

# The learning rate over the steps: one-cycle rises, then falls to 0. Or constant, cosine, step.
schedule:
  kind: one-cycle
  peak: 0.1
"""


def _data(source: str, length: int, splits: str) -> str:
    return f"""\
# The dataset: {splits}.
data:
  source: {source}
  view:
    kind: pack             # cuts the text into windows
    length: {length:<14} # tokens of a window: how far back the network can look
"""


def _train(num_tokens: int, length: int) -> str:
    windows = -(-(num_tokens - 1) // length)
    slices = 4 if windows >= 8 else 1
    batch_size = max(slices, min(16, windows // 4))
    epochs = min(100, max(1, round(GOOD_TOKENS / num_tokens)))
    return f"""\
# How long to train. A batch is cut into slices, which the workers share: the result is the same
# on any number of workers up to the number of slices.
train:
  epochs: {epochs:<16} # passes over the whole text
  batch_size: {batch_size:<12} # windows of one step, over all workers
  slices: {slices}
  clip: 1.0                # of the norm of the gradient, so that no batch moves the weights too far
  seed: 0                  # of the initial weights and the order of the windows
"""

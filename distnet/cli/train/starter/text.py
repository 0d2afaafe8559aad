"""The first job file for a dataset of text or music: a language model that continues it."""

from dataclasses import replace

from distnet.cli.train.starter.length import MOST_EPOCHS, Length, length_of, train_section
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
    assert isinstance(field, TokensField)
    splits = ", ".join(f"{count:,} tokens in {name}" for name, count in field.num_values.items())
    is_music = isinstance(field, MusicField)
    data = _data(source, _tokens(manifest)[1], splits) + (TRANSPOSED if is_music else "")
    task = TASK.format(option="--output music.mid" if is_music else '--prompt "Once"')
    train = train_section(
        length(manifest), manifest, one="window", passes="the whole text", more=CLIP
    )
    return [NETWORK, task, data, OPTIMIZER, train]


NETWORK = """\
# The network. A decoder-only transformer: attention finds what matters among the tokens before,
# where a recurrent network remembers the newest ones best.
# Next: more layers and width, and more epochs, if the loss of the evaluation still falls at the
# end; dropout if it rises again; a longer window (length below) if what is far back matters.
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
CLIP = """\
  clip: 1.0                # of the norm of the gradient, so that no batch moves the weights too far
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


def length(manifest: Manifest) -> Length:
    """The length of the training: passes until about ten million tokens are learned from."""
    num_tokens, window = _tokens(manifest)
    windows = -(-(num_tokens - 1) // window)
    found = length_of(windows, max(1, min(16, windows // 4)), 1)
    return replace(found, epochs=min(MOST_EPOCHS, max(1, round(GOOD_TOKENS / num_tokens))))


def _tokens(manifest: Manifest) -> tuple[int, int]:
    """The tokens of the training text, and those of a window: of music, in whole steps."""
    (field,) = manifest.fields.values()
    assert isinstance(field, TokensField)
    num_tokens = max(2, field.num_values.get("train", 0))
    window = min(LONGEST, num_tokens - 1)
    voices = len(field.voices) if isinstance(field, MusicField) else 1
    return num_tokens, max(1, window // voices) * voices

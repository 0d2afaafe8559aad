"""The first job file for texts with classes, numbers or other texts: what is unlike others."""

from distnet.data.manifest import Manifest

NETWORK = """\
# The network. Memory cells read a text word by word, from both ends, and so know the order of the
# words. Without weights from elsewhere they learn more from some thousand texts than attention.
# Next: more dropout if the training loss is far below that of the evaluation; kind: transformer
# from about a hundred thousand texts on.
# Others: transformer (attention), rnn (without cells), or your own class as ./mynet.py:MyNet.
network:
  kind: lstm
  width: 64                # numbers of the vector of a token
  hidden: 64               # cells in each direction
  dropout: 0.5             # part left out at random; raise it against overfitting
"""
GOOD_STEPS = 900
"""Updates after which the network has usually learned what there is; more make it overfit."""

PAIRS_NETWORK = """\
# The network. An encoder reads a text, and a decoder writes another one, token by token: attention
# finds for each new token the parts of the text that it comes from, wherever they stand.
# Next: more layers and width if the training loss stays high; a larger --vocabulary at the import.
# Others: your own class as ./mynet.py:MyNet.
network:
  kind: seq2seq-transformer
  width: 128               # more width and layers learn more, and take longer
  heads: 4                 # parts of each attention; width must be a multiple of them
  layers: 2                # of the encoder, and as many of the decoder
  dropout: 0.1             # part left out at random; raise it against overfitting
"""
PAIRS_TASK = """\
# The task: write y for x. Measured by BLEU. Later: distnet predict RUN --text "..."
task:
  kind: translate
"""
PAIRS_GOOD_STEPS = 2500
"""Updates after which the network has usually learned to translate short texts."""

STORIES_NETWORK = """\
# The network. A question at the end of a text looks up parts of the text, one after the other: an
# lstm forgets what was said long before the question.
# Next: more hops for answers that follow from several sentences.
# Others: lstm, transformer, or your own class as ./mynet.py:MyNet.
network:
  kind: memory
  width: 64                # numbers of the vector of a word
  hops: 3                  # parts that are looked up
  window: 6                # words before and behind each one that belong to its memory
  question: 8              # words at the end: the question
"""
STORIES_TASK = """\
# The task: choose the answer, one of those of the training.
task:
  kind: classify
  by: task                 # states the accuracy of each task of the data
"""
QUESTIONS_NETWORK = """\
# The network. It reads a text and a question, and marks where the answer begins and ends: an answer
# that stands in the text need not be made up. Few questions teach it little; thousands are usual.
# Next: more hidden for more questions, more dropout for fewer.
# Others: your own class as ./mynet.py:MyNet.
network:
  kind: reader
  width: 32                # numbers of the vector of a token
  hidden: 48               # cells in each direction
  dropout: 0.3             # part left out at random; raise it against overfitting
"""
QUESTIONS_TASK = """\
# The task: find the part of the text that answers the question.
task:
  kind: answer
  longest: 15              # tokens of an answer at most
"""
QUESTIONS_GOOD_STEPS = 400
"""Updates after which the reader has usually learned what there is in few texts."""


def has_texts(manifest: Manifest) -> bool:
    """Whether x is texts of any length."""
    x = manifest.fields.get("x")
    return x is not None and x.kind == "tokens" and not x.shape


def has_pairs(manifest: Manifest) -> bool:
    """Whether each text x has a text y, both of any length."""
    y = manifest.fields.get("y")
    return has_texts(manifest) and y is not None and y.kind == "tokens" and not y.shape


def has_stories(manifest: Manifest) -> bool:
    """Whether x is stories with questions, of one or several tasks."""
    task = manifest.fields.get("task")
    return has_texts(manifest) and task is not None and task.kind == "class"


def has_questions(manifest: Manifest) -> bool:
    """Whether samples are texts with questions, whose answers are parts of the texts."""
    kinds = {name: field.kind for name, field in manifest.fields.items()}
    return kinds.get("span") == "span" and {"context", "question", "text"} <= set(kinds)

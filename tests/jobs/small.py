"""How the tests make each job file small: one entry a file, in alphabetical order.

Its own settings stay as they are; these are `--set` texts on top of them. A dataset of a job file
that does not ship is made by `tests/jobs/datasets/<name>.py: make(folder)`.
"""

SMALL: dict[str, tuple[str, ...]] = {
    "babi-answers": ("train.steps=4", "train.batch_size=16", "evaluate.samples=40"),
    "breakout-dqn": (
        *("train.steps=4", "train.batch_size=8", "task.environments=1", "task.warmup=40"),
        *("task.frame_size=42", "network.kernels=[4,4,3]", "task.replay=400", "task.episodes=1"),
    ),
    "captions-translate": (
        *("train.steps=4", "train.batch_size=16", "network.width=16", "network.hidden=32"),
        "evaluate.samples=8",
    ),
    "cartpole-dqn": (
        *("train.steps=6", "train.batch_size=16", "task.environments=1", "task.warmup=60"),
        *("task.replay=400", "task.episodes=3"),
    ),
    "cells-detect": ("train.steps=4", "train.batch_size=4"),
    "chorales-gpt": ("train.steps=4", "network.width=32", "task.shown_tokens=8"),
    "cifar10-cnn": ("train.steps=4", "train.batch_size=16"),
    "digits": ("train.steps=6", "train.batch_size=24"),
    "digits-cnn": ("train.steps=4", "train.batch_size=16"),
    "digits-detect": (
        "train.steps=4",
        "train.batch_size=16",
        "data.view.samples={train: 64, test: 16}",
    ),
    "digits-diffusion": (
        *("train.steps=4", "train.batch_size=16", "network.channels=[8,16]"),
        *("task.steps=2", "evaluate.samples=16"),
    ),
    "digits-gan": (
        *("train.steps=4", "train.batch_size=16", "network.channels=8"),
        *("task.penalty_every=2", "evaluate.samples=16"),
    ),
    "digits-perceptron": ("train.steps=6", "train.batch_size=24"),
    "digits-segment": (
        "train.steps=4",
        "train.batch_size=8",
        "network.channels=4",
        "data.view.samples={train: 64, test: 8}",
    ),
    "emoji-diffusion": (
        *("train.steps=4", "train.batch_size=16", "network.channels=[8,16]"),
        *("task.steps=2", "evaluate.samples=16"),
    ),
    "flowers-finetune": ("train.steps=5", "train.batch_size=16"),
    "membrane-segment": (
        "train.steps=4",
        "train.batch_size=8",
        "network.channels=4",
        "data.view={kind: crops, size: 32, samples: 64}",
    ),
    "sentiment-lstm": ("train.steps=4", "train.batch_size=16"),
    "sentiment-rnn": ("train.steps=4", "train.batch_size=16"),
    "sentiment-transformer": ("train.steps=4", "train.batch_size=16"),
    "shakespeare-gpt": ("train.steps=4", "network.width=32", "task.prompts=[]"),
    "speech-digits": ("train.steps=4", "train.batch_size=16"),
    "speech-to-text": ("train.steps=4", "train.batch_size=12"),
}
"""Four to six steps on few samples: for a smoke, and for the same bits on 1, 2 and 3 workers."""

FALLS: dict[str, tuple[str, ...]] = {
    "babi-answers": ("train.steps=60",),
    "captions-translate": ("train.steps=60",),
    "cells-detect": ("train.steps=18",),
    "chorales-gpt": ("train.steps=30",),
    "cifar10-cnn": ("train.steps=60",),
    "digits": ("train.steps=90",),
    "digits-cnn": ("train.steps=30",),
    "digits-detect": ("train.steps=24",),
    "digits-diffusion": ("train.steps=60",),
    "digits-perceptron": ("train.steps=60",),
    "digits-segment": ("train.steps=30",),
    "emoji-diffusion": ("train.steps=60",),
    "flowers-finetune": ("train.steps=60",),
    "membrane-segment": ("train.steps=24",),
    "sentiment-lstm": ("train.steps=60",),
    "sentiment-rnn": ("train.steps=60",),
    "sentiment-transformer": ("train.steps=60",),
    "shakespeare-gpt": ("train.steps=30",),
    "speech-digits": ("train.steps=60",),
    "speech-to-text": ("train.steps=60",),
}
"""On top of `SMALL`: enough steps for the loss to fall."""

DOES_NOT_FALL: dict[str, str] = {
    "breakout-dqn": "the error is that of values which grow as they are learned",
    "cartpole-dqn": "the error is that of values which grow as they are learned",
    "digits-gan": "two players, of which each undoes what the other has gained",
}
"""The other job files, and why their loss says nothing of what was learned."""

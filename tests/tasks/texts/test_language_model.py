"""Language models: losses against torch's, texts with a cache against texts without."""

import math
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distnet.data.batch import Batch
from distnet.data.fields.tokens import TokensField
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest, Split
from distnet.data.opening import viewed
from distnet.data.samplers.sampler import SplitIndex
from distnet.data.samplers.shuffled.uniform import Uniform
from distnet.data.samples import Samples
from distnet.data.views.texts.pack import IGNORED, Pack
from distnet.errors import PartError
from distnet.networks.texts.gpt import GPT
from distnet.run_folder.figures import Curve, Texts
from distnet.tasks.task import Phase, Sampling, Task
from distnet.tasks.texts._generation import next_tokens
from distnet.tasks.texts.language_model import LanguageModel

TEXT = "a rose is a rose\nis a rose is a rose\nand so on and on it goes\n"
LENGTH = 8
LETTERS = tuple(sorted(set(TEXT)))


def windows(length: int = LENGTH, vocabulary: tuple[str, ...] = LETTERS) -> Manifest:
    field = TokensField(shape=(length,), vocabulary=vocabulary)
    fields = {"input": field, "target": field}
    splits = {"train": Split(num_samples=0, shards=())}
    return Manifest(name="poem", source="made in the test", fields=fields, splits=splits)


def gpt(length: int = LENGTH, *, seed: int = 0) -> GPT:
    torch.manual_seed(seed)
    network = GPT((length, len(LETTERS)), len(LETTERS), layers=2, heads=2, width=16)
    for weight in network.parameters():
        if weight.ndim == 2:
            nn.init.normal_(weight, std=0.3)  # so that it prefers some tokens
    return network.eval()


class Uncached(nn.Module):
    """The same network without a cache."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.network(tokens)
        return logits


def batch(num: int = 5) -> Batch:
    """Windows of which the last ends after three tokens."""
    generator = torch.Generator().manual_seed(3)
    tokens = torch.randint(0, len(LETTERS), (num, LENGTH + 1), generator=generator)
    target = tokens[:, 1:].clone()
    target[-1, 3:] = IGNORED
    return Batch({"input": tokens[:, :-1], "target": target})


def text(network: nn.Module, prompt: str, *, length: int = LENGTH, **sampling: Any) -> str:
    task = LanguageModel(windows(length))
    return "".join(task.generate({"network": network}, prompt, Sampling(**sampling)))


def test_loss_is_the_cross_entropy_of_torch_over_the_valid_tokens() -> None:
    network, samples = gpt(), batch()
    task: Task = LanguageModel(windows())

    loss = task.loss({"network": network}, samples, Phase(metrics=("accuracy",)))

    logits, target = network(samples.tensor("input")).flatten(0, 1), samples.tensor("target")
    assert loss.weights is not None
    torch.testing.assert_close(
        (loss.values * loss.weights).sum() / loss.weights.sum(),
        F.cross_entropy(logits, target.flatten(), ignore_index=IGNORED),
    )
    assert loss.weights.sum() == 5 * LENGTH - 5
    right, count = loss.metrics["accuracy"]
    assert right == (logits.argmax(1) == target.flatten()).sum()
    assert count == loss.weights.sum()


@torch.no_grad()
def test_measurements_of_parts_add_up_to_those_of_the_whole() -> None:
    network, samples = gpt(), batch()
    task = LanguageModel(windows())
    parts = [task.measure({"network": network}, samples.slice(*b)) for b in ((0, 2), (2, 5))]

    summary = task.summarise(parts[0].sums + parts[1].sums, [])

    logits = network(samples.tensor("input"))
    losses = F.cross_entropy(logits.transpose(1, 2), samples.tensor("target"), reduction="none")
    assert summary.metrics["loss"] == pytest.approx(float(losses.sum()) / 35, rel=1e-6)
    assert summary.metrics["perplexity"] == pytest.approx(math.exp(summary.metrics["loss"]))
    assert torch.cat([part.values for part in parts])[4] == pytest.approx(losses[4, :3].mean())
    (curve,) = summary.figures
    assert isinstance(curve, Curve)
    assert curve.series[0].x == tuple(range(1, LENGTH + 1))
    means = [losses[:, i].sum() / (5 if i < 3 else 4) for i in range(LENGTH)]
    assert curve.series[0].y == pytest.approx(torch.stack(means).tolist())


def test_every_token_of_a_text_weighs_the_same(tmp_path: Path) -> None:
    (tmp_path / "poem.txt").write_text(TEXT)
    manifest = import_dataset(tmp_path / "poem.txt", tmp_path / "poem", test_fraction=0)
    view = Pack(manifest, length=LENGTH)
    count = view.num_samples("train")
    sampler = Uniform(SplitIndex(count, 8, lambda _: np.empty(0)), None)
    samples = Samples(
        tmp_path / "poem",
        manifest,
        "train",
        memory_bytes=10**9,
        seed=None,
        view=view,
        sampler=sampler,
    )
    task: Task = LanguageModel(viewed(manifest, view))

    loss = task.loss({"network": gpt()}, samples.take(0, 0, count), Phase())

    samples.close()
    assert loss.weights is not None
    assert loss.weights.sum() == len(TEXT) - 1
    assert count * LENGTH > len(TEXT) - 1


@pytest.mark.parametrize("prompt", ["a", "rose is a rose is a rose"])
@pytest.mark.parametrize("sampling", [{"temperature": 0.0}, {"top_k": 5}, {"seed": 4}], ids=str)
def test_a_cache_changes_no_text_far_beyond_a_window(prompt: str, sampling: dict[str, Any]) -> None:
    network = gpt()

    found = text(network, prompt, tokens=60, **sampling)

    assert found == text(Uncached(network), prompt, tokens=60, **sampling)
    assert len(found) == 60


def test_a_network_with_a_cache_reads_each_token_once() -> None:
    network, read = gpt(16), list[int]()
    network.register_forward_pre_hook(lambda _, given: read.append(given[0].shape[1]))

    list(islice(next_tokens(network, [0] * 5, lambda _: 1, length=16), 12))

    assert read == [5] + [1] * 11


def test_texts_use_every_window_and_never_more_than_it() -> None:
    read = list[int]()

    class Counting(nn.Module):
        def forward(self, tokens: Tensor) -> Tensor:
            read.append(tokens.shape[1])
            return torch.zeros(1, tokens.shape[1], 2)

    list(islice(next_tokens(Counting(), [0] * 9, lambda _: 1, length=4), 6))

    assert read == [4, 3, 4, 3, 4, 3]


def test_a_seed_makes_one_text() -> None:
    network = gpt()

    by_seed = [text(network, "a", tokens=40, seed=seed) for seed in (0, 0, 1)]
    likeliest = text(network, "a", tokens=40, temperature=0)

    assert by_seed[0] == by_seed[1]
    assert by_seed[0] != by_seed[2]
    assert text(network, "a", tokens=40, top_k=1) == likeliest
    assert text(network, "a", tokens=40, temperature=1e-300) == likeliest
    assert text(network, "", tokens=40) == text(network, "\n", tokens=40)


def test_draws_follow_the_distribution_of_the_network() -> None:
    class Fixed(nn.Module):
        def forward(self, tokens: Tensor) -> Tensor:
            chances = torch.tensor([0.5, 0.3, 0.2] + [1e-9] * (len(LETTERS) - 3))
            return chances.log().expand(1, tokens.shape[1], -1)

        def parameters(self, recurse: bool = True) -> Any:
            return iter([nn.Parameter(torch.zeros(1))])

    found = text(Fixed(), "a", tokens=2000, temperature=1.0)
    shares = [found.count(letter) / 2000 for letter in LETTERS[:3]]
    assert shares == pytest.approx([0.5, 0.3, 0.2], abs=0.04)
    among_two = text(Fixed(), "a", tokens=2000, temperature=1.0, top_k=2)
    assert set(among_two) == set(LETTERS[:2])
    assert among_two.count(LETTERS[0]) / 2000 == pytest.approx(5 / 8, abs=0.04)


def test_what_cannot_be_continued_is_named() -> None:
    task, networks = LanguageModel(windows()), {"network": gpt()}
    without_lines = LanguageModel(windows(vocabulary=("a", "b")))

    with pytest.raises(ValueError, match=r"prompt: found 'X', .* 12 tokens .*: \\n adeg"):
        task.generate(networks, "a X", Sampling())
    with pytest.raises(ValueError, match=r"prompt: found '\\n'"):
        without_lines.generate(networks, "", Sampling())
    with pytest.raises(ValueError, match="'Q'"):
        LanguageModel(windows(), prompts=("Q",))
    for wrong in ({"tokens": 0}, {"temperature": -1.0}, {"temperature": math.nan}, {"top_k": 0}):
        with pytest.raises(ValueError, match="expected"):
            Sampling(**wrong)  # type: ignore[arg-type]


def test_data_and_networks_that_do_not_fit_are_named() -> None:
    data = windows()
    other = data.model_copy(update={"fields": {"tokens": TokensField(vocabulary=LETTERS)}})

    with pytest.raises(ValueError, match=r"found the fields tokens \(tokens\).*kind: pack"):
        LanguageModel(other)
    with pytest.raises(ValueError, match="'poem' has none"):
        LanguageModel(windows(vocabulary=()))
    task: Task = LanguageModel(data)
    with pytest.raises(PartError, match=r"Identity.forward.*\[5, 8, 12\] of logits"):
        task.loss({"network": nn.Identity()}, batch(), Phase())


def test_the_report_shows_how_prompts_are_continued() -> None:
    networks, samples = {"network": gpt()}, batch()
    own = LanguageModel(windows(), prompts=("a rose",), shown_tokens=20)
    torch.manual_seed(0)

    (shown,) = own.show(networks, lambda _: (samples, samples)).figures
    (of_windows,) = LanguageModel(windows()).show(networks, lambda n: (batch(n),) * 2).figures

    assert isinstance(shown, Texts)
    assert isinstance(of_windows, Texts)
    assert shown.captions == ("a rose",)
    assert [len(row) for row in shown.rows] == [20]
    assert len(of_windows.rows) == 3
    first = TokensField(vocabulary=LETTERS).decode(samples.tensor("input")[0].numpy())
    assert len(of_windows.captions[0]) == len(first)


def test_predictions_are_the_likeliest_next_tokens() -> None:
    network, samples = gpt(), batch()

    found = LanguageModel(windows()).predict({"network": network}, samples)

    chances = network(samples.tensor("input"))[:, -1].softmax(1)
    assert [one["token"] for one in found] == [LETTERS[i] for i in chances.argmax(1)]
    assert [one["probability"] for one in found] == pytest.approx(chances.amax(1).tolist())
    assert [len(one["top"]) for one in found] == [3] * 5


def test_pieces_are_whole_characters() -> None:
    class Bytes(TokensField):
        def decode(self, tokens: Any) -> str:
            return bytes(tokens.tolist()).decode("utf-8", "replace")

    class Words(TokensField):
        def decode(self, tokens: Any) -> str:
            return " ".join(self.vocabulary[token] for token in tokens)

    whole = "a\N{SNOWMAN}b\N{GRINNING FACE}"
    words = Words(vocabulary=("so", "it", "goes"))

    assert list(Bytes().stream(whole.encode())) == list(whole)
    assert list(words.stream([0, 1, 2])) == ["so", " it", " goes"]
    assert list(words.stream([1, 2], after=[0])) == [" it", " goes"]

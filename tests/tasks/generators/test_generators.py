"""The tasks `gan` and `diffusion`: their losses by hand, and images that can be made again."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from distnet.data.batch import Batch
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.image import ImageField
from distnet.data.fields.number import NumberField
from distnet.data.manifest import Manifest, Split
from distnet.networks.generators.denoiser import Denoiser
from distnet.networks.generators.gan import GAN
from distnet.tasks.generators._numbered import numbered_noise
from distnet.tasks.generators.diffusion import Diffusion
from distnet.tasks.generators.gan import Gan
from distnet.tasks.task import Networks, Phase
from distnet.train.compute.evaluate import Evaluation, Evaluator
from distnet.train.exchange.worker_group import WorkerGroup

SHAPE = (1, 8, 8)
Task = Gan | Diffusion


def data(target: Any = None) -> Manifest:
    fields = {"x": ImageField(shape=SHAPE, mean=(0.5,), std=(0.2,)), "y": target or CLASSES}
    splits = {"train": Split(num_samples=0, shards=())}
    return Manifest(name="toy", source="made in the test", fields=fields, splits=splits)


CLASSES = ClassField(classes=("a", "b", "c"))


def gan(**options: Any) -> tuple[Gan, Networks]:
    torch.manual_seed(0)
    task = Gan(data(), **options)
    network = GAN(*task.network_arguments, channels=8, noise=4)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    return task, {"network": network.eval()}


def diffusion(**options: Any) -> tuple[Diffusion, Networks]:
    torch.manual_seed(0)
    task = Diffusion(data(), steps=3, **options)
    network = Denoiser(*task.network_arguments, channels=(8, 16), patch=1)
    for parameter in network.parameters():
        if not parameter.any():  # blocks start as their shortcuts
            nn.init.normal_(parameter, std=0.1)
    return task, {"network": network.eval()}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small operations are slower on several threads, the more so on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


each_task = pytest.mark.parametrize("make", [gan, diffusion])


def images(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, *SHAPE), generator=generator, dtype=torch.uint8)


def batch(count: int) -> Batch:
    return Batch({"x": images(count) / 255, "y": torch.arange(count) % 3})


@each_task
@torch.no_grad()
def test_an_image_depends_on_its_seed_and_number_alone(make: Callable[[], tuple[Task, Networks]]):
    task, networks = make()
    together = task.sample(networks, 5, range(6)).int()
    apart = torch.cat([task.sample(networks, 5, [i]) for i in range(6)]).int()

    assert together.shape == (6, *SHAPE)
    assert (together - apart).abs().max() <= 1  # a sum of other order may round otherwise
    assert not torch.equal(together[0], together[1])
    assert not torch.equal(together, task.sample(networks, 6, range(6)).int())


class Stored:
    """An evaluation feed of random images."""

    length = 14

    def take(self, low: int, high: int, networks: Networks) -> Batch:  # noqa: ARG002
        return batch(self.length).slice(low, high)

    def close(self) -> None: ...


def evaluated(task: Task, networks: Networks, slices: int, batch_size: int) -> Evaluation:
    evaluator = Evaluator(
        Stored(), task, lambda b: b, WorkerGroup(), slices=slices, batch_size=batch_size
    )
    found = evaluator(networks)
    evaluator.close()
    return found


@each_task
def test_slices_and_batches_of_an_evaluation_make_the_same_images(
    make: Callable[[], tuple[Task, Networks]],
):
    task, networks = make()

    whole, cut = evaluated(task, networks, 1, 14), evaluated(task, networks, 3, 4)

    assert set(whole.metrics) == {"loss", "pixel_frechet_distance"}
    assert whole.metrics == pytest.approx(cut.metrics, rel=1e-3)
    assert whole.metrics["pixel_frechet_distance"] > 0


@each_task
@torch.no_grad()
def test_with_classes_an_image_depends_on_its_class(make: Callable[..., tuple[Task, Networks]]):
    task, networks = make(conditional=True)
    a, b, c = (task.sample(networks, 0, [4], of_class).int() for of_class in range(3))
    in_turn = task.sample(networks, 0, [3, 4, 5])[1].int()

    assert task.classes == ("a", "b", "c")
    assert not torch.equal(a, c)
    assert (in_turn - b[0]).abs().max() <= 1
    phase = getattr(task, "phases", (Phase(),))[0]
    assert task.loss(networks, batch(5), phase).values.shape == (5,)


@each_task
@torch.no_grad()
def test_classes_of_images_are_as_frequent_as_in_the_training(
    make: Callable[..., tuple[Task, Networks]], monkeypatch: pytest.MonkeyPatch
):
    counts = ClassField(classes=("a", "b", "c"), class_counts={"train": (0, 9, 3)})
    monkeypatch.setitem(globals(), "CLASSES", counts)
    task, networks = make(conditional=True)

    made = task.sample(networks, 0, range(40)).int()

    of_class = [task.sample(networks, 0, range(40), index).int() for index in range(3)]
    is_class = [((made - each).abs().amax((1, 2, 3)) <= 1).tolist() for each in of_class]
    assert [sum(each) for each in is_class] == [0, 31, 9]  # a quarter of 40 but for one
    alone = task.sample(networks, 0, [23]).int()
    assert (alone - made[23]).abs().max() <= 1


class Line(nn.Module):
    """A critic whose gradient is the same everywhere."""

    def forward(self, x: Tensor, classes: Tensor | None = None) -> Tensor:  # noqa: ARG002
        return 3 * x[:, 0, 0, 0] + 4 * x[:, 0, 1, 1]


def test_the_penalty_is_the_squared_gradient_at_real_images():
    task, networks = gan(penalty=0.5, penalty_every=8)
    networks["network"].critic = Line()
    penalty = next(phase for phase in task.phases if phase.name == "penalty")

    loss = task.loss(networks, batch(3), penalty)

    assert penalty.every == 8
    assert loss.values.tolist() == pytest.approx([8 * 0.5 / 2 * (3**2 + 4**2)] * 3)
    assert [phase.name for phase in Gan(data(), penalty=0).phases] == ["critic", "generator"]


class Knows(nn.Module):
    """A denoiser that sees one and the same image in all noise."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.image = nn.Parameter(image)

    def forward(self, x: Tensor, times: Tensor, classes: Any = None) -> Tensor:  # noqa: ARG002
        return self.image.expand_as(x)


@torch.no_grad()
def test_a_network_that_knows_the_image_has_no_loss_and_makes_it():
    task, image = Diffusion(data(), steps=4), images(1)
    networks = {"network": Knows(2 * (image / 255) - 1)}
    known = Batch({"x": (image / 255).expand(5, *SHAPE), "y": torch.zeros(5)})

    torch.manual_seed(0)
    assert task.loss(networks, known, Phase()).values.tolist() == pytest.approx([0] * 5, abs=1e-3)
    assert torch.equal(task.sample(networks, 0, range(3)), image.expand(3, *SHAPE))


class Halfway(nn.Module):
    """A denoiser that sees half of what it is given, and keeps the times."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.times = nn.Parameter(torch.tensor(0.5)), list[float]()

    def forward(self, x: Tensor, times: Tensor, classes: Any = None) -> Tensor:  # noqa: ARG002
        self.times.append(times[0].item())
        return x * self.scale


@torch.no_grad()
def test_images_follow_the_velocity_by_steps_of_heun():
    """dx/dt = (x / 2 - x) / (1 - t), whose steps are worked out by hand."""
    task, network = Diffusion(data(), steps=4), Halfway()
    noise = numbered_noise(3, [0, 1], SHAPE, network.scale)
    x, h = noise.double(), 0.25
    for step in range(3):
        slope = -x / 2 / (1 - step * h)
        ahead = -(x + h * slope) / 2 / (1 - (step + 1) * h)
        x = x + h / 2 * (slope + ahead)
    x = x / 2  # the last step ends at what the network sees

    found = task.sample({"network": network}, 3, [0, 1])

    assert network.times == [0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75]
    expected = ((x + 1) * 127.5).round().clamp(0, 255)
    assert (found.double() - expected).abs().max() <= 1


@torch.no_grad()
def test_the_loss_of_flow_matching_is_that_of_the_velocity():
    """Worked out from what the network is given: the velocity at t is image - noise."""
    task, network = Diffusion(data()), Halfway()
    known = batch(6)
    torch.manual_seed(0)
    loss = task.loss({"network": network}, known, Phase()).values
    torch.manual_seed(0)
    uniform = (torch.arange(6) / 6 + torch.rand(1)) % 1
    noise, images = torch.randn(6, *SHAPE), 2 * known.tensor("x") - 1
    times = torch.sigmoid(torch.distributions.Normal(0, 1).icdf(uniform) - 0.5)
    where = times[:, None, None, None]
    between = (1 - where) * noise + where * images
    velocity = (between / 2 - between) / (1 - where)

    assert times.max() < 0.95  # later, the time that is left counts as 0.05
    expected = (velocity - (images - noise)).square().mean((1, 2, 3))
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)


def test_the_losses_of_the_game_are_those_of_its_scores():
    task, networks = gan()
    network: Any = networks["network"]
    critic, *_, generator = task.phases
    losses = []
    for phase in (critic, generator):
        torch.manual_seed(4)
        losses.append(task.loss(networks, batch(5), phase))
    torch.manual_seed(4)
    made = network.critic(network.generator(torch.randn(5, network.noise)))
    real = network.critic(2 * batch(5).tensor("x") - 1)

    expected = -made.neg().sigmoid().log() - real.sigmoid().log()
    torch.testing.assert_close(losses[0].values, expected)
    torch.testing.assert_close(losses[1].values, -made.sigmoid().log())
    caught, count = losses[0].metrics["caught"]
    assert (caught.item(), count) == ((made < 0).sum().item(), 5)


def test_the_critic_may_be_updated_more_often():
    phases = Gan(data(), critic_updates=5).phases

    assert [(phase.name, phase.repeat) for phase in phases] == [
        ("critic", 5), ("penalty", 1), ("generator", 1),
    ]  # fmt: skip


@each_task
@torch.no_grad()
def test_a_report_shows_a_grid_and_a_strip(make: Callable[[], tuple[Task, Networks]]):
    task, networks = make()

    figures, arrays = task.show(networks, lambda _: (batch(1), batch(1)))

    assert [len(arrays[figure.array]) % figure.columns for figure in figures] == [0, 0]
    grid = arrays[figures[0].array]
    assert grid.shape == (64, *SHAPE)
    assert (
        grid[:5].astype(int) - task.sample(networks, 0, range(5)).numpy().astype(int)
    ).max() <= 1


@pytest.mark.parametrize("kind", [Gan, Diffusion])
def test_data_without_images_or_classes_is_refused(kind: Any):
    numbers = Manifest(
        name="toy",
        source="made in the test",
        fields={"x": NumberField(shape=(1,)), "y": CLASSES},
        splits={"train": Split(num_samples=0, shards=())},
    )
    with pytest.raises(ValueError, match="needs images of one size, but the inputs of 'toy' are"):
        kind(numbers)
    with pytest.raises(ValueError, match="conditional: true needs classes, and 'toy' has none"):
        kind(data(NumberField(shape=(1,))), conditional=True)

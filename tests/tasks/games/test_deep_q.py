"""Deep Q-learning: its samples, its error and its episodes, against what is worked out by hand."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ale_py
import gymnasium
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from distnet.data.batch import Batch
from distnet.errors import PartError, UnknownPartError
from distnet.launch.plan import make_plan
from distnet.spec.read import read_job_text
from distnet.spec.sections.job import Job
from distnet.tasks.games.deep_q import DeepQ
from distnet.tasks.games.play.atari import FIRE, Atari, Screen
from distnet.tasks.games.play.film import Film
from distnet.tasks.games.play.game import Environment
from distnet.tasks.games.play.replay import Replay, Returns, pack, unpack
from distnet.tasks.task import Phase

CARTPOLE = "CartPole-v1"
BREAKOUT = "ALE/Breakout-v5"
FIELDS = ("before", "action", "reward", "after", "keep", "weight")


class Linear(nn.Module):
    """Values that are easy to compute: the weight of each action times the first number seen."""

    def __init__(self, *weights: float) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights))

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :1] * self.weights


def replay_of(
    moves: Sequence[tuple[int, float, bool, bool]], *, rounds: int, num_steps: int, stack: int = 1
) -> Replay:
    """Of one game; each of `moves` is its frame and age, reward, end, and whether it was made."""
    shape, dtype, returns = (1,), np.dtype(np.float32), Returns(0.5, num_steps)
    replay = Replay(rounds, 1, shape, dtype, stack=stack, returns=returns)
    age = 0
    for number, reward, is_end, is_made in moves:
        replay.begin_round(np.full((1, 1), number), np.array([age]))
        action = np.array([number % 2])
        replay.end_round(action, np.array([reward]), np.array([is_end]), np.array([is_made]))
        age = age + 1 if is_made else 0
    return replay


def drawn(replay: Replay, size: int = 200) -> dict[float, dict[str, Any]]:
    """What is drawn, by the newest frame before the move."""
    torch.manual_seed(0)
    batch = replay.draw(size)
    rows = zip(*(batch.tensor(name).tolist() for name in FIELDS), strict=True)
    return {row[0][-1]: dict(zip(FIELDS, row, strict=True)) for row in rows}


def test_rewards_are_added_up_to_an_end_or_the_last_frame_of_an_episode() -> None:
    life = [(10, 1.0, False, True), (11, 2.0, True, True), (12, 4.0, False, True)]
    cut = [(13, 8.0, False, True), (14, 0.0, False, False)]  # no move from the last frame
    following = [(15, 16.0, False, True), (16, 32.0, False, True), (17, 64.0, False, True)]

    found = drawn(replay_of(life + cut + following, rounds=20, num_steps=3))

    assert sorted(found) == [10, 11, 12, 13, 14]  # for those after, rewards are still to come
    worth = {frame: (row["reward"], row["after"], row["keep"]) for frame, row in found.items()}
    assert worth[10] == (1 + 2 / 2, [12], 0)  # a lost life ends what counts, the game goes on
    assert worth[11] == (2, [12], 0)
    assert worth[12] == (4 + 8 / 2, [14], 0.25)  # an episode that was cut has a value at its end
    assert worth[13] == (8, [14], 0.5)
    assert {frame: row["weight"] for frame, row in found.items()} == {
        10: 1, 11: 1, 12: 1, 13: 1, 14: 0,
    }  # fmt: skip
    assert [found[frame]["action"] for frame in (10, 11, 12)] == [0, 1, 0]


def test_only_the_newest_moves_are_kept_and_stacks_stay_within_an_episode() -> None:
    first = [(number, 1.0, False, True) for number in range(6)]
    second = [(6, 0.0, True, False), *((number, 1.0, False, True) for number in range(7, 12))]

    found = drawn(replay_of(first + second, rounds=8, num_steps=1, stack=3))

    assert sorted(found) == [6, 7, 8, 9, 10]  # 4 and 5 lack the frames before them
    assert [found[frame]["before"] for frame in (7, 8, 9, 10)] == [
        [7, 7, 7], [7, 7, 8], [7, 8, 9], [8, 9, 10],
    ]  # fmt: skip


def test_a_replay_is_restored_from_its_bytes() -> None:
    moves = [(number, 1.0, False, True) for number in range(11)]
    replay = replay_of(moves, rounds=8, num_steps=1)
    other = replay_of([], rounds=8, num_steps=1)

    other.restore(unpack(pack(replay.arrays())), replay.count)

    assert drawn(other) == drawn(replay)


@pytest.mark.parametrize(("double", "error"), [(True, 4.5 - 3 - 0.5), (False, 0.5**3)])
def test_the_error_is_that_of_the_target_networks_value(double: bool, error: float) -> None:
    """The value is 4.5, expected is 1 + 0.5 * 4 or 1 + 0.5 * 6."""
    task = DeepQ(None, environment=CARTPOLE, double=double)
    networks = {"network": Linear(1.0, 3.0), "target": Linear(3.0, 2.0)}
    numbers = {"action": [1, 0], "weight": [1.0, 0.0], "return": [9.0, 0.0], "episodes": [2.0, 0]}
    seen = {"before": [[1.5], [1.0]], "after": [[2.0], [1.0]]}
    batch = Batch({
        **{name: torch.tensor(values) for name, values in {**numbers, **seen}.items()},
        "reward": torch.tensor([1.0, 0.0]),
        "keep": torch.tensor([0.5, 0.5]),
    })  # fmt: skip

    loss = task.loss(networks, batch, Phase())

    assert loss.values[0].item() == pytest.approx(error)
    assert loss.weights is not None
    assert loss.weights.tolist() == [1, 0]
    assert [float(number) for number in loss.metrics["return"]] == [9, 2]
    assert [float(number) for number in loss.metrics["value"]] == [4.5, 1]


def job_of(**task: Any) -> Job:
    options = "".join(f", {key}: {value}" for key, value in task.items())
    text = f"""
name: play
network: {{kind: mlp}}
task: {{kind: deep-q, environment: {CARTPOLE}, episodes: 20{options}}}
data: {{source: null}}
train: {{steps: 4, batch_size: 8, slices: 2, seed: 5}}
"""
    return read_job_text(text).job


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))


def test_an_episode_depends_on_seed_and_number_alone() -> None:
    task, networks = (
        DeepQ(None, environment=CARTPOLE, evaluation_epsilon=0.3),
        {"network": network()},
    )
    feed = task.evaluation_feed(job_of())

    whole = feed.take(0, 20, networks)
    parts = [feed.take(low, high, networks) for low, high in ((13, 20), (0, 5), (5, 13))]

    joined = parts[1].joined(parts[2]).joined(parts[0])
    assert whole.tensor("return").tolist() == joined.tensor("return").tolist()
    assert torch.equal(whole.tensor("return"), whole.tensor("moves"))  # 1 for each move
    assert len(set(whole.tensor("return").tolist())) > 5
    again = [episode.returned for episode in task.play(networks, seed=5, episodes=20)]
    assert again == whole.tensor("return").tolist()


def test_an_evaluation_is_summed_up() -> None:
    task = DeepQ(None, environment=CARTPOLE)
    batch = Batch({"return": torch.tensor([3.0, 9.0, 6.0]), "moves": torch.tensor([3.0, 9.0, 7.0])})
    measured = task.measure({}, batch)

    summary = task.summarise(measured.sums, [measured.collected])

    assert summary.metrics == {"loss": -6.0, "return": 6.0, "moves": pytest.approx(19 / 3)}
    curve, table = summary.figures
    assert curve.series[0].y == (3, 6, 9)  # type: ignore[attr-defined]
    assert [row[0] for row in table.rows if row[1] == 6] == ["mean", "median"]  # type: ignore[attr-defined]


def slice_of(task: DeepQ, job: Job, net: nn.Module, *, num_takes: int) -> tuple[Any, list[Batch]]:
    feed, taken = task.feed(job), []
    for step in range(num_takes):
        torch.manual_seed(step)
        taken.append(feed.take(step, 1, 0, {"network": net}))
    return feed, taken


@pytest.mark.parametrize("environment", [CARTPOLE, BREAKOUT])
def test_a_slice_goes_on_in_the_middle_of_an_episode(environment: str) -> None:
    options = {"environment": environment, "environments": 1, "warmup": 40, "replay": 90}
    task, job = DeepQ(None, frame_size=20, n_steps=2, moves=7, **options), job_of()
    (channels, *_), num_actions = task.network_arguments
    size = channels * (400 if environment == BREAKOUT else 1)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(size, num_actions))

    one, _ = slice_of(task, job, net, num_takes=9)
    other = task.feed(job)
    other.restore(1, one.state(1))
    batches = []
    for feed in (one, other):
        torch.manual_seed(99)
        batches.append(feed.take(9, 1, 0, {"network": net}))

    for name in batches[0].fields:
        assert torch.equal(batches[0].tensor(name), batches[1].tensor(name)), name
    assert one.state(1) == other.state(1)


class AreaResize:
    """What gymnasium uses of OpenCV: each pixel is the mean over its area, in exact arithmetic."""

    INTER_AREA = 3

    def resize(self, pixels: Any, size: tuple[int, int], interpolation: int = INTER_AREA) -> Any:  # noqa: ARG002
        down, across = (self._shares(*pair) for pair in zip(pixels.shape, size, strict=True))
        return np.rint(down @ pixels @ across.T).astype(np.uint8)

    @staticmethod
    def _shares(old: int, new: int) -> Any:
        """The part of each of `old` pixels in each of `new` ones, [new, old]."""
        edges = np.arange(new + 1) * old / new
        upper, lower = np.minimum(edges[1:, None], np.arange(1, old + 1)), edges[:-1, None]
        return np.clip(upper - np.maximum(lower, np.arange(old)), 0, None) * new / old


def test_what_is_seen_of_atari_is_the_brightest_of_the_last_two_frames() -> None:
    game = Atari(BREAKOUT, Screen(size=84, skip=4, sticky=0.0, life_ends=True))
    emulator = ale_py.ALEInterface()
    emulator.setInt("random_seed", 0)
    emulator.setFloat("repeat_action_probability", 0.0)
    emulator.loadROM(ale_py.roms.get_rom_path("breakout"))
    for action in (ale_py.Action.FIRE, ale_py.Action.RIGHT):
        screens = []
        for _ in range(4):
            emulator.act(action)
            screens.append(emulator.getScreenGrayscale())

    game.begin(3)
    moved = game.move(2)

    brightest = np.maximum(screens[2], screens[3])
    assert np.array_equal(moved.frame[0], AreaResize().resize(brightest, (84, 84)))
    assert np.array_equal(game.picture(), np.moveaxis(emulator.getScreenRGB(), -1, 0))


def test_atari_is_the_same_for_a_seed_and_differs_by_it() -> None:
    game = Atari(BREAKOUT, Screen(size=20))

    def play(seed: int) -> list[tuple[float, bool, float]]:
        game.begin(seed)
        moved = [game.move(move % 4) for move in range(120)]
        return [(each.reward, each.is_end, float(each.frame.sum())) for each in moved]

    one, other, again = play(1), play(2), play(1)

    assert one == again
    assert one != other
    assert any(is_end for _, is_end, _ in one)  # a lost life


OWN_GAME = """
import gymnasium
import numpy as np


class Count(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(0, 9, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2, start=3)

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.full(1, action, np.float32), 1.0, action == 4, False, {}


gymnasium.register("Count-v0", Count)
"""


def test_a_game_of_a_module_is_played_from_its_first_action(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_games.py").write_text(OWN_GAME)
    monkeypatch.syspath_prepend(tmp_path)

    game = Environment("own_games:Count-v0")
    game.begin(0)

    assert game.num_actions == 2
    assert [(m.frame.item(), m.is_end) for m in map(game.move, (0, 1))] == [(3, False), (4, True)]


def test_atari_is_seen_as_by_the_preprocessing_of_gymnasium(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Frames, rewards and lost lives; gymnasium's own is given FIRE where ours presses it."""
    monkeypatch.setitem(sys.modules, "cv2", AreaResize())  # type: ignore[arg-type]
    game = Atari(BREAKOUT, Screen(size=84, skip=4, sticky=0.0, life_ends=True))
    raw = gymnasium.make(
        BREAKOUT, frameskip=1, repeat_action_probability=0.0, disable_env_checker=True
    )
    other = gymnasium.wrappers.AtariPreprocessing(raw, noop_max=0)
    other.reset(seed=0)
    game.begin(0)
    other.step(FIRE)
    lives, rewards, num_lost = 5, 0.0, 0
    for move in np.random.default_rng(0).integers(4, size=200).tolist():
        expected, reward, is_over, *_ = other.step(move)
        is_lost, lives = other.ale.lives() < lives, other.ale.lives()
        if is_lost and not is_over:
            expected, *_ = other.step(FIRE)
        moved = game.move(move)

        assert np.abs(moved.frame[0].astype(int) - expected).max() <= 1  # rounded otherwise
        assert (moved.reward, moved.is_end, moved.is_over) == (reward, is_lost, is_over)
        rewards, num_lost = rewards + moved.reward, num_lost + is_lost
        if is_over:
            break

    assert rewards > 0
    assert num_lost > 1


def test_random_moves_become_fewer_until_a_step() -> None:
    rules = DeepQ(None, environment=CARTPOLE, epsilon_end=0.1, epsilon_steps=900)._rules

    found = [rules.randomness(step) for step in (0, 300, 899, 900, 5000)]

    assert found == pytest.approx([1.0, 0.7, 0.1 + 0.9 / 900, 0.1, 0.1])


def test_each_move_of_a_replay_is_drawn_as_often() -> None:
    """After three times its size: 12 kept rounds, of which one cannot be drawn yet."""
    replay = replay_of([(number, 1.0, False, True) for number in range(36)], rounds=12, num_steps=1)
    torch.manual_seed(0)

    drawn = replay.draw(22_000).tensor("before")[:, 0].long()

    counts = torch.bincount(drawn)
    assert drawn.unique().tolist() == list(range(24, 35))
    assert (counts[24:] - 2000).abs().max() < 5 * 2000**0.5  # five standard deviations


def test_an_export_computes_the_values_of_what_is_seen() -> None:
    task = DeepQ(None, environment=BREAKOUT, frame_size=20, replay=400)
    shape, num_actions = task.network_arguments
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(1600, num_actions))

    given = task.exportable({"network": net}, 5)

    (seen,) = given.inputs.values()
    assert (seen.shape, seen.dtype) == ((5, *shape), torch.float32)
    assert seen.max() > 100
    assert torch.equal(given.network(seen), net(seen / 255))


@pytest.mark.parametrize(
    ("num", "moves"),
    [(0, []), (1, [0]), (3, [0, 1, 2]), (100, [0, 32, 64, 99]), (500, [0, 160, 320, 499])],
)
def test_a_film_has_pictures_at_about_equal_distances(num: int, moves: list[int]) -> None:
    film = Film(4)
    for number in range(num):
        film.add(np.full((1, 1, 1), number % 256, np.uint8), number / 2)

    pictures, captions = film.shown()

    assert [int(picture[0, 0, 0]) for picture in pictures] == [move % 256 for move in moves]
    assert captions == tuple(f"move {move}\nreturn {move / 2:g}" for move in moves)


def test_a_cart_is_drawn_where_it_is() -> None:
    game = Environment(CARTPOLE)
    game.begin(0)

    picture = game.picture()

    assert picture is not None
    ink = np.argwhere((picture == 40).all(0))
    columns = ink[ink[:, 0] == 95][:, 1]  # a row of pixels through the cart
    assert columns.mean() == pytest.approx(90, abs=3)
    game.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("environment: CartPol-v1", r"environment CartPol-v1: .*CartPole"),
        ("environment: ALE/Breakot-v5", r"environment ALE/Breakot-v5: .*Breakout"),
        ("environment: CartPole", r"environment CartPole: .*did you mean CartPole-v1\?"),
        ("environment: Breakout", r"environment Breakout: .*did you mean ALE/Breakout-v5\?"),
        ("environment: LunarLander-v3", r"LunarLander-v3: Box2D is not installed.*pip install"),
        ("environment: 'nogames:X-v0'", r"environment nogames:X-v0: No module named 'nogames'"),
        ("environment: Pendulum-v1", r"Pendulum-v1 has the moves Box.*expected a choice among"),
    ],
)
def test_an_environment_that_cannot_be_played_is_refused(change: str, message: str) -> None:
    text = f"""
name: play
network: {{kind: mlp}}
task: {{kind: deep-q, {change}}}
data: {{source: null}}
"""
    with pytest.raises(Exception, match=message) as refused:
        make_plan(read_job_text(text))
    assert not isinstance(refused.value, PartError)


@pytest.mark.parametrize(
    ("module", "environment"), [("gymnasium", CARTPOLE), ("ale_py", BREAKOUT)], ids=str
)
def test_a_package_that_is_missing_is_named_with_its_extra(
    module: str, environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # type: ignore[arg-type]

    with pytest.raises(
        UnknownPartError, match=rf"{module}, which is not .*pip install 'distnet\[play\]'"
    ):
        DeepQ(None, environment=environment)

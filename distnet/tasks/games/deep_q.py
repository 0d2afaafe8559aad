"""Deep Q-learning: the value of each action in a game, learned from what was played.

Every slice plays environments of its own and keeps what was played; a step lets it play a little
more, and corrects the network on moves drawn from there. The network that learned is measured by
whole episodes.

Source: Mnih et al. 2015, "Human-level control through deep reinforcement learning"; van Hasselt,
Guez and Silver 2016 (double Q-learning).
"""

from collections.abc import Iterator, Sequence
from statistics import median, pstdev
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from distnet.data.batch import Batch
from distnet.data.manifest import Manifest
from distnet.run_folder.figures import Curve, Figure, Images, Series, Table
from distnet.spec.metric import Metric
from distnet.spec.plural import counted
from distnet.spec.sections.job import Job
from distnet.spec.sections.section import Fraction, PositiveInt
from distnet.tasks.games.play.atari import Screen
from distnet.tasks.games.play.episodes import Episodes, Player
from distnet.tasks.games.play.film import Film
from distnet.tasks.games.play.playing import Playing, random_observations
from distnet.tasks.games.play.replay import Returns
from distnet.tasks.games.play.rules import Rules, is_atari
from distnet.tasks.games.play.seen import FromSeen, as_input
from distnet.tasks.task import (
    NETWORK,
    Episode,
    Exportable,
    FirstSamples,
    Loss,
    Measured,
    Networks,
    Phase,
    Shadow,
    Shown,
    Summary,
    Watch,
)

__all__ = ("DeepQ",)

TARGET = "target"
GAME, NUM_SHOWN = "game", 12
Share = Annotated[float, Field(ge=0, le=1)]


class DeepQ:
    """A temporal-difference error towards a target network that is copied now and then.

    The network's constructor takes the shape of an observation and the number of actions. Moves,
    replay and warm-up are counted over all slices; a checkpoint holds the whole replay, compressed.

    Args:
        environment: the name of an environment of gymnasium with a few actions to choose from,
            such as CartPole-v1, or of a game of Atari, such as ALE/Breakout-v5.
        discount: what a reward is worth one move later.
        n_steps: the rewards that are added up before the value of what is seen then.
        double: let the network choose the action whose value the target network gives.
        environments: the games that each slice plays side by side.
        moves: the moves of each game in a step.
        replay: the moves that are kept.
        warmup: random moves before the first update.
        epsilon_start: the part of the moves that is random at first.
        epsilon_end: that part later.
        epsilon_steps: the steps in which it falls to that.
        target_every: the steps between two copies to the target network.
        error: `huber`, whose slope is at most 1 (Mnih et al. 2015), or `squared`.
        clip_rewards: count each reward as -1, 0 or 1.
        frame_size: of Atari: rows and columns of what is seen, in grey.
        frame_stack: of Atari: the frames of an observation.
        frame_skip: of Atari: the frames of the emulator that an action is held for.
        sticky: of Atari: the probability that such a frame repeats the action before.
        life_ends: of Atari: a lost life is an end for what a move is worth.
        steps_per_epoch: the steps between two evaluations.
        episodes: the episodes of an evaluation.
        evaluation_epsilon: the part of the moves that is random in an evaluation.
    """

    metrics = (Metric("return", "number", "higher"), Metric("moves", "number", "higher"))
    phases = (Phase(metrics=("value", "return")),)
    collects = True

    def __init__(
        self,
        data: Manifest | None,
        *,
        environment: str,
        discount: Fraction = 0.99,
        n_steps: PositiveInt = 1,
        double: bool = True,
        environments: PositiveInt = 1,
        moves: PositiveInt = 1,
        replay: PositiveInt = 100_000,
        warmup: PositiveInt = 1000,
        epsilon_start: Share = 1.0,
        epsilon_end: Share = 0.05,
        epsilon_steps: PositiveInt = 1000,
        target_every: PositiveInt = 500,
        error: Literal["huber", "squared"] = "huber",
        clip_rewards: bool = False,
        frame_size: PositiveInt = 84,
        frame_stack: PositiveInt = 4,
        frame_skip: PositiveInt = 4,
        sticky: Fraction = 0.25,
        life_ends: bool = True,
        steps_per_epoch: PositiveInt = 1000,
        episodes: PositiveInt = 100,
        evaluation_epsilon: Share = 0.0,
    ) -> None:
        if data is not None:
            raise ValueError("deep-q plays its own samples; set data.source to null")
        self._rules = Rules(
            environment,
            screen=Screen(frame_size, frame_skip, sticky, life_ends),
            stack=frame_stack if is_atari(environment) else 1,
            clips=clip_rewards,
            returns=Returns(discount, n_steps),
            games=environments,
            moves=moves,
            replay=replay,
            warmup=warmup,
            epsilon=(epsilon_start, epsilon_end, epsilon_steps),
        )
        self.shadows = (Shadow(TARGET, every=target_every),)
        self._is_double, self._is_squared = double, error == "squared"
        self._steps_per_epoch = steps_per_epoch
        self._episodes, self._epsilon = episodes, evaluation_epsilon
        game = self._rules.open()
        channels, *rest = game.shape
        self._arguments = (channels * self._rules.stack, *rest), game.num_actions
        game.close()

    @property
    def network_arguments(self) -> tuple[Any, ...]:
        """The shape of an observation, and the number of actions."""
        return self._arguments

    def feed(self, job: Job) -> Playing:
        """What the slices play and keep."""
        return Playing(self._rules, job, self._steps_per_epoch)

    def evaluation_feed(self, job: Job) -> Episodes:
        """Whole episodes, each from a seed of its own."""
        return Episodes(self._rules, job.train.seed, self._episodes, self._epsilon)

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:  # noqa: ARG002
        """The error of each value."""
        before, after = (as_input(batch.tensor(name)) for name in ("before", "after"))
        action, weight = batch.tensor("action"), batch.tensor("weight")
        value = networks[NETWORK](before).gather(1, action[:, None])[:, 0].float()
        with torch.no_grad():
            expected = batch.tensor("reward") + batch.tensor("keep") * self._best(networks, after)
        error = functional.mse_loss if self._is_squared else functional.smooth_l1_loss
        losses = error(value, expected, reduction="none")
        returned = batch.tensor("return").sum(), batch.tensor("episodes").sum()
        metrics = {"value": ((value.detach() * weight).sum(), weight.sum()), "return": returned}
        return Loss(losses, weight, metrics)

    def measure(self, networks: Networks, batch: Batch) -> Measured:  # noqa: ARG002
        """Add up returns and moves, and collect both of each episode."""
        returned, moves = batch.tensor("return"), batch.tensor("moves")
        both = torch.stack([returned, moves], 1).double()
        sums = torch.cat([both.sum(0), both.new_tensor([len(both)])])
        return Measured(sums, -returned, both.cpu().numpy().tobytes())

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:
        """The mean return and length; the loss is the return with the other sign."""
        returned, moves = (sums[:2] / sums[2]).tolist()
        both = np.frombuffer(b"".join(collected), np.float64).reshape(-1, 2)
        metrics = {"loss": -returned, "return": returned, "moves": moves}
        return Summary(metrics, _figures(both))

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        """The best action, and the value of each."""
        values = networks[NETWORK](as_input(batch.tensor("before"))).float()
        return [{"action": int(one.argmax()), "values": one.tolist()} for one in values]

    def play(
        self, networks: Networks, *, seed: int, episodes: int, watch: Watch | None = None
    ) -> Iterator[Episode]:
        """Play as in an evaluation with this seed; `watch` sees the first episode."""
        player = Player(self._rules, seed, self._epsilon)
        try:
            yield from player.play(networks[NETWORK], 0, episodes, watch)
        finally:
            player.close()

    def show(self, networks: Networks, first: FirstSamples) -> Shown:  # noqa: ARG002
        """Some pictures of one game."""
        film = Film(NUM_SHOWN)
        list(self.play(networks, seed=0, episodes=1, watch=film.add))
        pictures, captions = film.shown()
        if not pictures:
            return Shown(())
        return Shown((Images("One game", GAME, captions),), {GAME: np.stack(pictures)})

    def exportable(self, networks: Networks, num: int) -> Exportable:
        """The value of each action, of observations as the game shows them."""
        seen = random_observations(self._rules, num)
        is_pixels = seen.dtype == torch.uint8
        what = "pixels from 0 to 255, the oldest frame first" if is_pixels else "as the game has it"
        return Exportable(
            FromSeen(networks[NETWORK], is_pixels=is_pixels),
            {"observations": seen.float()},
            "values",
            {"observations": what, "values": "the value of each action; the largest is played"},
        )

    def _best(self, networks: Networks, after: Tensor) -> Tensor:
        """[n]: the value of the best action then."""
        values: Tensor = networks[TARGET](after).float()
        if not self._is_double:
            return values.amax(1)
        chosen = networks[NETWORK](after).argmax(1, keepdim=True)
        return values.gather(1, chosen)[:, 0]


def _figures(both: NDArray[np.float64]) -> tuple[Figure, ...]:
    """The returns and lengths [n, 2] of all episodes, from the worst to the best."""
    returned, moves = both.T.tolist()
    share = tuple((index + 1) / len(both) for index in range(len(both)))
    series = (Series("return", share, tuple(sorted(returned))),)
    label = "part of the episodes"
    rows = tuple((name, value(returned), value(moves)) for name, value in STATISTICS.items())
    return (
        Curve("Returns, from the lowest to the highest", label, "return", series),
        Table(counted(len(both), "episode"), ("", "return", "moves"), rows),
    )


STATISTICS: dict[str, Any] = {
    "mean": np.mean,
    "standard deviation": pstdev,
    "lowest": min,
    "median": median,
    "highest": max,
}

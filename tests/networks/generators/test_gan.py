"""The two networks of a GAN."""

import pytest
import torch

from distnet.networks.generators.gan import GAN


@pytest.mark.parametrize(("shape", "classes"), [((1, 28, 28), 0), ((3, 32, 16), 5)], ids=str)
def test_generator_and_critic_fit_each_other(shape: tuple[int, int, int], classes: int):
    network = GAN(shape, classes, noise=7, channels=4)
    known = torch.eye(5)[:3] if classes else None

    made = network.generator(torch.randn(3, 7), known)
    scores = network.critic(made, known)

    assert made.shape == (3, *shape)
    assert made.abs().max() <= 1
    assert scores.shape == (3,)
    gradients = torch.autograd.grad(scores.sum(), list(network.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_a_score_depends_on_one_image_alone():
    network, images = GAN((1, 8, 8), 0, channels=4), torch.randn(6, 1, 8, 8)

    torch.testing.assert_close(network.critic(images)[:1], network.critic(images[:1]))


def test_sides_that_cannot_be_halved_twice_are_refused():
    with pytest.raises(ValueError, match="divided by 4, but the data has 28 x 30 pixels"):
        GAN((1, 28, 30), 0)

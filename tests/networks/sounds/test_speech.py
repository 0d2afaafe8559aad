"""Networks for speech: mel bands by their formula, and recordings that do not see each other."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from distnet.data.batch import Ragged
from distnet.networks.sounds._mel import LogMel, mel_filters
from distnet.networks.sounds.crnn import CRNN
from distnet.networks.sounds.crnn_frames import CRNNFrames

RATE = 8000


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small operations are slower on several threads, the more so on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


LENGTHS = (1, 79, 80, 1148, 2311, 6001)
"""Of no whole frame, around one frame, and of words."""


def sounds(*lengths: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(-9000, 9000, (n,), generator=generator).short() for n in lengths]


def test_corners_of_the_bands_are_equally_far_apart_in_mel() -> None:
    # 4000 Hz are 2595 log10(1 + 4000 / 700) = 2146.0643 mel, cut into four.
    filters = mel_filters(RATE, 8000, 3).double()  # a frequency is 1 Hz
    corners = [700 * (10 ** (2146.0643 * i / 4 / 2595) - 1) for i in range(5)]
    assert corners[1:4] == pytest.approx([426.80, 1113.84, 2219.76], abs=0.01)
    for band, (low, middle, high) in enumerate(
        zip(corners, corners[1:], corners[2:], strict=False)
    ):
        weights = filters[:, band]
        assert int(weights.argmax()) == round(middle)
        frequencies = weights.nonzero().flatten()
        assert frequencies.min() >= low
        assert frequencies.max() <= high
        half = round((low + middle) / 2)
        assert float(weights[half]) == pytest.approx((half - low) / (middle - low), abs=1e-6)


def test_frames_are_those_of_a_fourier_transform_written_out() -> None:
    mel, (sound,) = LogMel(RATE, 20), sounds(1000)
    bands, num_frames = mel(Ragged.of([sound]))
    assert num_frames.tolist() == [13]
    padded = np.pad(sound.numpy() / 32768, 128)
    window = np.pad(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(200) / 200), 28)
    energies = np.stack(
        [np.abs(np.fft.rfft(padded[80 * t : 80 * t + 256] * window)) ** 2 for t in range(13)]
    )
    expected = np.log(energies @ mel.filters.numpy().astype(float) + 1e-6)
    expected = (expected - expected.mean()) / expected.std()
    np.testing.assert_allclose(bands[0].numpy(), expected, atol=2e-4)


def test_a_tone_is_loudest_in_its_band_however_loud_it_is() -> None:
    mel, time = LogMel(RATE, 20), np.arange(4000) / RATE
    tone = np.sin(2 * np.pi * 1000 * time)
    loud, quiet = (torch.from_numpy((v * tone).astype(np.int16)) for v in (20_000, 1000))
    bands, _ = mel(Ragged.of([loud, quiet]))
    middle = bands[:, 25]
    assert middle.argmax(1).tolist() == [int(mel.filters[32].argmax())] * 2  # 32 * 31.25 Hz


@pytest.mark.parametrize(
    "network", [CRNN((RATE,), 5), CRNNFrames((RATE,), 5)], ids=["one", "frames"]
)
def test_a_recording_is_heard_the_same_beside_others_of_any_length(
    network: CRNN | CRNNFrames,
) -> None:
    network.eval()
    parts = sounds(*LENGTHS)
    with torch.no_grad():
        together = network(Ragged.of(parts))
        alone = [network(Ragged.of([part])) for part in parts]
    for index, one in enumerate(alone):
        if isinstance(together, Ragged):
            assert isinstance(one, Ragged)
            assert one.lengths.tolist() == [together.lengths[index].item()]
            torch.testing.assert_close(together.split()[index], one.values, atol=1e-5, rtol=1e-4)
        else:
            torch.testing.assert_close(together[index : index + 1], one, atol=1e-5, rtol=1e-4)


def test_a_frame_of_outputs_is_40_ms() -> None:
    outputs = CRNNFrames((RATE,), 5)(Ragged.of(sounds(*LENGTHS)))
    assert outputs.lengths.tolist() == [1, 1, 1, 4, 8, 19]  # of 10 ms: 1, 1, 2, 15, 29, 76
    assert outputs.values.shape == (34, 5)


@pytest.mark.parametrize("cls", [CRNN, CRNNFrames])
def test_every_parameter_gets_a_gradient_that_padding_does_not_change(
    cls: type[CRNN | CRNNFrames],
) -> None:
    torch.manual_seed(0)
    network = cls((RATE,), 5, dropout=0.0, channels=(4, 8), hidden=8)
    parts = sounds(1200, 4000)

    def gradients(groups: list[list[torch.Tensor]]) -> list[torch.Tensor]:
        outputs = [network(Ragged.of(group)) for group in groups]
        total = sum(((o.values if isinstance(o, Ragged) else o) ** 2).sum() for o in outputs)
        return list(torch.autograd.grad(total, list(network.parameters())))

    together, apart = gradients([parts]), gradients([[part] for part in parts])
    assert all(g.abs().sum() > 0 for g in together)
    for one, other in zip(together, apart, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)


def test_inputs_that_are_no_sound_are_refused() -> None:
    with pytest.raises(ValueError, match=r"recordings of shape \(sample_rate,\).*\(1, 28, 28\)"):
        CRNN((1, 28, 28), 10)

import pytest
import torch

from distnet.data.batch import Batch, Ragged

SENTENCES = [torch.tensor(tokens) for tokens in ([5, 6, 7], [], [8], [9, 10])]


@pytest.fixture
def ragged() -> Ragged:
    return Ragged.of([sentence.long() for sentence in SENTENCES])


def test_ragged_counts_samples_and_splits_into_them(ragged: Ragged) -> None:
    assert len(ragged) == 4
    assert ragged.lengths.tolist() == [3, 0, 1, 2]
    assert [part.tolist() for part in ragged.split()] == [[5, 6, 7], [], [8], [9, 10]]
    assert ragged.offsets.tolist() == [0, 3, 3, 4, 6]
    assert ragged.sample_of_value.tolist() == [0, 0, 0, 2, 3, 3]


@pytest.mark.parametrize(("low", "high"), [(0, 4), (1, 3), (2, 2), (3, 9), (3, 1)])
def test_ragged_slices_as_a_list_does(ragged: Ragged, low: int, high: int) -> None:
    parts = ragged.slice(low, high).split()
    expected = SENTENCES[low:high]
    assert [part.tolist() for part in parts] == [part.tolist() for part in expected]


def test_ragged_selects_samples_in_any_order(ragged: Ragged) -> None:
    chosen = ragged.select(torch.tensor([3, 1, 0, 3]))
    assert [part.tolist() for part in chosen.split()] == [[9, 10], [], [5, 6, 7], [9, 10]]
    assert len(ragged.select(torch.tensor([], dtype=torch.int64))) == 0


def test_ragged_is_padded_with_a_mask(ragged: Ragged) -> None:
    assert ragged.padded(-1).tolist() == [[5, 6, 7], [-1, -1, -1], [8, -1, -1], [9, 10, -1]]
    assert ragged.mask().sum(1).tolist() == ragged.lengths.tolist()


def test_ragged_keeps_further_dimensions() -> None:
    boxes = Ragged(torch.arange(12.0).view(3, 4), torch.tensor([2, 1]))
    assert boxes.select(torch.tensor([1])).values.tolist() == [[8.0, 9.0, 10.0, 11.0]]
    assert boxes.padded().shape == (2, 2, 4)


def test_batch_slices_all_forms_of_columns_together(ragged: Ragged) -> None:
    images = [torch.zeros(3, side, 4) for side in range(1, 5)]
    batch = Batch({"x": torch.arange(4), "words": ragged, "photo": images})

    part = batch.slice(1, 3).to("cpu")

    assert (len(batch), len(part)) == (4, 2)
    assert part.tensor("x").tolist() == [1, 2]
    assert part.ragged("words").lengths.tolist() == [0, 1]
    assert [image.shape[1] for image in part["photo"]] == [2, 3]


def test_batch_with_another_column_leaves_the_first_as_it_was(ragged: Ragged) -> None:
    batch = Batch({"x": torch.arange(4)})
    more = batch.with_(x=torch.ones(4), words=ragged)
    assert batch.tensor("x").tolist() == [0, 1, 2, 3]
    assert list(batch.fields) == ["x"]
    assert list(more.fields) == ["x", "words"]


def test_batch_refuses_columns_of_unlike_length_or_none(ragged: Ragged) -> None:
    with pytest.raises(ValueError, match=r"'x': 3, 'words': 4"):
        Batch({"x": torch.arange(3), "words": ragged})
    with pytest.raises(ValueError, match="expected one length"):
        Batch({})


def test_batch_names_the_fields_there_are(ragged: Ragged) -> None:
    batch = Batch({"x": torch.arange(4), "words": ragged})
    with pytest.raises(KeyError, match="no field 'y' in this batch; it has: x, words"):
        batch["y"]
    with pytest.raises(TypeError, match="'words' differ in shape"):
        batch.tensor("words")
    with pytest.raises(TypeError, match="'x' is Tensor, expected Ragged"):
        batch.ragged("x")

"""Which datasets make way for a new one."""

from distnet.server.datasets.space import Space, num_bytes, victims
from distnet.server.datasets.stored import Stored


def stored(name: str, **shards: int) -> Stored:
    return Stored(name, name, "ada", 0.0, 1, shards, {shard: (shard,) for shard in shards}, 0)


A, B, C = stored("a", p=40, q=10), stored("b", p=40, r=20), stored("c", s=30)
EMPTY = stored("d", t=25)


def test_shared_shards_count_once() -> None:
    assert num_bytes([A, B, C]) == 100


def test_as_few_as_possible_are_removed_in_their_order() -> None:
    present = [A, B, C]

    def chosen(most: int, free: int = 10**6) -> list[str] | None:
        found = victims(EMPTY, present, present, Space(most, free))
        return None if found is None else [stored.name for stored in found]

    assert chosen(125) == []
    assert chosen(115) == ["a"]  # frees 10: the other 40 are those of b, too
    assert chosen(114) == ["a", "b"]
    assert chosen(25) == ["a", "b", "c"]
    assert chosen(24) is None
    assert chosen(10**6, free=15) == ["a"]
    assert chosen(10**6, free=-200) is None


def test_a_shard_that_is_there_needs_no_space() -> None:
    assert victims(stored("e", p=40), [A], [], Space(50, 0)) == []

"""What was measured of a job on one machine: enough to compute a step on any number of workers."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, get_type_hints

from distnet.errors import DistnetError


@dataclass(frozen=True)
class Pace:
    """Times of one worker while `busy` workers compute on the machine, and sizes of the job."""

    job: str
    """Its name."""
    device: str
    """`cpu` or `cuda`."""
    machine: str
    """The processor."""
    busy: int
    """Workers that computed at the same time."""
    slice_samples: float
    """The samples of a slice that was measured."""
    slice_s: float
    """Seconds of that slice: samples, loss, gradient, and adding its row."""
    sample_s: float
    """Seconds of one more sample in a slice."""
    rest_s: float
    """Seconds of a step beside its slices: optimizer, records, flags."""
    number_s: float
    """Seconds to add one number of a row to another's."""
    evaluated_sample_s: float
    """Seconds of a sample in an evaluation; 0 without evaluations."""
    start_s: float
    """Seconds from the start of a worker's process to its first step."""
    row_lengths: tuple[tuple[int, int], ...]
    """Of each update of a step: the numbers of a row, and every how many steps it is made."""
    state_bytes: int
    """Of a checkpoint."""
    batch_size: int
    slices: int
    steps: int
    epochs: float
    eval_samples: int

    def seconds_of_slice(self, samples: float) -> float:
        """Seconds of a slice of another size: what any slice takes, and so much a sample."""
        least = max(0.0, self.slice_s - self.slice_samples * self.sample_s)
        return least + samples * self.sample_s

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def read_pace(value: Any, where: str) -> Pace:
    """Read a pace from plain values.

    Args:
        value: as `Pace.to_dict` gives them.
        where: named in the error.

    Raises:
        DistnetError: they are not those of a pace.
    """
    names = [field.name for field in fields(Pace)]
    missing = [name for name in names if not isinstance(value, dict) or name not in value]
    if missing:
        raise DistnetError(
            f"{where}: found no measured `{missing[0]}`, expected what "
            "`distnet forecast JOB --json` prints, or a run folder"
        )
    types = get_type_hints(Pace)
    plain = {name: value[name] for name in names}
    for name, of in types.items():
        numbers = (int, float) if of is float else (of,)
        is_wrong = of in (int, float, str) and not isinstance(plain[name], numbers)
        if is_wrong or (of in (int, float) and plain[name] < 0):
            raise DistnetError(f"{where}: measured.{name}: found {plain[name]!r}, expected {of}")
    try:
        lengths = tuple((int(length), int(every)) for length, every in plain["row_lengths"])
    except (TypeError, ValueError):
        found = repr(plain["row_lengths"])
        raise DistnetError(
            f"{where}: measured.row_lengths: found {found}, expected pairs of whole numbers"
        ) from None
    return Pace(**{**plain, "row_lengths": lengths})


def slowest(paces: list[Pace]) -> Pace:
    """The pace of workers that wait for one another, of those measured side by side."""
    times = [field.name for field in fields(Pace) if field.name.endswith("_s")]
    return replace(paces[0], **{name: max(getattr(p, name) for p in paces) for name in times})

"""What the guard says: which part differs, why (as far as that is known), and how to mend it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from distnet.spec.plural import counted

SHOWN = 3
ANYWAY = "train.guard: off trains without this check, and without the promise of the same weights"
DRAWS = (
    "draw from the global generators of torch, random or numpy.random, which are seeded for each "
    "slice"
)
KEPT = (
    "keep what changes in a buffer of the network (self.register_buffer): its changes are averaged "
    "over the slices, and checkpoints hold it"
)


@dataclass(frozen=True)
class Finding:
    """What one worker has found in one update."""

    first: list[int] | None
    """Digests of the parts of the slice's row: on the worker that owns it."""
    second: list[int] | None
    """The same of the second computation: on the worker that made it, if it had enough memory."""
    parameters: tuple[str, ...]
    """Those that a forward has changed."""
    shadow_buffers: tuple[str, ...]
    """The buffers of shadows that it has changed."""
    extra: tuple[str, ...]
    """The modules whose extra state it has changed."""
    plain: tuple[str, ...]
    """Attributes and variables that it has changed."""
    is_batch_same: bool
    """Whether feed, view and sampler gave the same samples twice."""
    is_rebuilt: bool
    """Whether the second computation was made by a network built anew."""


@dataclass(frozen=True)
class Circumstances:
    """How the slice was computed twice."""

    where: str
    """The step."""
    slice: int
    num_slices: int
    owner: int
    again: int
    """The rank of the worker that computed it again."""
    is_rebuilt: bool
    """Whether a network is built anew for that, if possible."""
    is_gpu: bool


def change_text(findings: Sequence[Finding], seen: Circumstances) -> str | None:
    """Say what a forward or a feed must not do but does; None if there is nothing."""
    if parameters := _all(each.parameters for each in findings):
        return (
            f"{seen.where}: computing the loss changes {names_of('the parameter', parameters)}, so "
            "the weights would depend on which worker computes which slice. Set first values in "
            f"the constructor; {KEPT}; a moving average of the weights is a shadow of the task "
            f"(distnet/tasks/task.py). {ANYWAY}"
        )
    if buffers := _all(each.shadow_buffers for each in findings):
        return (
            f"{seen.where}: computing the loss changes {names_of('the buffer', buffers)}; each "
            "worker would do so for its own slices alone. A shadow is in evaluation mode, in which "
            f"normalisation moves no statistics: do not call train() on it. {ANYWAY}"
        )
    if seen.num_slices > 1 and (extra := _all(each.extra for each in findings)):
        modules = [name or "network" for name in extra]
        return (
            f"{seen.where}: computing the loss changes {names_of('the extra state of', modules)}, "
            f"which cannot be carried over the {seen.num_slices} slices of a batch: {KEPT}. "
            f"{ANYWAY}"
        )
    if not all(each.is_batch_same for each in findings):
        return (
            f"{seen.where}: slice {seen.slice} got other samples when they were taken again, so "
            "other workers, or a resumed run, would train on other samples. Let them depend on the "
            "arguments of view, sampler or feed alone, and on what the state() of a feed returns; "
            f"{DRAWS}. {ANYWAY}"
        )
    return None


def differing(findings: Sequence[Finding]) -> list[int]:
    """The parts of the row that differ, by their index."""
    first = next((each.first for each in findings if each.first is not None), None)
    second = next((each.second for each in findings if each.second is not None), None)
    if first is None or second is None:
        return []
    return [i for i, (a, b) in enumerate(zip(first, second, strict=True)) if a != b]


def difference_text(
    parts: Sequence[str], plain: Sequence[str], seen: Circumstances, *, is_unstable: bool
) -> str:
    """Say which parts of the slice's row differ, and why.

    Args:
        parts: the parts that differ.
        plain: attributes and variables that a forward has changed.
        seen: how the slice was computed twice.
        is_unstable: whether a third computation differed from the second.
    """
    return (
        f"{seen.where}: slice {seen.slice} was computed twice from the same weights, buffers and "
        f"samples, {_by(seen)}, and {_listed(parts)} {_differ(parts)}. "
        f"{_cause(plain, seen, is_unstable)}. {ANYWAY}"
    )


def growing_text(plain: Sequence[str]) -> str:
    """Say that a forward changes state on which nothing depends so far."""
    return (
        f"computing the loss changes {names_of('the state', plain)} each time. Nothing depends on "
        "it so far; if the loss ever does, the weights will depend on the number of workers and on "
        f"resumes: {KEPT}"
    )


def influence_text(name: str, count: int, seen: Circumstances) -> str:
    """Say that a counter will change what is computed after `count` more slices."""
    return (
        f"{seen.where}: computing the loss changes the state `{name}` each time, and with the "
        f"value that it will have after {counted(count, 'more slice')}, loss or gradient differ. "
        f"No checkpoint holds it, and each worker counts its own slices: {KEPT}. {ANYWAY}"
    )


def process_text(step: int, parts: Sequence[str]) -> str:
    """Say that a resumed attempt computes something else from a checkpoint."""
    return (
        f"resumed at step {step}: computed from the same weights, buffers and samples as by the "
        f"attempt that saved them, {_listed(parts)} {_differ(parts)}. It depends on the process: "
        "hash() of a text or the order of a set of texts, which are others in each process; an "
        "environment variable, the name of the host, a file, or a package of another version. To "
        "mend it, sort sets and use hashlib in place of hash(), and let options of the job file "
        f"decide the rest. {ANYWAY}"
    )


def drift_text(where: str, name: str, ranks: Sequence[int]) -> str:
    """Say that some workers have other weights than worker 0."""
    return (
        f"{where}: `{name}` is not the same on all workers: {_ranks(ranks)} from worker 0, though "
        "all made the same updates. Either the machines are unlike (kind of CPU or GPU, version of "
        "torch), or a worker's memory or device is faulty, or the network's own code changes "
        "weights or buffers outside of its forward. Resume from the last checkpoint on machines of "
        "one kind"
    )


def _cause(plain: Sequence[str], seen: Circumstances, is_unstable: bool) -> str:
    if plain:
        what = names_of("the state", plain)
        change = f"Computing the loss changes {what}, which no checkpoint holds"
        return f"{change}. To mend it, {KEPT}; in place of a generator of your own, {DRAWS}"
    if is_unstable:
        kernels = " or by kernels of the GPU that are not deterministic" if seen.is_gpu else ""
        return (
            "It differs each time it is computed: by a generator of its own, the clock or "
            f"something else outside of the network{kernels}. To mend it, {DRAWS}"
        )
    return (
        "It depends on what was computed before, or on the process: a module-level variable, a "
        "cache (functools.lru_cache), a value kept from the first batch, or a generator of its "
        f"own. To mend it, {KEPT}, and {DRAWS}"
    )


def _by(seen: Circumstances) -> str:
    anew = "by a network built anew, as after a resume"
    if seen.owner != seen.again:
        return f"by workers {seen.owner} and {seen.again}{f', there {anew}' * seen.is_rebuilt}"
    if seen.is_rebuilt:
        return f"the second time {anew}"
    return f"both times by worker {seen.owner}"


def _ranks(ranks: Sequence[int]) -> str:
    names = ", ".join(map(str, ranks))
    return f"worker {names} differs" if len(ranks) == 1 else f"workers {names} differ"


def _differ(parts: Sequence[str]) -> str:
    return "differs" if len(parts) == 1 else "differ"


def names_of(what: str, names: Sequence[str]) -> str:
    """Name some things of one kind."""
    return f"{what} {_listed([f'`{name}`' for name in names])}"


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:SHOWN])
    if len(names) > SHOWN:
        shown.append(f"{len(names) - SHOWN} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _all(names: Iterable[tuple[str, ...]]) -> list[str]:
    """The names of all workers, each once."""
    return list(dict.fromkeys(name for each in names for name in each))

"""What an import reports about splits and classes, whatever the source was."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from distnet.data.evaluation_split import default_split
from distnet.data.fields.field import Field
from distnet.data.making.set_aside import Shares, report_set_aside
from distnet.data.manifest import Split
from distnet.data.sources.source import RawData
from distnet.data.sources.tables.labels import folded
from distnet.data.survey.summary import Findings

MOST_SINGLE = 10
"""So few classes may have a single sample each, as in a small trial."""


def report_splits(data: RawData, splits: Mapping[str, Split], shares: Mapping[str, Shares]) -> None:
    """Report the samples of each split, what was set aside, and that there is no `test`."""
    findings = data.findings
    for name, split in splits.items():
        findings.read(f"samples of {name}", split.num_samples)
    report_set_aside(data, shares)
    if "test" not in splits:
        _report_measured(list(splits), findings)


def _report_measured(splits: Sequence[str], findings: Findings) -> None:
    split = default_split(splits)
    if split is not None:
        why, option = "there is no split called test", "evaluate.split in the job file"
        findings.guessed("split that a run measures", split, why, option=option)
        return
    several = len(splits) > 1
    findings.warned(
        "no split called test",
        "a run measures nothing" + (", unless its job file names a split" if several else ""),
        option="evaluate.split in the job file" if several else "--test-fraction 0.2",
    )


def report_classes(fields: Mapping[str, Field], findings: Findings) -> None:
    """Report classes without samples in a split or with a single one, and names that look alike.

    Where there is a field y, it alone is learned: others may well differ between splits, as the
    speakers of recordings do.
    """
    for field in [fields["y"]] if "y" in fields else fields.values():
        if field.kind == "class":
            for split, counts in field.class_counts.items():
                _report_empty(field.classes, split, counts, findings)
            _report_only(field.classes, findings)
            _report_single(field.classes, list(field.class_counts.values()), findings)
            _report_lookalikes(field.classes, findings)


def _report_empty(
    classes: Sequence[str], split: str, counts: Sequence[int], findings: Findings
) -> None:
    empty = [name for name, count in zip(classes, counts, strict=True) if count == 0]
    if empty:
        why = "they cannot be learned" if split == "train" else "they are not measured"
        what = f"classes without samples in {split}"
        findings.warned(what, why, example=empty[0], count=len(empty))


def _report_only(classes: Sequence[str], findings: Findings) -> None:
    if len(classes) == 1:
        why = "there is nothing to distinguish: each sample is right without learning"
        findings.warned("a single class", why, example=classes[0], option="--target NAME")


def _report_single(
    classes: Sequence[str], counts: Sequence[Sequence[int]], findings: Findings
) -> None:
    """Report that most classes have one sample, as names or identifiers of the samples have."""
    totals = map(sum, zip(*counts, strict=True))
    single = [name for name, total in zip(classes, totals, strict=True) if total == 1]
    if len(single) * 2 > len(classes) > MOST_SINGLE:
        findings.warned(
            "classes with a single sample",
            "most classes are of this kind, as if the target named the samples",
            example=single[0],
            count=len(single),
            option="--target NAME",
        )


def _report_lookalikes(classes: Sequence[str], findings: Findings) -> None:
    alike: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        alike[folded(name)].append(name)
    for names in alike.values():
        if len(names) > 1:
            findings.warned(
                "classes whose names look alike",
                "they differ only in case, spaces or the form of letters",
                example=" and ".join(map(repr, names)),
                count=len(names),
                option="if they are one class, give them one name",
            )

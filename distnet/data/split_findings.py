"""What an import reports about its splits."""

from collections.abc import Mapping

from distnet.data.manifest import Split
from distnet.data.sources.source import RawData


def report_splits(data: RawData, splits: Mapping[str, Split], test_fraction: float) -> None:
    """Report the samples of each split, how `test` was made, and that there is none."""
    findings = data.findings
    for name, split in splits.items():
        findings.read(f"samples of {name}", split.num_samples)
    if len(data.splits) == 1 and "test" in splits:
        rule = "the last samples" if data.is_sequence else "chosen by a hash of each sample"
        why = f"the source has one split; {rule}"
        findings.guessed("test split", f"{test_fraction:.0%}", why, option="--test-fraction")
    if "test" not in splits:
        others = [name for name in splits if name != "train"]
        option = f"evaluate.split: {others[0]} in the job file" if others else "--test-fraction 0.2"
        why = "runs evaluate on test unless the job file names another split"
        findings.warned("no split called test", why, option=option)

"""How the files to predict are read, as far as the user says. Without torch: checked first."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from distnet.data.csv.dialect import parse_decimal, parse_delimiter
from distnet.data.csv.file import is_csv
from distnet.data.fields.field import Field
from distnet.data.images.image_file import holds_figures
from distnet.data.manifest import Manifest
from distnet.errors import DataError, RunError
from distnet.run_folder.paths import RunFolder

_LEARNED = {"image": "images", "audio": "recordings", "tokens": "texts", "vector": "tables"}


@dataclass(frozen=True)
class Reading:
    """What is None is recognised, or decided by the data that the network learned from."""

    as_is: bool | None = None
    """Images are read as an import does, or else the figure in them is found and centred."""
    delimiter: str | None = None
    """Between the cells of CSV."""
    decimal: str | None = None
    """The decimal mark of numbers in CSV."""

    def check(self, x: Field, files: Iterable[Path]) -> None:
        """Check that what is set concerns any of the files.

        Raises:
            DataError: an option would have no effect, or is malformed.
        """
        files = list(files)
        learned = _LEARNED.get(x.kind, f"the field kind {x.kind}")
        has_csv = any(map(is_csv, files)) and x.kind in ("image", "tokens", "vector")
        if self.delimiter is not None and not has_csv:
            raise DataError("--delimiter: found no CSV file among those to predict; leave it out")
        if self.decimal is not None and not (has_csv and x.kind == "vector"):
            found = "no CSV file among those to predict" if x.kind == "vector" else learned
            raise DataError(f"--decimal: found {found}, expected numbers in CSV; leave it out")
        if self.as_is is not None and (x.kind != "image" or all(map(is_csv, files))):
            option = "--as-is" if self.as_is else "--centre"
            raise DataError(
                f"{option}: found {learned if x.kind != 'image' else 'no image'}, and it says how "
                "images are read; leave it out"
            )
        if self.as_is is False and not holds_figures(x):
            raise DataError(
                "--centre: the images that the network learned from are no drawn figures on an "
                "empty background, so there is nothing to centre; leave it out"
            )
        self._parse()

    def _parse(self) -> None:
        marks: tuple[tuple[Callable[[str], str], str | None], ...]
        marks = ((parse_delimiter, self.delimiter), (parse_decimal, self.decimal))
        for parse, given in marks:
            if given is not None:
                parse(given)


def data_manifest(folder: RunFolder) -> Manifest:
    """The manifest of the dataset that a run learned from.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        return Manifest.model_validate_json(folder.data_manifest.read_bytes())
    except (OSError, ValidationError) as error:
        reason = getattr(error, "strerror", None) or "no manifest of a dataset"
        raise RunError(
            f"{folder.data_manifest}: missing or damaged ({reason}); copy the dataset's "
            "manifest.json here again, or train the job again"
        ) from None

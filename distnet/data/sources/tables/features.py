"""The features of a table: what its columns are, how they are stored, and what is said of it."""

from collections.abc import Sequence

from distnet.data.features.dates import MEANING
from distnet.data.features.feature import Feature
from distnet.data.fields.vector import VectorField
from distnet.data.sources.tables.cells import parse_numbers
from distnet.data.sources.tables.columns import ColumnCheck
from distnet.data.sources.tables.precision import Precision, origins_of
from distnet.data.sources.tables.table import Table
from distnet.data.survey.summary import Findings
from distnet.errors import DataError
from distnet.spec.plural import listed

MOST_SHOWN = 8
DROP = "--drop NAME"


def make_features(
    checks: Sequence[ColumnCheck], tables: Sequence[Table], findings: Findings
) -> VectorField:
    """The field of the feature columns, all of which are without faults.

    Raises:
        DataError: a column has a spread that float32 does not hold.
    """
    features = [check.feature for check in checks]
    measured = _measured(features, tables)
    precisions: list[Precision] = []
    for check, feature in zip(checks, features, strict=True):
        own = [check.precision] if feature.kind == "number" else measured[feature.name]
        for precision in own:
            if precision.fault:
                raise DataError(f"{tables[0].path}: {precision.fault}")
            if feature.kind != "category":
                precision.report(findings)
        precisions += own
        _report(check, feature, findings)
    names = tuple(name for feature in features for name in feature.names)
    is_plain = all(f.kind == "number" and not f.fill for f in features)
    return VectorField(
        shape=(len(names),),
        names=names,
        columns=() if is_plain else tuple(features),
        origin=origins_of(precisions),
    )


def _measured(features: Sequence[Feature], tables: Sequence[Table]) -> dict[str, list[Precision]]:
    """The numbers of each column of dates and lists; those of a category need no look."""
    measured = {
        feature.name: list(map(Precision, feature.names))
        for feature in features
        if feature.kind != "number"
    }
    looked_at = [feature for feature in features if feature.kind in ("date", "list")]
    for table in tables if looked_at else ():
        for batch in table.batches([feature.name for feature in looked_at]):
            for feature in looked_at:
                elements = feature.elements(batch.column(feature.name))
                for precision, cells in zip(measured[feature.name], elements, strict=True):
                    precision.add(cells, parse_numbers(cells)[0])
    return measured


def _report(check: ColumnCheck, feature: Feature, findings: Findings) -> None:
    """Say what was decided of a column without being set."""
    if check.is_boolean:
        why = "the column holds no other text"
        findings.guessed("columns of true and false", "1 and 0", why, example=check.name)
    if not check.other.is_said and feature.kind == "category":
        known = listed([each or "(missing)" for each in feature.categories], MOST_SHOWN)
        findings.guessed(
            "columns of text with few different ones",
            "a number for each category: 1 where it is the row's, else 0",
            "at most 100 different ones of few words, each twice on average",
            example=f"{check.name!r}: {known}",
            option=f"{DROP}, or --text NAME",
        )
    if not check.other.is_said and feature.kind == "date":
        why = "all cells are dates"
        findings.guessed("columns of dates", MEANING, why, example=repr(check.name), option=DROP)
    if feature.kind == "list":
        findings.read("numbers in columns of lists", feature.length)
    _report_missing(check, feature, findings)
    for category in check.other.new if feature.kind == "category" else ():
        findings.warned(
            "categories that the training does not have",
            "they are taken as none of its categories",
            example=f"{check.name!r}: {category!r}",
            option="add rows with them to the training, or write them alike",
        )


def _report_missing(check: ColumnCheck, feature: Feature, findings: Findings) -> None:
    if not check.num_missing:
        return
    is_category = feature.kind == "category"
    findings.guessed(
        "columns with missing cells",
        "a category of their own" if is_category else "the mean of the training part",
        "empty, or a usual word for it; name others with --missing",
        example=check.first_missing,
        option=f"fill them in, remove their rows, or {DROP}",
    )

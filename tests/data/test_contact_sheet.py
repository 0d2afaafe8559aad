from pathlib import Path

from distnet.data.images.contact_sheet import draw_contact_sheet
from distnet.data.importing import import_dataset
from tests.data.raw_files import image_folder


def test_names_that_the_font_lacks_still_differ(tmp_path: Path) -> None:
    sheets = []
    for name in ("\u65e5\u672c", "\u4e2d\u56fd"):
        image_folder(tmp_path / name / "raw", {"cat": 3, name: 3})
        manifest = import_dataset(tmp_path / name / "raw", tmp_path / name / "out", test_fraction=0)
        sheet = tmp_path / name / "sheet.png"
        draw_contact_sheet(tmp_path / name / "out", manifest, sheet, split="train")
        sheets.append(sheet.read_bytes())
    assert sheets[0] != sheets[1]

"""JSON files of a source, which may be compressed."""

import json
from pathlib import Path
from typing import Any

from distnet.data.sources.texts.utf8 import read_text
from distnet.errors import DataError


def read_json(file: Path) -> Any:
    """The content of a file; its texts may hold what is no Unicode (`is_unicode`).

    Raises:
        DataError: it cannot be read, or is not JSON.
    """
    remedy = "repair the file, or get it again"
    try:
        return json.loads(read_text(file))
    except json.JSONDecodeError as error:
        raise DataError(f"{file}:{error.lineno}: not JSON: {error}; {remedy}") from None
    except ValueError as error:  # a number of thousands of digits
        raise DataError(f"{file}: not JSON that can be read: {error}; {remedy}") from None
    except RecursionError:
        raise DataError(f"{file}: not JSON that can be read: it is nested too deeply") from None

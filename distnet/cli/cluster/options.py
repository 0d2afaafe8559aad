"""Arguments of the commands of `distnet cluster`."""

from pathlib import Path
from typing import Annotated

import typer

ClusterFile = Annotated[Path, typer.Argument(metavar="FILE", help="The cluster file.")]

"""Write what was rendered into a folder, with all that it refers to: token and wheel."""

from pathlib import Path

from distnet.cluster.file.read import ClusterFile
from distnet.cluster.hosts.wheel import build_wheel
from distnet.cluster.render.rendered import Rendered
from distnet.cluster.token_file import TOKEN_FILE, ensure_token
from distnet.errors import DistnetError

IGNORED = ".gitignore"


def write(file: ClusterFile, rendered: Rendered, folder: Path) -> list[Path]:
    """Write the files; a token that is there stays, so that running nodes keep theirs.

    Returns:
        All files, in the order in which they were written.

    Raises:
        DistnetError: the folder cannot be written, or no wheel can be built.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [ensure_token(folder / TOKEN_FILE)]
        if getattr(file.cluster, "install", None) == "checkout":
            wheel = build_wheel()
            written.append(folder / wheel.name)
            written[-1].write_bytes(wheel.data)
        texts = {IGNORED: f"/{TOKEN_FILE}\n/*.whl\n"} | rendered.texts
        for name, text in texts.items():
            (folder / name).write_text(text)
            written.append(folder / name)
    except OSError as error:
        raise DistnetError(f"{folder}: cannot be written: {error.strerror}") from None
    return written

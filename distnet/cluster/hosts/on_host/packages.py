"""The versions of what is installed for a Python; nothing is imported but metadata."""

import json
import subprocess

PACKAGES = ("distnet", "torch", "torchvision", "ray", "pyarrow", "numpy")
TIMEOUT_S = 30.0
DESCRIBE = """
import hashlib, importlib.util, json, pathlib, re, sys
from importlib.metadata import PackageNotFoundError, requires, version

def known(get, name):
    try:
        return get(name)
    except PackageNotFoundError:
        return None

def folder(name):
    spec = importlib.util.find_spec(name)
    found = list(spec.submodule_search_locations or ()) if spec else []
    return pathlib.Path(found[0]) if found else None

def source(root):
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")) if root else ():
        digest.update(str(path.relative_to(root)).encode() + b"\\0" + path.read_bytes() + b"\\0")
    return digest.hexdigest()[:12] if root else None

def toolkit(root):
    text = (root / "version.py").read_text() if root and (root / "version.py").exists() else ""
    found = re.search(r"^cuda\\b[^=]*= '([0-9.]+)'", text, re.MULTILINE)
    return found[1] if found else None

wanted = [line for line in known(requires, "torchvision") or () if line.startswith("torch==")]
print(json.dumps({
    "python": sys.version.split()[0],
    "versions": {name: known(version, name) for name in sys.argv[1:]},
    "torch_wanted": wanted[0].partition("==")[2].partition(";")[0].strip() if wanted else None,
    "torch_cuda": toolkit(folder("torch")),
    "distnet_source": source(folder("distnet")),
}))
"""


def packages(python: str) -> dict[str, object]:
    """List what a Python has.

    Args:
        python: its path.
    """
    command = [python, "-c", DESCRIBE, *PACKAGES]
    try:
        found = subprocess.check_output(
            command, cwd="/", stderr=subprocess.DEVNULL, timeout=TIMEOUT_S
        )
        facts: dict[str, object] = json.loads(found)
    except (OSError, ValueError, subprocess.SubprocessError):
        nothing = dict.fromkeys(("python", "torch_wanted", "torch_cuda", "distnet_source"))
        return nothing | {"versions": dict.fromkeys(PACKAGES)}
    return facts

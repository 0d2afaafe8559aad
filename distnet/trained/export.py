"""Write a trained network as files that other programs read: safetensors and ONNX."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from distnet.data.fields.tokens import TokensField
from distnet.errors import RunError
from distnet.spec.code.own_errors import own_errors
from distnet.train.inventory.flat import weights_sha256
from distnet.trained.load import Trained
from distnet.trained.onnx_model import Check, check_onnx, require_fixed_shape, to_onnx

FORMATS = ("safetensors", "onnx")


@dataclass(frozen=True)
class Exported:
    """The files written, and the check of the ONNX file if there is one."""

    files: tuple[Path, ...]
    check: Check | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        check = None if self.check is None else asdict(self.check)
        return {"files": [str(file) for file in self.files], "check": check}


def export(
    trained: Trained, *, output: Path | None = None, formats: Sequence[str] = FORMATS
) -> Exported:
    """Write the network in each format, all of them or none.

    Args:
        trained: the network.
        output: the folder of the files; by default `export` in the run folder.
        formats: any of `safetensors` and `onnx`.

    Raises:
        RunError: a format is unknown, the network cannot be written as ONNX, ONNX computes
            something else, or the folder cannot be written.
    """
    wrong = [name for name in formats if name not in FORMATS]
    if wrong or not formats:
        found = ", ".join(wrong) or "none"
        raise RunError(f"found the formats {found}, expected some of {', '.join(FORMATS)}")
    if "onnx" in formats:
        require_fixed_shape(trained)
    folder = output or trained.folder.path / "export"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        what = f"network {trained.job.network.kind}"
        with (
            TemporaryDirectory(dir=folder.parent, prefix=".export-") as partial,
            own_errors(what, is_any=False),
        ):
            return _write_all(trained, Path(partial), folder, formats)
    except OSError as error:
        raise RunError(
            f"{folder}: cannot be written: {error.strerror}; choose another folder with --output"
        ) from None


def _write_all(trained: Trained, partial: Path, folder: Path, formats: Sequence[str]) -> Exported:
    """Write and check in `partial`, then move the files into `folder`."""
    name, check, written = trained.folder.path.resolve().name, None, []
    if "safetensors" in formats:
        written.append(partial / f"{name}.safetensors")
        written[-1].write_bytes(save(_weights(trained.network), metadata=_facts(trained)))
    if "onnx" in formats:
        written.append(partial / f"{name}.onnx")
        model = to_onnx(trained, _facts(trained))
        check = check_onnx(trained, model)
        written[-1].write_bytes(model)
    folder.mkdir(exist_ok=True)
    for file in written:
        os.replace(file, folder / file.name)
    return Exported(tuple(folder / file.name for file in written), check)


def _weights(network: nn.Module) -> dict[str, Tensor]:
    """The tensors of the state_dict by all of their names, each in memory of its own.

    Tied ones are written under each name, so that `load_state_dict` finds all of them.
    """
    own = {}
    for name, value in network.state_dict().items():
        if isinstance(value, Tensor):  # a module's extra state may be anything
            own[name] = value.resolve_conj().clone(memory_format=torch.contiguous_format)
    return own


def _facts(trained: Trained) -> dict[str, str]:
    """Metadata for programs that read the files; texts, as both formats require."""
    facts = {
        "run": trained.folder.path.resolve().name,
        "step": str(trained.step),
        "weights_sha256": weights_sha256(trained.network),
        "data_sha256": "" if trained.dataset is None else trained.dataset.sha256,
        "network": json.dumps(trained.job.network.model_dump(mode="json")),
        "task": trained.job.task.kind,
    }
    return facts | _facts_of_inputs(trained) | _facts_of_targets(trained)


def _facts_of_inputs(trained: Trained) -> dict[str, str]:
    x, scale = trained.fields.get("x"), trained.prepare.scales.get("x")
    tokens = [field for field in trained.fields.values() if isinstance(field, TokensField)]
    if tokens and (x is None or x in tokens):
        shape = tokens[0].shape
        stored = json.dumps({"shape": shape, "stored": "indices of the vocabulary"})
        return {"input": stored} | _facts_of_tokens(tokens[0])
    if x is None:
        return {}
    is_normalised = scale is not None and scale.is_normalised
    stored = "pixels from 0 to 255" if x.dtype == "uint8" else "numbers as in the data"
    return {
        "input": json.dumps({"shape": x.shape, "stored": stored}),
        "names": json.dumps(x.names),
        "origin": json.dumps(x.origin or None),
        "mean": json.dumps(x.mean if is_normalised else None),
        "std": json.dumps(x.std if is_normalised else None),
    }


def _facts_of_tokens(field: TokensField, of: str = "") -> dict[str, str]:
    return {
        f"{of}tokenizer": field.tokenizer,
        f"{of}vocabulary": json.dumps(field.vocabulary),
        f"{of}merges": json.dumps(field.merges),
    }


def _facts_of_targets(trained: Trained) -> dict[str, str]:
    y = trained.fields.get("y")
    if y is None:
        # Those of the boxes or of the masks: samples may have both, and the task learns one.
        classes: Sequence[str] = getattr(trained.task, "classes", ())
        return {"classes": json.dumps(classes)} if classes else {}
    if isinstance(y, TokensField):
        return _facts_of_tokens(y, "target_")
    return {
        "classes": json.dumps(y.classes),
        "targets": json.dumps(y.names),
        "target_origin": json.dumps(y.origin or None),
        "target_mean": json.dumps(y.mean),
        "target_std": json.dumps(y.std),
    }

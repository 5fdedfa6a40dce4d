"""Text as symbols: the codes of its characters, its vocabulary, and windows to predict the next one in.

Tiny Shakespeare is 1,115,394 characters of the plays (Karpathy, "The unreasonable effectiveness of
recurrent neural networks", 2015, https://karpathy.github.io/2015/05/21/rnn-effectiveness/). A text that needs
no network is Python's own language reference, as the interpreter carries it for `help()`: about half a
million characters, a few more with each version of Python.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnjax.data import search
from nnjax.data.limits import check_file
from nnjax.data.search import RemoteFile
from nnjax.errors import ConfigError, DataError
from nnjax.types import Dataset, Splits

SHAKESPEARE = RemoteFile(
    "input.txt",
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)
TEXTS = ("tiny_shakespeare", "python_reference")
MAX_BYTES = 2**30
MAX_SYMBOLS = 2**16


class Text(NamedTuple):
    """A text as numbers.

    Attributes:
        codes: The place of each character in the vocabulary, uint8 [T], or uint16 if there are more than 256.
        vocabulary: The distinct characters, sorted.
        name: What the text is called.
    """

    codes: np.ndarray
    vocabulary: tuple[str, ...]
    name: str = ""


def load_text(name: str | os.PathLike = "tiny_shakespeare", path: str | os.PathLike | None = None) -> Text:
    """Loads a text by its name, or the user's own file.

    Args:
        name: "tiny_shakespeare"; "python_reference", which comes with Python; or the path of a text file in
            UTF-8.
        path: A folder with input.txt, for tiny_shakespeare.

    Returns:
        The text, its line ends as "\\n".

    Raises:
        DataError: If the text is nowhere, is not UTF-8, or has fewer than two characters.
        DamagedError: If tiny Shakespeare is not the published one.

    >>> text = load_text("python_reference")
    >>> decode(text.codes[:22], text.vocabulary)
    'The "assert" statement'
    """
    known = str(name).lower().replace("-", "_")
    if known == "python_reference":
        return encode_text(_python_reference(), known)
    if known == "tiny_shakespeare":
        where = search.find(known, [SHAKESPEARE], path)[0]
        return encode_text(_decoded(where, search.read_checked(where, SHAKESPEARE.content_sha256)), known)
    if not Path(name).expanduser().exists():
        raise DataError(f"{name}: no such file, and no text of that name; the names are {', '.join(TEXTS)}")
    where = check_file(name, MAX_BYTES)
    return encode_text(_decoded(where, where.read_bytes()), where.stem)


def encode_text(text: str, name: str = "") -> Text:
    """Numbers the characters of a string, in the order of their code points.

    Raises:
        DataError: If it has fewer than two characters, or more than 65,536 distinct ones.

    >>> encode_text("abba").codes
    array([0, 1, 1, 0], dtype=uint8)
    """
    if len(text) < 2:
        raise DataError(f"{name or 'the text'}: wanted at least two characters, got {len(text)}")
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    distinct, codes = np.unique(points, return_inverse=True)
    if len(distinct) > MAX_SYMBOLS:
        raise DataError(f"{name or 'the text'}: {len(distinct):,} characters, at most {MAX_SYMBOLS:,}")
    codes = codes.astype(np.uint8 if len(distinct) <= 256 else np.uint16)
    return Text(codes, tuple(chr(point) for point in distinct), name)


def decode(codes: np.ndarray, vocabulary: tuple[str, ...]) -> str:
    """The string that `codes` [T] stand for."""
    return "".join(vocabulary[code] for code in np.asarray(codes).tolist())


def split_text(text: Text, valid: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """The codes of the training part and of the validation part, which is the end of the text.

    By position and not drawn, since neighbouring windows share their words. Tiny Shakespeare at 0.1 gives the
    usual 1,003,854 and 111,540 characters.

    Raises:
        ConfigError: If a part would have fewer than two characters.
    """
    cut = int(len(text.codes) * (1 - valid))
    if not 2 <= cut <= len(text.codes) - 2:
        raise ConfigError(f"valid={valid} of {len(text.codes)} characters leaves a part with fewer than two")
    return text.codes[:cut], text.codes[cut:]


def windows(codes: np.ndarray, length: int, name: str = "", vocabulary: tuple[str, ...] = ()) -> Dataset:
    """Cuts a text into windows, each with the character after every one of its characters as targets.

    Args:
        codes: The text [T].
        length: L, the characters in a window (static). Windows lie end to end; what is left over at the end
            and is shorter than a window is left out.

    Returns:
        Inputs [N, L] and targets [N, L], N = floor((T - 1) / L): targets[n, t] is the character after
        inputs[n, t].

    Raises:
        ConfigError: If there is no whole window.

    >>> dataset = windows(np.arange(8, dtype=np.uint8), 3)
    >>> dataset.inputs.tolist(), dataset.targets.tolist()
    ([[0, 1, 2], [3, 4, 5]], [[1, 2, 3], [4, 5, 6]])
    """
    count = (len(codes) - 1) // length if length >= 1 else 0
    if count < 1:
        raise ConfigError(f"windows of {length} characters: {len(codes)} characters do not fill one")
    used = count * length
    inputs, targets = codes[:used].reshape(count, length), codes[1 : used + 1].reshape(count, length)
    return Dataset(inputs, targets, name, vocabulary)


def text_splits(text: Text, length: int = 64, valid: float = 0.1) -> Splits:
    """Training and validation windows of a text, split by position; there is no test part.

    Raises:
        ConfigError: As `split_text` and `windows`.
    """
    train, held_out = (windows(part, length, text.name, text.vocabulary) for part in split_text(text, valid))
    return Splits(train, held_out)


def _python_reference() -> str:
    from pydoc_data.topics import topics

    return "\n\n".join(topics[topic].strip() for topic in sorted(topics)) + "\n"


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not text in UTF-8 (byte {error.start})") from None


def text_dataset(
    name: str, part: str = "train", length: int = 64, path: str | os.PathLike | None = None
) -> Dataset:
    """One part of a named text as windows.

    Args:
        name: "tiny_shakespeare" or "python_reference".
        part: "train" (the first nine tenths) or "valid" (the rest).
        length: Characters in a window (static).
        path: A folder with input.txt, for tiny_shakespeare.

    Returns:
        As `windows`; the classes are the vocabulary.

    Raises:
        ConfigError: For another part, or if no window fits.
        DataError, DamagedError: As `load_text`.
    """
    if part not in ("train", "valid"):
        raise ConfigError(f"{name}: wanted the part 'train' or 'valid', got {part!r}")
    train, valid = text_splits(load_text(name, path), length)[:2]
    return train if part == "train" or valid is None else valid

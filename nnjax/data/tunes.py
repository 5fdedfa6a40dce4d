"""Collections of tunes: one that travels with nnjax, and Irish, Scottish and American books of dance tunes.

The large ones come from music21 (https://www.music21.org), which has them with the permission of those who
typed them in: O'Neill's "Music of Ireland" (1903), "Ryan's Mammoth Collection" (1883), Aird's "Airs" (1778).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nnjax.data import search
from nnjax.data.abc_notation import parse_abc, read_abc
from nnjax.data.melody import Melody
from nnjax.data.search import RemoteFile
from nnjax.data.wheels import Wheel
from nnjax.errors import ConfigError, DataError

OWN = Path(__file__).with_name("tunes.abc")
WHEEL_SHA256 = "dc3309498c4c95cebdf8d4f20c868deb6b63bce1d929cad4f51a7ccc982987b1"
BOOKS = {
    "oneills": ("oneills1850", "c45fbfa139a40a00dd465badff3f99dc9177877d00cb7cb7b696e9cdf4fd942e"),
    "ryans": ("ryansMammoth", "3ea75e2db64cdbb5c57a0953097c13646ba9a670d3d1cdfc0d6a91f2fe7f50fc"),
    "airds": ("airdsAirs", "bb7b8af608f400e9af30e9b27931ac8d5f48d01bd0457c65407f6f4cd03024d2"),
}


def load_tunes(name: str | os.PathLike = "tunes", path: str | os.PathLike | None = None) -> list[Melody]:
    """Loads a collection of tunes.

    Args:
        name: "tunes", the 52 that travel with nnjax; "oneills" (2,006 tunes), "ryans" (1,036) or "airds"
            (1,176); or the path of an ABC file.
        path: A folder with the book's file, such as oneills.abc.

    Returns:
        The tunes in their order, repeats played. Tunes of a book that are no sound ABC are left out.

    Raises:
        DataError: If the collection is nowhere; if an ABC file of the user's own is not sound.
        DamagedError: If a book is not the one that is known.

    >>> tune = load_tunes("tunes")[0]
    >>> tune.title, tune.pitches[:7].tolist(), str(tune.key)
    ('Twinkle, twinkle, little star', [60, 60, 67, 67, 69, 69, 67], 'C major')
    """
    if name == "tunes":
        return read_abc(OWN)
    if name not in BOOKS:
        if not Path(name).expanduser().exists():
            raise DataError(
                f"{name}: no such file, and no collection of that name: tunes, {', '.join(BOOKS)}"
            )
        return read_abc(name)
    book = str(name)
    folder, digest = BOOKS[book]
    file = RemoteFile(f"{book}.abc", "", "", digest)
    members = {file.name: rf"music21/corpus/{folder}/.*\.abc"}
    where = search.find(book, [file], path, wheel=Wheel("music21", "10.5.1", WHEEL_SHA256, members))[0]
    content = search.read_checked(where, None if path else digest)
    return parse_abc(content.decode("utf-8", "replace"), str(where), strict=False)


def split_tunes(
    tunes: Sequence[Melody], valid: float = 0.1, test: float = 0.1, seed: int = 0
) -> tuple[list[Melody], list[Melody], list[Melody]]:
    """Training, validation and test tunes; tunes of the same title stay together.

    Books have versions of a tune, and one that is trained on and another that is tested on are a leak.

    Args:
        tunes: N tunes.
        valid, test: The fraction of titles in each part.
        seed: The draw.

    Raises:
        ConfigError: If no title is left for training.
    """
    titles = sorted({_title(tune) for tune in tunes})
    order = np.random.default_rng([seed, len(titles)]).permutation(len(titles))
    counts = [round(test * len(titles)), round(valid * len(titles))]
    if min(counts) < 0 or sum(counts) >= len(titles):
        raise ConfigError(f"{len(titles)} titles are not enough for {valid} of validation and {test} of test")
    held = {titles[place]: 2 for place in order[: counts[0]]}
    held |= {titles[place]: 1 for place in order[counts[0] : sum(counts)]}
    parts: tuple[list[Melody], list[Melody], list[Melody]] = ([], [], [])
    for tune in tunes:
        parts[held.get(_title(tune), 0)].append(tune)
    return parts


def _title(tune: Melody) -> str:
    return "".join(letter for letter in tune.title.lower() if letter.isalnum())

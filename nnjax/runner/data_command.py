"""`nnjax data`: the data sets by name, and fetching them before the network goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nnjax.errors import EXIT_OK, ConfigError
from nnjax.runner.settings import nearest


def answer(words: Sequence[str]) -> int:
    """`nnjax data list`, `nnjax data fetch NAME...`."""
    from nnjax.runner.commands import Parser

    text = "Lists the data sets, or looks for some and downloads what is not on this machine."
    parser = Parser("nnjax data", description=text)
    parser.add_argument("action", choices=["list", "fetch"], metavar="ACTION", help="list or fetch")
    parser.add_argument("names", metavar="NAME", nargs="*", help="what to fetch")
    options = parser.parse_args(list(words))
    known = _loaders()
    if options.action == "list":
        print("\n".join(known))
        return EXIT_OK
    if not options.names:
        raise ConfigError("nnjax data fetch wants the name of a set; `nnjax data list` shows them")
    chosen = [name.lower().replace("-", "_") for name in options.names]
    for name in chosen:
        if name not in known:
            raise ConfigError(f"no data set is called {name!r}; {nearest(name, list(known), 'names')}")
    for name in chosen:
        print(f"{name}: {known[name]()}")
    return EXIT_OK


def _loaders() -> dict[str, Callable[[], str]]:
    """Every set and collection, with what loads it and says how large it is."""
    from nnjax.data.datasets import load, names
    from nnjax.data.tunes import BOOKS, load_tunes

    sets: dict[str, Callable[[], str]] = {
        name: lambda name=name: f"{len(load(name)):,} training examples" for name in names()
    }
    books = {name: lambda name=name: f"{len(load_tunes(name)):,} tunes" for name in ("tunes", *BOOKS)}
    return {**sets, **books}

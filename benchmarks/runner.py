"""One workload: agreement and cold start first, then nnjax and each peer in turn, A B A B."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.agreement import disagreeing
from benchmarks.peers import OURS, PEERS
from benchmarks.processes import PAUSE_SECONDS, PeerError, Process, environment
from benchmarks.summary import spread
from benchmarks.work import Work

Say = Callable[[str], None]
Turn = dict[str, float]


class Bench:
    """The processes of one workload.

    Attributes:
        module: Where the workload is defined, "benchmarks.w1_moons".
        folder: Where the work and the caches of compiled programs lie; a new one each time.
        cores: Threads of every library.
        say: Takes a line for the person who waits.
    """

    def __init__(self, module: str, folder: Path, cores: int, say: Say) -> None:
        self.module, self.folder, self.cores, self.say = module, folder, cores, say

    def process(self, peer: str) -> Process:
        """A new process of a peer."""
        return Process(self.module, peer, self.folder, environment(peer, self.cores, self.folder / "caches"))

    def starts(self, peers: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The first training of a new process of each peer, and its losses on the common batches."""
        found = {}
        for peer in peers:
            try:
                with self.process(peer) as process:
                    first = process.ask("train", seed=0)["wall"]
                    cold = process.since_start()
                    losses = process.ask("steps")["losses"]
            except PeerError as error:
                self.say(f"  {PEERS[peer].title}: left out: {error}")
                continue
            found[peer] = {"cold_seconds": cold, "first_seconds": first, "losses": losses}
            self.say(f"  {PEERS[peer].title}: first result {cold:.2f} s after its process was started")
        return found

    @contextlib.contextmanager
    def warm(self, peer: str) -> Iterator[tuple[Process, dict[str, float]]]:
        """A process that has trained once, and when it had: what a library keeps on disk is there by now."""
        with self.process(peer) as process:
            process.ask("train", seed=1)
            yield process, {"next_seconds": process.since_start()}

    def pairs(self, ours: Process, peer: str, repeats: int) -> tuple[list[Turn], dict[str, Any]]:
        """Our trainings and a peer's in turn: ours, and all about the peer's."""
        with self.warm(peer) as (theirs, numbers):
            turns = [(self.turn(ours, 2 + i), self.turn(theirs, 2 + i)) for i in range(repeats)]
            numbers = numbers | {"peak_bytes": theirs.ask("peak")["bytes"]}
        ratios = [a["seconds"] / b["seconds"] for a, b in turns]
        self.say(f"  nnjax / {PEERS[peer].title}: {spread(ratios)['median']:.3g}")
        return [a for a, _ in turns], numbers | columns([b for _, b in turns]) | {"ratios": ratios}

    def turn(self, process: Process, seed: int) -> Turn:
        """One training, when the other process has come to rest."""
        time.sleep(PAUSE_SECONDS)
        return process.ask("train", seed=seed) | process.ask("loss")


def columns(turns: Sequence[Turn]) -> dict[str, list[float]]:
    """The numbers of several trainings, by name."""
    return {name: [turn[name] for turn in turns] for name in ("seconds", "wall", "loss")}


def measure(
    module: ModuleType, work: Work, peers: Sequence[str], repeats: int, cores: int, say: Say
) -> dict[str, Any]:
    """Everything about one workload.

    Returns:
        {"work": ..., "peers": {name: numbers}, "disagree": {name: relative difference}}, where numbers
        are lists over the turns, "seconds" (the training alone), "wall" (the whole call), "loss" (at
        the end) and "ratios" (nnjax's seconds to the peer's in the same turn; none for nnjax); and
        "cold_seconds" and "next_seconds" (from the start of the first and of a later process to the
        end of its first training), "first_seconds" (that training), "peak_bytes", and "losses" on
        the common batches.
    """
    with tempfile.TemporaryDirectory(prefix="nnjax-benchmark-") as name:
        folder = Path(name)
        work.save(folder)
        bench = Bench(module.__name__, folder, cores, say)
        found = bench.starts(peers)
        if OURS not in found:
            raise PeerError("nnjax itself did not run")
        apart = disagreeing({peer: numbers["losses"] for peer, numbers in found.items()}, OURS)
        for peer, difference in apart.items():
            say(f"  {PEERS[peer].title}: left out: its losses differ by {difference:.1e} from nnjax's")
            del found[peer]
        with bench.warm(OURS) as (ours, numbers):
            turns = [bench.turn(ours, seed=2)]
            for peer in [peer for peer in found if peer != OURS]:
                own, theirs = bench.pairs(ours, peer, repeats)
                turns += own
                found[peer] |= theirs
            found[OURS] |= numbers | columns(turns) | {"peak_bytes": ours.ask("peak")["bytes"]}
    return {"work": work.described(), "peers": found, "disagree": apart}

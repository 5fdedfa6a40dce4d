"""The peers' processes: all with the same cores, threads and allocator, and told in turn what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

from benchmarks.peers import PEERS

ROOT = Path(__file__).resolve().parent.parent
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
PAUSE_SECONDS = 0.3  # before each turn: idle threads of the other library stop spinning
KEPT_CHARACTERS = 4000


class PeerError(Exception):
    """A peer that could not do what it was asked to."""


def environment(peer: str, cores: int, caches: Path) -> dict[str, str]:
    """The variables of a peer's process.

    Args:
        peer: Its name in PEERS.
        cores: Threads of every library.
        caches: Folder for compiled programs, empty at the start of the benchmark.
    """
    from nnjax.runner.configure import environment as allocator

    pinned = dict.fromkeys(THREADS, str(cores))
    stores = {"NNJAX_CACHE": str(caches / "nnjax"), "TORCHINDUCTOR_CACHE_DIR": str(caches / "inductor")}
    return {**os.environ, **allocator(os.environ), **pinned, **stores, **PEERS[peer].environment}


class Process:
    """One peer's process, for one workload. Its standard error is a terminal: progress bars are drawn."""

    def __init__(self, module: str, peer: str, folder: Path, environ: Mapping[str, str]) -> None:
        self.peer, self.began, self.said = peer, time.perf_counter(), ""
        ours, theirs = os.openpty()
        command = [sys.executable, "-m", "benchmarks.worker", module, peer, str(folder)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
            cwd=ROOT,
            env={**environ, "TERM": "xterm"},
        )
        os.close(theirs)
        self.to, self.of = cast(IO, self.process.stdin), cast(IO, self.process.stdout)
        self.reader = threading.Thread(target=self._listen, args=(ours,), daemon=True)
        self.reader.start()

    def _listen(self, terminal: int) -> None:
        try:
            while heard := os.read(terminal, 65536):
                self.said = (self.said + heard.decode(errors="replace"))[-KEPT_CHARACTERS:]
        except OSError:  # how Linux says that the other end of a terminal is closed
            pass
        os.close(terminal)

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Tells the process what to do and waits for its answer. Raises PeerError."""
        try:
            print(json.dumps({"do": do, **more}), file=self.to, flush=True)
            line = self.of.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self.close()
            last = self.said.strip().rpartition("\n")[2]
            raise PeerError(f"its process ended with code {self.process.returncode}: {last}")
        answer = json.loads(line)
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer

    def since_start(self) -> float:
        """Seconds since the process was started."""
        return time.perf_counter() - self.began

    def close(self) -> None:
        """Ends the process."""
        self.process.communicate()
        self.reader.join(timeout=10)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

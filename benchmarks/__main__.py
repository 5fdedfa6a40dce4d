"""The command: `python -m benchmarks [WORKLOAD...] [--peer NAME]... [--repeats N] [--quick]`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import machine
from benchmarks.peers import OURS, PEERS
from benchmarks.processes import PeerError, environment
from benchmarks.publish import RESULTS, publish, read_results, write_result
from benchmarks.runner import measure
from benchmarks.summary import table

WORKLOADS = {
    "W1": "w1_moons",
    "W2": "w2_population",
    "W3": "w3_fashion_mlp",
    "W4": "w4_fashion_cnn",
    "W5a": "w5a_lstm_classifier",
    "W5b": "w5b_char_lm",
    "W6": "w6_alexnet",
    "W7": "w7_vgg16",
}


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parsed = argparse.ArgumentParser(prog="python -m benchmarks", description="nnjax beside its peers.")
    parsed.add_argument(
        "workloads", nargs="*", metavar="WORKLOAD", help=f"{', '.join(WORKLOADS)}; all if none"
    )
    parsed.add_argument("--peer", action="append", choices=list(PEERS), help="only this one; may be repeated")
    parsed.add_argument("--repeats", type=int, default=9, help="turns of each pair (9); 0 only draws again")
    parsed.add_argument("--quick", action="store_true", help="small workloads, 2 turns: a try, not a result")
    parsed.add_argument("--cores", type=int, help="processor cores for every library (all that there are)")
    parsed.add_argument(
        "--out", type=Path, help=f"folder of the results ({RESULTS.name}; --quick keeps none)"
    )
    parsed.add_argument(
        "--publish", action="store_true", help="writes the tables and the chart into the docs"
    )
    return parsed


def chosen_peers(module: ModuleType, wanted: list[str] | None) -> list[str]:
    """The peers of a workload that were asked for and are installed, nnjax first."""
    peers = []
    for name in module.TRAINERS:
        if name != OURS and wanted and name not in wanted:
            continue
        missing = PEERS[name].missing()
        if missing:
            print(f"  {PEERS[name].title}: left out: it is not installed ({missing})")
        else:
            peers.append(name)
    return peers


def this_machine(cores: int | None) -> dict[str, Any]:
    """The machine with its peak, on the first `cores` cores where a number is given."""
    from nnjax.runner.configure import usable_cores

    busy = machine.load()
    if busy > machine.BUSY:
        print(f"something else is running on this machine (load {busy:.1f}): expect crooked ratios")
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    environ = environment(OURS, usable_cores(), Path("unused"))
    peaks = machine.peak_flops(environ)
    more = {"load_before": busy, "peaks": peaks, "peak_flops": max(peaks.values())}
    return machine.described(usable_cores(), environ) | more


def run(name: str, arguments: argparse.Namespace, described: dict[str, Any]) -> dict[str, Any] | None:
    """Measures one workload and prints its table; None where it cannot be run."""
    from nnjax.errors import NnjaxError

    module = importlib.import_module(f"benchmarks.{WORKLOADS[name]}")
    repeats = min(arguments.repeats, 2) if arguments.quick else arguments.repeats
    try:
        work = module.work(arguments.quick)
        print(f"\n{name}: {work.title} ({work.details})")
        peers = chosen_peers(module, arguments.peer)
        result = measure(module, work, peers, repeats, described["cores"], print) | {"machine": described}
    except (NnjaxError, PeerError) as error:
        print(f"{name}: left out: {error}")
        return None
    print(f"\n{table(result)}", flush=True)
    return result


def main(words: list[str] | None = None) -> int:
    """Runs the workloads in turn; gives the exit code."""
    arguments = parser().parse_args(words)
    cased = {name.upper(): name for name in WORKLOADS}
    names = [cased.get(name.upper(), name) for name in arguments.workloads] or list(WORKLOADS)
    unknown = [name for name in names if name not in WORKLOADS]
    if unknown:
        parser().error(f"wanted {', '.join(WORKLOADS)}; got {', '.join(unknown)}")
    # A try, or a part of the peers, does not replace what a whole run has found.
    folder = arguments.out or (None if arguments.quick or arguments.peer else RESULTS)
    failed = False
    described = this_machine(arguments.cores) if arguments.repeats else {}
    for name in names if arguments.repeats else []:
        result = run(name, arguments, described)
        failed |= result is None or bool(result["disagree"])
        if folder is not None and result is not None:
            print(f"\nkept in {write_result(result, folder)}")
    if folder is not None and (results := read_results(folder)):
        publish(results, folder, arguments.publish)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

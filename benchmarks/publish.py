"""Where results go: a JSON file a workload, a Markdown page, a chart, and the pages that show them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.chart import ratios
from benchmarks.machine import BUSY
from benchmarks.peers import OURS, PEERS
from benchmarks.processes import ROOT
from benchmarks.summary import spread, table

RESULTS = ROOT / "benchmarks" / "results"
PAGES = {ROOT / "docs" / "performance.md": "whole", ROOT / "README.md": "short"}
CHART = ROOT / "docs" / "images" / "benchmarks.png"
BEGIN, END = (
    "<!-- benchmarks: {} table, written by python -m benchmarks --publish -->",
    "<!-- benchmarks: end -->",
)

Results = Mapping[str, Mapping[str, Any]]


def write_result(result: Mapping[str, Any], folder: Path) -> Path:
    """Keeps one workload's result as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result['work']['name']}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    return path


def read_results(folder: Path) -> dict[str, Any]:
    """All results in a folder, in the order of their names."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("W*.json"))}


def publish(results: Results, folder: Path, into_docs: bool) -> None:
    """Writes the page and the chart beside the results, and into the docs where that is wanted."""
    from nnjax.runner import plots

    figure = ratios(results)
    plots.save(figure, folder / "ratios.png")
    (folder / "table.md").write_text(whole(results) + "\n")
    print(f"\ntable and chart: {folder / 'table.md'}, {folder / 'ratios.png'}")
    if into_docs:
        plots.save(figure, CHART)
        for page, kind in PAGES.items():
            picture = f"![Time of nnjax over that of each peer]({CHART.relative_to(page.parent)})"
            text = f"{picture}\n\n{whole(results) if kind == 'whole' else short(results)}"
            written = between(page.read_text(), kind, text)
            if written is not None:
                page.write_text(written)
                print(f"written into {page.relative_to(ROOT)}")


def between(page: str, kind: str, text: str) -> str | None:
    """The page with `text` between its two marks; None where it has no such marks.

    >>> between(f"a\\n{BEGIN.format('short')}\\nold\\n{END}\\nb", "short", "new").splitlines()[2:-2]
    ['', 'new', '']
    """
    begin = BEGIN.format(kind)
    if begin not in page or END not in page:
        return None
    before, rest = page.split(begin, 1)
    return f"{before}{begin}\n\n{text}\n\n{END}{rest.split(END, 1)[1]}"


def whole(results: Results) -> str:
    """Every workload's table, and what it was measured on."""
    parts = []
    for name, result in results.items():
        parts += [f"**{name}: {result['work']['title']}** ({result['work']['details']})", table(result)]
        if result["disagree"]:
            names = ", ".join(PEERS[peer].title for peer in result["disagree"])
            parts.append(f"Left out, since its losses differ from nnjax's on the same batches: {names}.")
    return "\n\n".join([*parts, *machines(results)])


def short(results: Results) -> str:
    """One line a workload: the ratio to PyTorch and to the quickest peer, losses included."""
    lines = ["| work | nnjax / PyTorch | nnjax / the quickest of the others |", "|---|---:|---:|"]
    for name, result in results.items():
        peers = {peer: n for peer, n in result["peers"].items() if peer != OURS and "ratios" in n}
        middle = {peer: spread(numbers["ratios"])["median"] for peer, numbers in peers.items()}
        baseline = next((middle[peer] for peer in ("pytorch", "pytorch-func") if peer in middle), None)
        quickest = max(middle, key=lambda peer: middle[peer])
        told = "" if baseline is None else f"{baseline:.2g}"
        beside = f"{middle[quickest]:.2g} ({PEERS[quickest].title})"
        lines.append(f"| {name}: {result['work']['title']} | {told} | {beside} |")
    return "\n".join(lines)


def machines(results: Results) -> list[str]:
    """What the run was made on, once where all workloads share it."""
    told: dict[str, list[str]] = {}
    for name, result in results.items():
        machine = result["machine"]
        versions = ", ".join(f"{package} {version}" for package, version in machine["versions"].items())
        text = (
            f"{machine['processor']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB, "
            f"{machine['system']}, Python {machine['python']}; {versions}; matrix product at best "
            f"{machine['peak_flops'] / 1e9:.0f} GFLOP/s; {machine['date']}"
        )
        if machine["load_before"] > BUSY:
            text += (
                f"; something else was running (load {machine['load_before']:.1f}), so the ratios are crooked"
            )
        told.setdefault(text, []).append(name)
    return [f"On the machine of the run ({', '.join(names)}): {text}." for text, names in told.items()]

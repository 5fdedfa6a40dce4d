"""The commands of `nnjax`: what each reads from its words, and who answers it.

What is heavy is imported by the command that needs it, so that `nnjax --help` and `nnjax list` answer
without JAX.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from nnjax.errors import EXIT_OK, ConfigError

EXIT_DIFFERS = 1
ON_DIVERGENCE = "raise (end), skip (leave out the segment) or rollback (best parameters, a tenth of the rate)"


class Command(NamedTuple):
    """One subcommand.

    Attributes:
        answer: Takes the words after the command's name and returns the exit code.
        words: What follows the name, for the help.
        purpose: What it does, for the help.
        trains: Whether it is worth starting the process again with the allocator's variables.
    """

    answer: Callable[[Sequence[str]], int]
    words: str
    purpose: str
    trains: bool = False


class Parser(argparse.ArgumentParser):
    """argparse whose errors are `ConfigError`s."""

    def error(self, message: str) -> NoReturn:
        """Raises what argparse would print."""
        raise ConfigError(f"{message} (see `{self.prog} --help`)")


def run(words: Sequence[str]) -> int:
    """`nnjax run EXPERIMENT [--out DIR] [settings]`."""
    if not words or words[0] in ("-h", "--help"):
        print("usage: nnjax run EXPERIMENT [--out DIR] [--on-divergence POLICY] [--save-every N] [settings]")
        print("       nnjax run --all-chapters [--out DIR]\n")
        print("EXPERIMENT is a name from `nnjax list` or the path of a .py file; --out is the folder that")
        print("runs go to (./runs). Each experiment has its own settings: `nnjax run EXPERIMENT --help`.")
        print("--all-chapters runs every chapter and writes one page that leads to all of them.")
        print("--seeds 32 and --sweep NAME=... make many trainings of one: `nnjax run EXPERIMENT --help`.")
        print(f"--on-divergence: {ON_DIVERGENCE}")
        print("--save-every N keeps the checkpoint of every Nth segment; the newest three are kept anyway.")
        return EXIT_OK
    from nnjax.runner.listing import find_experiment

    parser = Parser("nnjax run", add_help=False, allow_abbrev=False)
    parser.add_argument("--out", default="runs", metavar="DIR")
    if "--all-chapters" in words:
        parser.add_argument("--all-chapters", action="store_true")
        from nnjax.runner.chapters import run_all_chapters

        return run_all_chapters(parser.parse_args(list(words)).out)
    if words[0].startswith("-"):
        raise ConfigError(f"nnjax run wants an experiment first, got {words[0]}; `nnjax list` shows them")
    path = find_experiment(words[0])
    parser.add_argument("--on-divergence", default="raise", metavar="POLICY")
    parser.add_argument("--save-every", type=int, metavar="N")
    options, settings = parser.parse_known_args(list(words[1:]))
    from nnjax.runner.experiment import run_experiment
    from nnjax.runner.training_run import Keeping

    run_experiment(path, settings, options.out, Keeping(options.on_divergence, options.save_every))
    return EXIT_OK


def plan(words: Sequence[str]) -> int:
    """`nnjax plan EXPERIMENT [settings]`."""
    if not words or words[0] in ("-h", "--help"):
        print("usage: nnjax plan EXPERIMENT [settings]\n")
        print("Layers, parameters, multiply-adds, memory and time of a training, before anything trains.")
        print("The settings are those of `nnjax run EXPERIMENT`; exit code 7 if it cannot fit in memory.")
        return EXIT_OK
    if words[0].startswith("-"):
        raise ConfigError(f"nnjax plan wants an experiment first, got {words[0]}; `nnjax list` shows them")
    from nnjax.runner.listing import find_experiment
    from nnjax.runner.plan_command import plan_experiment

    plan_experiment(find_experiment(words[0]), words[1:])
    return EXIT_OK


def resume(words: Sequence[str]) -> int:
    """`nnjax resume RUN`."""
    text = "Goes on with a run that was stopped or killed, and ends as if it had not been."
    parser = Parser("nnjax resume", description=text)
    _run_argument(parser)
    text = "go on although versions, devices or data are others; it may then end differently"
    parser.add_argument("--force", action="store_true", help=text)
    parser.add_argument("--on-divergence", metavar="POLICY", help=ON_DIVERGENCE)
    options = parser.parse_args(list(words))
    from nnjax.runner.resume import resume as go_on

    go_on(options.run, force=options.force, on_divergence=options.on_divergence)
    return EXIT_OK


def verify(words: Sequence[str]) -> int:
    """`nnjax verify RUN`."""
    text = "Trains the last stretch of a run again, from a checkpoint, and compares the results bit for bit."
    parser = Parser("nnjax verify", description=text)
    _run_argument(parser)
    options = parser.parse_args(list(words))
    from nnjax.runner.verify import verify as check

    check(options.run)
    return EXIT_OK


def list_experiments(words: Sequence[str]) -> int:
    """`nnjax list`."""
    Parser("nnjax list", description="The experiments, each with its purpose.").parse_args(list(words))
    from nnjax.runner.listing import show_list

    print(show_list())
    return EXIT_OK


def report(words: Sequence[str]) -> int:
    """`nnjax report RUN`."""
    parser = Parser("nnjax report", description="Makes the figures' page of a run again.")
    _run_argument(parser)
    options = parser.parse_args(list(words))
    from nnjax.runner.report import write_report
    from nnjax.runner.run_folder import find_run

    print(write_report(find_run(options.run)))
    return EXIT_OK


def predict(words: Sequence[str]) -> int:
    """`nnjax predict RUN FILE...`."""
    parser = Parser("nnjax predict", description="Classes and probabilities for new examples.")
    _run_argument(parser)
    parser.add_argument("files", metavar="FILE", nargs="+", help="images, or .npz files with `inputs`")
    parser.add_argument("--invert", action="store_true", help="exchange black and white in images")
    options = parser.parse_args(list(words))
    from nnjax.runner.predicting import predict_files
    from nnjax.runner.run_folder import find_run

    predict_files(find_run(options.run), options.files, options.invert)
    return EXIT_OK


def evaluate(words: Sequence[str]) -> int:
    """`nnjax evaluate RUN`."""
    parser = Parser("nnjax evaluate", description="Scores a run on its parts again.")
    _run_argument(parser)
    options = parser.parse_args(list(words))
    from nnjax.runner.predicting import evaluate_run
    from nnjax.runner.run_folder import find_run

    evaluate_run(find_run(options.run))
    return EXIT_OK


def explain(words: Sequence[str]) -> int:
    """`nnjax explain RUN [--step T] [--example I]`."""
    parser = Parser(
        "nnjax explain", description="Every number of a neuron, and a page to step through a training."
    )
    _run_argument(parser)
    parser.add_argument("--step", type=int, metavar="T", help="an optimiser step; the last if left out")
    parser.add_argument("--example", type=int, default=0, metavar="I", help="a row of the part, from 0")
    parser.add_argument("--part", default="train", metavar="PART", help="train (if left out), valid or test")
    parser.add_argument("--neuron", metavar="L:J", help="neuron J of dense layer L, a number or a name")
    parser.add_argument("--layer", metavar="NAME", help="a convolution, or a recurrent layer")
    parser.add_argument("--window", metavar="ROW,COLUMN", help="a place of the window of a convolution")
    parser.add_argument("--channel", type=int, metavar="C", help="an output channel of a convolution")
    parser.add_argument("--time", type=int, metavar="T", help="a time step of a recurrent layer, from 0")
    parser.add_argument("--unit", type=int, metavar="J", help="a unit of a recurrent layer, from 0")
    options = parser.parse_args(list(words))
    from nnjax.runner.explain import explain_run
    from nnjax.runner.explain.kinds import Where
    from nnjax.runner.run_folder import find_run

    where = Where(*(getattr(options, name) for name in Where._fields))
    explain_run(find_run(options.run), options.step, options.example, options.part, where)
    return EXIT_OK


def replay(words: Sequence[str]) -> int:
    """`nnjax replay RUN --member N`."""
    parser = Parser("nnjax replay", description="Trains one member of a population alone, and compares.")
    _run_argument(parser)
    parser.add_argument("--member", type=int, required=True, help="its number in members.csv")
    text = "the largest |a - b| / max(1, |b|) that counts as agreement"
    parser.add_argument("--tolerance", type=float, default=1e-3, help=f"{text} (default: %(default)s)")
    options = parser.parse_args(list(words))
    from nnjax.runner.replay import replay_member
    from nnjax.runner.run_folder import find_run

    agrees = replay_member(find_run(options.run), options.member, options.tolerance)
    return EXIT_OK if agrees else EXIT_DIFFERS


def weights(words: Sequence[str]) -> int:
    """`nnjax weights import|fetch|export|show`."""
    from nnjax.runner.weights_command import answer

    return answer(words)


def style(words: Sequence[str]) -> int:
    """`nnjax style CONTENT STYLE... -o OUT.png`."""
    from nnjax.runner.style_command import answer

    return answer(words)


def data(words: Sequence[str]) -> int:
    """`nnjax data list|fetch`."""
    from nnjax.runner.data_command import answer

    return answer(words)


def duet(words: Sequence[str]) -> int:
    """`nnjax duet RUN --melody MELODY -o out.mid`."""
    from nnjax.runner.duet import command

    return command(words)


def doctor(words: Sequence[str]) -> int:
    """`nnjax doctor [--environment]`."""
    parser = Parser("nnjax doctor", description="What is installed, found and missing.")
    text = "print the allocator's variables alone, for `env $(nnjax doctor --environment) python script.py`"
    parser.add_argument("--environment", action="store_true", help=text)
    options = parser.parse_args(list(words))
    if options.environment:
        from nnjax.runner.configure import environment

        print(*(f"{name}={value}" for name, value in environment({}).items()))
        return EXIT_OK
    from nnjax.runner.doctor import examine

    examine()
    return EXIT_OK


def _run_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run folder, or an experiment's name for its last run")


COMMANDS = {
    "run": Command(run, "EXPERIMENT [settings]", "trains, and leaves a folder with a report", trains=True),
    "plan": Command(plan, "EXPERIMENT [settings]", "what a training would take, before it starts"),
    "resume": Command(resume, "RUN", "goes on with a run that was stopped or killed", trains=True),
    "verify": Command(verify, "RUN", "trains a stretch again and compares bit for bit", trains=True),
    "list": Command(list_experiments, "", "the experiments and what each shows"),
    "report": Command(report, "RUN", "makes the report of a run again"),
    "predict": Command(predict, "RUN FILE...", "classes and probabilities for images or .npz files"),
    "evaluate": Command(evaluate, "RUN", "scores a run on its parts again"),
    "explain": Command(explain, "RUN [--step T]", "every number of a neuron, and a page to step through"),
    "replay": Command(replay, "RUN --member N", "one of many trainings alone, and compared", trains=True),
    "style": Command(style, "CONTENT STYLE... -o OUT", "a photograph in the manner of others", trains=True),
    "duet": Command(duet, "RUN --melody MELODY", "answers a played melody with one of its own"),
    "weights": Command(weights, "ACTION ...", "published weights: import, fetch, export, show"),
    "data": Command(data, "ACTION ...", "data sets by name: list, fetch"),
    "doctor": Command(doctor, "", "what is installed, found and missing"),
}

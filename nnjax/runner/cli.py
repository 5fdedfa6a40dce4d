"""The `nnjax` command: what was asked, who answers it, and one line for everything that goes wrong.

What is heavy is imported by the command that needs it, so that `nnjax --help` and `nnjax list` answer
without JAX.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

import nnjax
from nnjax.errors import EXIT_OK, ConfigError, NnjaxError, OutOfMemoryError, StorageError
from nnjax.runner.settings import nearest

EXIT_UNEXPECTED = 70
EXIT_SIGINT = 130
STORAGE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}

HELP = """\
nnjax: the classic neural networks as pure JAX functions

{commands}

Try   nnjax run digits           trains on handwritten digits, no network needed
      nnjax run digits --help    its settings
"""


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


def main(argv: Sequence[str] | None = None) -> int:
    """Answers a command line and returns the exit code; no traceback reaches the user.

    Args:
        argv: The words after `nnjax`; None takes them from the process, which then may start itself
            again with the allocator's variables (`nnjax.runner.configure`).
    """
    words = sys.argv[1:] if argv is None else list(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character is no failure
    try:
        return answer(words, own_process=argv is None)
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except KeyboardInterrupt:
        return say("interrupted", EXIT_SIGINT)
    except Exception as error:
        return report_error(error)


def answer(words: Sequence[str], own_process: bool = False) -> int:
    """Finds the command that `words` name and lets it answer."""
    if not words or words[0] in ("-h", "--help", "help"):
        width = max(len(f"{name} {command.words}") for name, command in COMMANDS.items())
        lines = [f"  nnjax {f'{n} {c.words}':<{width}}   {c.purpose}" for n, c in COMMANDS.items()]
        print(HELP.format(commands="\n".join(lines)), end="")
        return EXIT_OK
    name, *rest = words
    if name == "--version":
        print(f"nnjax {nnjax.__version__}")
        return EXIT_OK
    if name not in COMMANDS:
        raise ConfigError(f"unknown command {name!r}; {nearest(name, list(COMMANDS), 'commands')}")
    if COMMANDS[name].trains and own_process and not {"-h", "--help"} & {*rest}:
        from nnjax.runner.configure import reexecute

        reexecute()
    return COMMANDS[name].answer(rest)


def report_error(error: Exception) -> int:
    """One line on stderr for an error, and its exit code; NNJAX_DEBUG=1 shows the traceback too."""
    known = as_known(error)
    if known is None or os.environ.get("NNJAX_DEBUG") == "1":
        traceback.print_exception(error)
    if known is None:
        message = f"unexpected {type(error).__name__}, a fault of nnjax or of the experiment: {error}"
        return say(" ".join(message.split()), EXIT_UNEXPECTED)
    return say(str(known), known.exit_code)


def as_known(error: Exception) -> NnjaxError | None:
    """The error that a user can act on, or None."""
    if isinstance(error, NnjaxError):
        return error
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
        return OutOfMemoryError(f"out of memory; a smaller --batch-size may help ({error})")
    if isinstance(error, OSError) and error.errno in STORAGE:
        return StorageError(f"{error.filename or 'storage'}: {error.strerror}")
    return None


def say(message: str, code: int) -> int:
    """Prints a message on stderr and returns the exit code."""
    print(f"nnjax: {message}", file=sys.stderr)
    return code


def run(words: Sequence[str]) -> int:
    """`nnjax run EXPERIMENT [--out DIR] [settings]`."""
    if not words or words[0] in ("-h", "--help"):
        print("usage: nnjax run EXPERIMENT [--out DIR] [settings]")
        print("       nnjax run --all-chapters [--out DIR]\n")
        print("EXPERIMENT is a name from `nnjax list` or the path of a .py file; --out is the folder that")
        print("runs go to (./runs). Each experiment has its own settings: `nnjax run EXPERIMENT --help`.")
        print("--all-chapters runs every chapter and writes one page that leads to all of them.")
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
    options, settings = parser.parse_known_args(list(words[1:]))
    from nnjax.runner.experiment import run_experiment

    run_experiment(path, settings, options.out)
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
    parser.add_argument("--neuron", metavar="L:J", help="neuron J of layer L, both from 0")
    options = parser.parse_args(list(words))
    from nnjax.runner.explain import explain_run
    from nnjax.runner.run_folder import find_run

    explain_run(find_run(options.run), options.step, options.example, options.part, options.neuron)
    return EXIT_OK


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
    "list": Command(list_experiments, "", "the experiments and what each shows"),
    "report": Command(report, "RUN", "makes the report of a run again"),
    "predict": Command(predict, "RUN FILE...", "classes and probabilities for images or .npz files"),
    "evaluate": Command(evaluate, "RUN", "scores a run on its parts again"),
    "explain": Command(explain, "RUN [--step T]", "every number of a neuron, and a page to step through"),
    "doctor": Command(doctor, "", "what is installed, found and missing"),
}

if __name__ == "__main__":
    sys.exit(main())

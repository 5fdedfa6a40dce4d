"""The `nnjax` command: what was asked, and one line for everything that goes wrong."""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from collections.abc import Sequence

import nnjax
from nnjax.errors import EXIT_OK, ConfigError, NnjaxError, OutOfMemoryError, StorageError
from nnjax.runner.commands import COMMANDS
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


if __name__ == "__main__":
    sys.exit(main())

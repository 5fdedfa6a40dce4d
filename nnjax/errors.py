"""What can go wrong, and the exit code of the `nnjax` command for each.

Every error that a user can cause is one of these, says what was wanted and what came, and is
raised before anything is compiled wherever that is possible.
"""

EXIT_OK = 0


class NnjaxError(Exception):
    """Base of every error that nnjax raises on purpose. `exit_code` 70 is our own fault."""

    exit_code = 70


class ConfigError(NnjaxError, ValueError):
    """A setting that is unknown, of the wrong type or out of range."""

    exit_code = 2


class DataError(NnjaxError, ValueError):
    """Data that cannot be trained on; the message names the row or the file."""

    exit_code = 3


class DivergedError(NnjaxError):
    """A training whose loss, gradient or parameters stopped being finite.

    Attributes:
        member: The last good state of the training.
        step: The step that broke, where it is known.
        cause: What is not finite, in words.
    """

    exit_code = 4

    def __init__(self, message: str, member: object = None, step: int | None = None, cause: str = "") -> None:
        super().__init__(message)
        self.member = member
        self.step = step
        self.cause = cause


class DamagedError(NnjaxError):
    """A file that is damaged, truncated or not to be trusted."""

    exit_code = 5


class StorageError(NnjaxError):
    """A folder that cannot be written, or a full disk."""

    exit_code = 6


class OutOfMemoryError(NnjaxError):
    """A run that does not fit in the memory of the machine."""

    exit_code = 7


class LockedError(NnjaxError):
    """A run folder that another process is using."""

    exit_code = 8


class InterruptedRun(NnjaxError):
    """A run that a signal ended after it had saved; `nnjax resume` continues it."""

    exit_code = 75

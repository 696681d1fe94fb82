"""What is wrong with a configuration, and where."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from attrs import Factory, define, frozen

# What is quoted from a file may be of any length.
_LONGEST_LINE = 2000


class Kind(Enum):
    """How grave a problem is, and of what nature."""

    ERROR = "error"  # the registry does not start
    UNKNOWN = "unknown key"  # nobody knows the key: most likely a slip of the pen
    UNSUPPORTED = "not supported yet"  # Distribution knows the key, this registry does not do it yet
    DOUBTFUL = "doubtful"  # accepted, but it may not mean what its author thinks


@frozen
class Problem:
    """One mistake.

    `path` is the dotted key path, empty for the document as a whole; `where` is `FILE:LINE`, or the name of an
    environment variable, or empty.
    """

    path: str
    message: str
    where: str
    kind: Kind = Kind.ERROR

    def __str__(self) -> str:
        """One printable line: `where: path: message`, without the parts that are empty."""
        line = ": ".join(part for part in (self.where, self.path, self.message) if part)
        if len(line) > _LONGEST_LINE:
            line = line[:_LONGEST_LINE] + "\u2026"
        # Keys come from the file: none of their control characters shall reach a terminal.
        return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)


@frozen
class ConfigurationError(Exception):
    """A configuration that cannot be used; `problems` holds every error that was found, never empty."""

    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        """One line for each error."""
        return "\n".join(str(problem) for problem in self.problems)


@frozen
class Refused(Exception):
    """A value that cannot be taken; raised where it is read, collected by `Report.collecting`."""

    problem: Problem


@define
class Report:
    """Collects problems, so that all of them are told at once."""

    errors: list[Problem] = Factory(list)
    warnings: list[Problem] = Factory(list)

    def add(self, path: str, message: str, where: str, kind: Kind = Kind.ERROR) -> None:
        """Note a problem."""
        (self.errors if kind is Kind.ERROR else self.warnings).append(Problem(path, message, where, kind))

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Note what is refused within the block and go on behind it."""
        try:
            yield
        except Refused as refused:
            self.errors.append(refused.problem)

    def settle(self) -> None:
        """Each problem once, in the order of the file's lines; those without a line, as of variables, behind them."""
        self.errors = sorted(dict.fromkeys(self.errors), key=_line)
        self.warnings = sorted(dict.fromkeys(self.warnings), key=_line)

    def raise_errors(self) -> None:
        """Raise `ConfigurationError` if any error was noted."""
        if self.errors:
            raise ConfigurationError(tuple(self.errors))


def _line(problem: Problem) -> float:
    line = problem.where.rpartition(":")[2]
    return int(line) if line.isdecimal() and len(line) < 9 else math.inf

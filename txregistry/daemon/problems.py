"""What can keep the registry from starting, besides its configuration and its certificate."""

from __future__ import annotations

from attrs import frozen


class StartProblem(Exception):
    """The start ends here; its text is one line for the operator."""


@frozen
class CannotListen(StartProblem):
    """The address cannot be had."""

    address: str
    reason: str

    def __str__(self) -> str:
        return f"cannot listen on {self.address}: {self.reason}"


@frozen
class StorageUnusable(StartProblem):
    """The root folder of the store cannot be made, read or written."""

    folder: str
    reason: str

    def __str__(self) -> str:
        return f"cannot use the storage folder {self.folder}: {self.reason}"


@frozen
class LogUnusable(StartProblem):
    """A log file cannot be opened."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"cannot write the log {self.path}: {self.reason}"


@frozen
class AuthUnusable(StartProblem):
    """A file that says who may come in cannot be used."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"cannot use {self.path} for authentication: {self.reason}"


@frozen
class ExtraMissing(StartProblem):
    """A section needs a library that comes with an extra of the package."""

    section: str
    extra: str

    def __str__(self) -> str:
        return f"{self.section} needs a library that is not installed: pip install 'txregistry[{self.extra}]'"

"""Finds the programs that a live test needs, or says why the test cannot run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[3]
# Where `make tools` puts what is built from source; Debian keeps daemons out of an ordinary PATH.
_SEARCH = os.pathsep.join((str(ROOT / ".cache" / "bin"), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


def absent(reason: str) -> NoReturn:
    """Skip the test, or fail it where REQUIRE_LIVE=1 says that everything has been installed."""
    if os.environ.get("REQUIRE_LIVE") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def require(tool: str) -> str:
    """The path of a program."""
    found = shutil.which(tool, path=_SEARCH)
    if found is None:
        absent(f"{tool} is not installed")
    return found


def require_root(what: str) -> None:
    """Some things of the kernel are for root alone."""
    if os.geteuid() != 0:
        absent(f"{what} needs root")


def run(*command: str, timeout: float = 120, **environment: str) -> str:
    """Run a program to its end and return what it printed; a failure shows its output."""
    finished = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        env={**os.environ, **environment},
    )
    assert finished.returncode == 0, f"{' '.join(command)}\n{finished.stdout}"
    return finished.stdout

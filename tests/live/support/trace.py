"""Reads what strace saw: system calls with the paths they are about, in the order of their ends."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

SYNCS = frozenset({"fsync", "fdatasync"})
RENAMES = frozenset({"rename", "renameat", "renameat2"})
FOLDERS = frozenset({"mkdir", "mkdirat"})
REMOVALS = frozenset({"unlink", "unlinkat", "rmdir"})
SENDS = frozenset({"sendto", "sendmsg", "write", "writev"})

_LINE = re.compile(r"^(?P<thread>\d+) +(?P<text>.*)$")
_RESUMED = re.compile(r"^<\.\.\. \w+ resumed>(?P<rest>.*)$")
_CALL = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")
# `7</a/file>`, `AT_FDCWD</a>, "file"` and `"/a/file"` are all paths.
_PATH = re.compile(r'(?:(?:\d+|AT_FDCWD)(?:<(?P<folder>[^>]*)>)?, )?"(?P<name>[^"]*)"|^\d+<(?P<open>[^>]*)>')


@frozen
class Call:
    """One call that succeeded; times are numbers of lines."""

    name: str
    paths: tuple[str, ...]
    text: str
    began: int
    ended: int


def strace(output: Path) -> tuple[str, ...]:
    """The command that traces another one into a file."""
    calls = ",".join(sorted(SYNCS | RENAMES | FOLDERS | REMOVALS | SENDS))
    return ("strace", "-f", "-y", "-s", "64", "-e", f"trace={calls}", "-o", str(output))


def read_trace(output: Path) -> list[Call]:
    """All calls that succeeded."""
    return list(_calls(output.read_text(errors="replace").splitlines()))


def _calls(lines: list[str]) -> Iterator[Call]:
    unfinished: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines):
        match = _LINE.match(line)
        if match is None:
            continue
        thread, text, began = match["thread"], match["text"], number
        if text.endswith("<unfinished ...>"):
            unfinished[thread] = (number, text.removesuffix("<unfinished ...>").rstrip())
            continue
        resumed = _RESUMED.match(text)
        if resumed is not None and thread in unfinished:
            began, head = unfinished.pop(thread)
            text = head + resumed["rest"]
        call = _CALL.match(text)
        if call is not None and int(call["result"]) >= 0:
            yield Call(call["name"], tuple(_paths(call["arguments"])), text, began, number)


def _paths(arguments: str) -> Iterator[str]:
    for match in _PATH.finditer(arguments):
        yield match["open"] or os.path.join(match["folder"] or "", match["name"])

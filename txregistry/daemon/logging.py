"""Where log events go and in which form: levels, text, JSON and Logstash, with the fields of the configuration."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from twisted.python.failure import Failure
from zope.interface import implementer

Formatter = Callable[[LogEvent], str]

# Distribution's names for the levels, which existing pipelines look for.
_LEVEL_NAMES = {
    LogLevel.debug: "debug",
    LogLevel.info: "info",
    LogLevel.warn: "warning",
    LogLevel.error: "error",
    LogLevel.critical: "fatal",
}
# sd-daemon(3): the priority that journald reads at the start of a line.
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "fatal": 2}
# What the older twisted.python.log adds to an event beside its own fields.
_LEGACY = frozenset({"format", "isError", "message", "system", "time", "failure", "why"})
_PLAIN = re.compile(r"[A-Za-z0-9._/@^+:\-]+")


class Stream(Protocol):
    """Takes text; a file does, and so does Twisted's `LogFile`."""

    def write(self, text: str, /) -> object:
        """Take it."""

    def flush(self) -> object:
        """Let it be seen."""


@implementer(ILogObserver)
class StreamObserver:
    """Writes each event of the level or above as one line."""

    def __init__(self, stream: Stream, level: str, formatter: Formatter, worker: int | None = None) -> None:
        """`level` is log.level: error, warn, info or debug. The number of a worker stands on each of its lines."""
        self._stream = stream
        self._level = level
        self._least = LogLevel.lookupByName(level)
        self._format = formatter
        self._more: LogEvent = {} if worker is None else {"worker": worker}

    def of_worker(self, stream: Stream, worker: int) -> StreamObserver:
        """The same for a worker, which writes elsewhere."""
        return StreamObserver(stream, self._level, self._format, worker)

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver`."""
        if event.get("log_level", LogLevel.info) < self._least:
            return
        self.write_lines(self._format({**self._more, **event}) + "\n")

    def write_lines(self, lines: str) -> None:
        """What has its form already; its newline included."""
        try:
            self._stream.write(lines)
            self._stream.flush()
        except (OSError, ValueError):
            pass  # The reader is gone or the stream is closed: there is nowhere left to say so.


def formatter_for(name: str, fields: Mapping[str, object], journal: bool = False) -> Formatter:
    """The formatter that log.formatter names; `fields` stand on each line.

    With `journal`, text lines begin with a priority and leave the time to journald.
    """
    if name == "json":
        return lambda event: _json({**fields, **_describe(event)})
    if name == "logstash":
        return lambda event: _json({**fields, **_for_logstash(_describe(event))})
    if journal:
        return lambda event: _journal({**fields, **_describe(event)})
    return lambda event: _text({**fields, **_describe(event)})


def is_journal(descriptor: int, environ: Mapping[str, str]) -> bool:
    """Whether it leads to the journal, by its device and inode (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _describe(event: LogEvent) -> dict[str, object]:
    time = datetime.fromtimestamp(event["log_time"], UTC)
    described: dict[str, object] = {
        "time": time.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "level": _LEVEL_NAMES[event.get("log_level", LogLevel.info)],
        "msg": formatEvent(event),
        "logger": event.get("log_namespace", "-"),
    }
    for key, value in event.items():
        if not key.startswith("log_") and key not in _LEGACY:
            described.setdefault(key, value)
    failure = event.get("log_failure")
    if isinstance(failure, Failure):
        described["error"] = f"{type(failure.value).__name__}: {failure.getErrorMessage()}"
        described["traceback"] = failure.getTraceback()
    return described


def _for_logstash(described: dict[str, object]) -> dict[str, object]:
    described["@timestamp"] = described.pop("time")
    described["@version"] = "1"
    described["message"] = described.pop("msg")
    return described


def _json(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, default=str, separators=(",", ":"))


def _text(fields: Mapping[str, object]) -> str:
    first = {key: fields[key] for key in ("time", "level", "msg") if key in fields}
    return " ".join(f"{key}={_quoted(value)}" for key, value in {**first, **fields}.items())


def _journal(fields: Mapping[str, object]) -> str:
    priority = _PRIORITIES[str(fields["level"])]
    return f"<{priority}>" + _text({key: value for key, value in fields.items() if key != "time"})


def _quoted(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)

import io
import json
import os
from pathlib import Path

import pytest
from twisted.logger import Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure

from txregistry.daemon.logging import StreamObserver, formatter_for, is_journal

FIELDS = {"service": "registry", "environment": "staging"}


def written(formatter: str, *, level: str = "info", journal: bool = False, **event: object) -> str:
    stream = io.StringIO()
    complete = {
        "log_level": LogLevel.info,
        "log_namespace": "txregistry.registry.uploads",
        "log_time": 1_772_600_767.25,
        "log_format": "upload committed",
        **event,
    }
    StreamObserver(stream, level, formatter_for(formatter, FIELDS, journal))(complete)
    return stream.getvalue()


def test_text_puts_time_level_and_message_first() -> None:
    assert written("text", repository="library/app", size=12) == (
        'time=2026-03-04T05:06:07.250000Z level=info msg="upload committed" service=registry environment=staging '
        "logger=txregistry.registry.uploads repository=library/app size=12\n"
    )


def test_json_has_distributions_names_and_the_configured_fields() -> None:
    assert written("json", log_level=LogLevel.warn, size=12) == (
        '{"service":"registry","environment":"staging","time":"2026-03-04T05:06:07.250000Z","level":"warning",'
        '"msg":"upload committed","logger":"txregistry.registry.uploads","size":12}\n'
    )


def test_logstash_has_its_own_names_for_time_and_message() -> None:
    assert json.loads(written("logstash")) == {
        "@timestamp": "2026-03-04T05:06:07.250000Z",
        "@version": "1",
        "environment": "staging",
        "level": "info",
        "logger": "txregistry.registry.uploads",
        "message": "upload committed",
        "service": "registry",
    }


def test_the_journal_gets_a_priority_and_no_time() -> None:
    line = written("text", journal=True, log_level=LogLevel.error)
    assert line.startswith('<3>level=error msg="upload committed" service=registry')
    assert "time=" not in line


def test_a_configured_field_cannot_hide_the_message() -> None:
    stream = io.StringIO()
    formatter = formatter_for("json", {"msg": "hidden"})
    StreamObserver(stream, "info", formatter)({"log_format": "seen", "log_time": 0.0, "log_level": LogLevel.info})
    assert json.loads(stream.getvalue())["msg"] == "seen"


@pytest.mark.parametrize("formatter", ["text", "json", "logstash"])
def test_a_value_with_line_breaks_stays_on_one_line(formatter: str) -> None:
    line = written(formatter, path='a\nlevel=error msg="forged"')
    assert line.count("\n") == 1
    assert line.endswith("\n")


def test_a_value_that_json_does_not_know_is_written_as_text() -> None:
    assert json.loads(written("json", path=Path("/data")))["path"] == "/data"


@pytest.mark.parametrize(
    ("level", "logged"),
    [
        ("debug", ["debug", "info", "warning", "error", "fatal"]),
        ("info", ["info", "warning", "error", "fatal"]),
        ("warn", ["warning", "error", "fatal"]),
        ("error", ["error", "fatal"]),
    ],
)
def test_events_below_the_level_are_left_out(level: str, logged: list[str]) -> None:
    lines = [written("json", level=level, log_level=each) for each in LogLevel.iterconstants()]
    assert [json.loads(line)["level"] for line in lines if line] == logged


def test_a_failure_has_its_error_and_its_traceback() -> None:
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError:
        failure = Failure()  # type: ignore[no-untyped-call]  # Twisted's own
    described = json.loads(written("json", log_failure=failure))
    assert described["error"] == "ZeroDivisionError: by zero"
    assert "test_logging.py" in described["traceback"]


def test_an_event_of_a_real_logger_is_written() -> None:
    stream = io.StringIO()
    publisher = LogPublisher(StreamObserver(stream, "info", formatter_for("json", {})))
    Logger(namespace="x", observer=publisher).info("upload committed", digest="sha256:0")
    described = json.loads(stream.getvalue())
    assert (described["logger"], described["digest"]) == ("x", "sha256:0")


def test_a_stream_whose_reader_is_gone_does_not_stop_the_program() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as stream:
        StreamObserver(stream, "info", formatter_for("text", {}))({"log_format": "x", "log_time": 0.0})
        os.dup2(os.open(os.devnull, os.O_WRONLY), writer)  # what is left in the buffer has somewhere to go


def test_the_journal_is_known_by_device_and_inode() -> None:
    reader, writer = os.pipe()
    status = os.fstat(writer)
    assert is_journal(writer, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
    assert not is_journal(writer, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + 1}"})
    assert not is_journal(writer, {})
    os.close(reader)
    os.close(writer)
    assert not is_journal(writer, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})


def test_the_number_of_a_worker_stands_on_its_lines_which_go_elsewhere() -> None:
    parents, workers = io.StringIO(), io.StringIO()
    parent = StreamObserver(parents, "warn", formatter_for("json", {}))
    worker = parent.of_worker(workers, 2)
    for level in (LogLevel.info, LogLevel.warn):
        worker({"log_format": "seen", "log_time": 0.0, "log_level": level})
    [line] = workers.getvalue().splitlines()
    assert json.loads(line)["worker"] == 2
    assert parents.getvalue() == ""
    parent.write_lines(workers.getvalue())
    assert parents.getvalue() == workers.getvalue()

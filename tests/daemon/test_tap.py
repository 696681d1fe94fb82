import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import Application, IServiceCollection
from twisted.logger import ILogObserver
from twisted.python.usage import UsageError

from txregistry.config.model import Log
from txregistry.daemon.interfaces import IReactor
from txregistry.daemon.logging import StreamObserver, formatter_for
from txregistry.daemon.tap import LoggedService, Options, access_log, as_user, log_observer, make_service


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Puts back what a start does to the handlers of signals."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def options(*arguments: str) -> Options:
    parsed = Options()  # type: ignore[no-untyped-call]  # Twisted's own
    parsed.parseOptions(arguments)  # type: ignore[no-untyped-call]  # Twisted's own
    return parsed


def written(observer: ILogObserver | None) -> None:
    assert observer is not None
    observer({"log_format": "hello", "log_time": 0.0})


@pytest.mark.parametrize("arguments", [("--config", "a.yml"), ("--config=a.yml",), ("-c", "a.yml")])
def test_the_configuration_is_an_option(arguments: tuple[str, ...]) -> None:
    assert options(*arguments)["config"] == "a.yml"


def test_without_the_option_the_standard_places_are_searched() -> None:
    assert options()["config"] is None


def test_nothing_else_may_stand_there() -> None:
    with pytest.raises(UsageError):
        options("a.yml")


def test_the_file_is_found_by_the_environment_and_its_mistakes_end_the_process(
    reactor: IReactor, tmp_path: Path
) -> None:
    path = tmp_path / "config.yml"
    path.write_text("version: 0.1\nstorage: {inmemory: }\nlog: {level: loud, formatter: pretty}\n")
    with pytest.raises(SystemExit) as ended:
        make_service(options(), reactor, {"REGISTRY_CONFIGURATION_PATH": str(path)})
    assert [line.split(": ")[:3] for line in str(ended.value.code).splitlines()] == [
        ["txregistry", f"{path}:3", "log.level"],
        ["txregistry", f"{path}:3", "log.formatter"],
    ]


def test_an_application_logs_in_the_configured_form() -> None:
    observer = StreamObserver(io.StringIO(), "info", formatter_for("text", {}))
    application = Application("registry")  # type: ignore[no-untyped-call]  # Twisted's own
    LoggedService(observer).setServiceParent(application)
    assert application.getComponent(ILogObserver) is observer
    assert [type(child) for child in IServiceCollection(application)] == [LoggedService]


def test_twistds_own_loggers_are_left_alone(reactor: IReactor) -> None:
    assert log_observer({"syslog": 1, "nodaemon": 1}, Log(), reactor, {}) is None
    assert log_observer({"logger": "some.factory", "nodaemon": 1}, Log(), reactor, {}) is None


def test_in_the_foreground_the_log_goes_to_standard_error(
    reactor: IReactor, capsys: pytest.CaptureFixture[str]
) -> None:
    written(log_observer({"nodaemon": 1}, Log(), reactor, {}))
    told = capsys.readouterr()
    assert (told.out, told.err.count("msg=hello")) == ("", 1)


def test_a_dash_means_standard_output(reactor: IReactor, capsys: pytest.CaptureFixture[str]) -> None:
    written(log_observer({"nodaemon": 1, "logfile": "-"}, Log(), reactor, {}))
    assert "msg=hello" in capsys.readouterr().out


@pytest.mark.parametrize(("twistd", "name"), [({"logfile": "own.log"}, "own.log"), ({"logfile": None}, "twistd.log")])
def test_a_daemon_logs_to_the_file_that_twistd_names(
    reactor: IReactor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, twistd: dict[str, Any], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    written(log_observer(twistd, Log(), reactor, {}))
    assert "msg=hello" in (tmp_path / name).read_text()


def test_usr1_begins_a_new_log_file(reactor: IReactor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    observer = log_observer({"logfile": None}, Log(), reactor, {})
    written(observer)
    os.kill(os.getpid(), signal.SIGUSR1)
    assert (tmp_path / "twistd.log").read_text() == ""
    assert "msg=hello" in (tmp_path / "twistd.log.1").read_text()


def test_the_access_log_of_a_daemon_stands_beside_its_log(tmp_path: Path) -> None:
    descriptor = access_log({"logfile": str(tmp_path / "own.log")})
    os.write(descriptor, b"line\n")
    os.close(descriptor)
    assert (tmp_path / "access.log").read_bytes() == b"line\n"
    assert access_log({"nodaemon": 1}) == 1


def test_a_step_is_taken_as_the_user_that_the_process_will_become() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    users: list[tuple[int, int]] = []
    as_user({"uid": 65534, "gid": 65534})(lambda: users.append((os.geteuid(), os.getegid())))
    as_user({})(lambda: users.append((os.geteuid(), os.getegid())))
    assert users == [(65534, 65534), (0, 0)]

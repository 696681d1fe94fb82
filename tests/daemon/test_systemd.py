import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from txregistry.daemon.systemd import Notifier, inherited_sockets

UNIT = Path(__file__).parents[2] / "etc/systemd/txregistry.service"


def test_the_manager_hears_of_each_change(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.setblocking(False)
        notifier = Notifier({"NOTIFY_SOCKET": address})
        notifier.ready()
        notifier.alive()
        notifier.stopping()
        assert [manager.recv(99) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_an_address_in_the_abstract_namespace_begins_with_an_at_sign() -> None:
    name = f"txregistry-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        manager.setblocking(False)
        Notifier({"NOTIFY_SOCKET": "@" + name}).ready()
        assert manager.recv(99) == b"READY=1"


def test_without_a_manager_nothing_is_said() -> None:
    notifier = Notifier({})
    notifier.ready()
    assert notifier.watchdog is None


def test_a_manager_that_is_gone_does_not_stop_the_service(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready()


@pytest.mark.parametrize(("usec", "seconds"), [("30000000", 15.0), ("0", None), ("", None), ("soon", None)])
def test_the_watchdog_is_told_twice_as_often_as_it_asks(usec: str, seconds: float | None) -> None:
    assert Notifier({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": usec}).watchdog == seconds


def test_sockets_are_inherited_only_by_the_process_they_were_opened_for() -> None:
    mine = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"}
    assert inherited_sockets(mine) == [3, 4]
    assert inherited_sockets(mine | {"LISTEN_PID": "1"}) == []
    assert inherited_sockets({}) == []


def test_the_unit_tells_systemd_when_it_is_ready_and_is_confined() -> None:
    settings = dict(re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE))
    assert settings["Type"] == "notify"
    assert settings["ExecStart"].endswith("registry --config /etc/txregistry/config.yml")
    assert "--nodaemon --pidfile= " in settings["ExecStart"]
    assert settings["StateDirectory"] == "txregistry"
    assert settings["ProtectSystem"] == "strict"
    assert settings["NoNewPrivileges"] == "yes"


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    # Where twistd stands on this machine is no property of the unit.
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/usr/bin/twistd", sys.executable))
    done = subprocess.run([analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

import os
import socket
from pathlib import Path
from typing import cast

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from zope.interface import implementer

from tests.daemon.conftest import OneThreadReactor
from tests.registry.world import now
from txregistry.concurrency.workers import InlineWorkers, ThreadWorkers
from txregistry.daemon.drain import Drain
from txregistry.daemon.interfaces import IReactor
from txregistry.daemon.lines import BufferedLines
from txregistry.daemon.listening import address_text
from txregistry.daemon.problems import CannotListen
from txregistry.daemon.service import RegistryService
from txregistry.daemon.systemd import Notifier
from txregistry.daemon.upkeep import Upkeep
from txregistry.registry.collection.adoption import Adoption
from txregistry.registry.servers import Servers
from txregistry.storage import layout
from txregistry.storage.memory import MemoryDriver


@implementer(IListeningPort)
class Port:
    """A port that is closed when the test says so."""

    def __init__(self) -> None:
        self.closed: Deferred[None] | None = None
        self.accepting = True

    def startListening(self) -> None:
        pass

    def stopReading(self) -> None:
        self.accepting = False

    def startReading(self) -> None:
        self.accepting = True

    def stopListening(self) -> Deferred[None]:
        self.closed = Deferred()
        return self.closed

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", 5000)


class Connections:
    """Connections that end when the test says so."""

    def __init__(self) -> None:
        self.ended: Deferred[None] | None = None

    def drain(self, seconds: float) -> Deferred[None]:
        self.ended = Deferred()
        return self.ended


class World:
    """A service over parts that the test holds in its hands."""

    def __init__(
        self,
        reactor: OneThreadReactor,
        folder: Path,
        environ: dict[str, str] | None = None,
        upkeep: Upkeep | None = None,
    ) -> None:
        self.reactor = reactor
        self.port = Port()
        self.binds = 0
        self.connections = Connections()
        self.access_log = folder / "access.log"
        descriptor = os.open(self.access_log, os.O_WRONLY | os.O_CREAT)
        self.lines = BufferedLines(descriptor, InlineWorkers(), reactor)
        self.service = RegistryService(
            cast(IReactor, reactor),
            self.bind,
            Drain(self.connections, reactor, 1.0),
            [ThreadWorkers(cast(IReactor, reactor), "test", 1)],
            self.lines,
            Notifier(environ or {}),
            upkeep,
        )

    def bind(self) -> IListeningPort:
        self.binds += 1
        return self.port


@pytest.fixture
def world(reactor: OneThreadReactor, tmp_path: Path) -> World:
    return World(reactor, tmp_path)


def test_the_port_is_bound_once_however_often_it_is_asked_for(world: World) -> None:
    world.service.bind()
    world.service.privilegedStartService()
    world.service.startService()
    assert world.binds == 1
    world.service.stopService()


def test_a_port_that_cannot_be_bound_keeps_the_service_from_starting(reactor: OneThreadReactor) -> None:
    def bind() -> IListeningPort:
        raise CannotListen(":5000", "Address already in use")

    service = RegistryService(cast(IReactor, reactor), bind, Drain(Connections(), reactor, 0), [], None, Notifier({}))
    with pytest.raises(CannotListen):
        service.privilegedStartService()
    assert not service.running


def test_it_stops_the_port_then_the_connections_and_writes_the_last_lines_then(world: World) -> None:
    world.service.startService()
    stopped = world.service.stopService()
    assert world.port.closed is not None
    assert world.connections.ended is None
    world.port.closed.callback(None)
    assert world.connections.ended is not None
    world.lines.add("the last request\n")
    world.connections.ended.callback(None)
    assert stopped.called
    assert world.access_log.read_text() == "the last request\n"


def test_the_manager_hears_that_it_is_ready_once_the_reactor_runs(reactor: OneThreadReactor, tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.setblocking(False)
        reactor.running = False
        world = World(reactor, tmp_path, {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"})
        world.service.startService()
        with pytest.raises(BlockingIOError):
            manager.recv(99)
        reactor.run()  # type: ignore[no-untyped-call]  # Twisted's own
        assert [manager.recv(99), manager.recv(99)] == [b"READY=1", b"WATCHDOG=1"]
        reactor.advance(15)
        assert manager.recv(99) == b"WATCHDOG=1"
        stopped = world.service.stopService()
        assert manager.recv(99) == b"STOPPING=1"
        # Whoever drains is alive.
        reactor.advance(15)
        assert manager.recv(99) == b"WATCHDOG=1"
        assert world.port.closed is not None
        world.port.closed.callback(None)
        assert world.connections.ended is not None
        world.connections.ended.callback(None)
        assert stopped.called
        assert not reactor.getDelayedCalls()


def test_nothing_is_accepted_until_the_store_knows_of_the_server(reactor: OneThreadReactor, tmp_path: Path) -> None:
    driver = MemoryDriver(reactor.seconds)
    alone = now(Servers(driver, reactor).keep_away())
    assert alone is not None
    upkeep = Upkeep(Servers(driver, reactor), Adoption(driver), [])
    world = World(reactor, tmp_path, upkeep=upkeep)
    world.service.startService()
    reactor.advance(1)
    assert not world.port.accepting
    alone.release()
    reactor.advance(1)
    assert world.port.accepting
    assert now(Servers(driver, reactor).keep_away()) is None
    stopped = world.service.stopService()
    assert world.port.closed is not None
    world.port.closed.callback(None)
    # Requests are still being answered.
    assert now(Servers(driver, reactor).keep_away()) is None
    assert world.connections.ended is not None
    world.connections.ended.callback(None)
    assert stopped.called
    assert now(driver.list(layout.SERVERS)) == ["gate"]
    assert driver.open == []


def test_a_server_that_waits_for_the_store_can_be_stopped(reactor: OneThreadReactor, tmp_path: Path) -> None:
    driver = MemoryDriver(reactor.seconds)
    alone = now(Servers(driver, reactor).keep_away())
    assert alone is not None
    world = World(reactor, tmp_path, upkeep=Upkeep(Servers(driver, reactor), Adoption(driver), []))
    world.service.startService()
    stopped = world.service.stopService()
    assert world.port.closed is not None
    world.port.closed.callback(None)
    assert world.connections.ended is not None
    world.connections.ended.callback(None)
    assert stopped.called
    assert now(driver.list(layout.SERVERS)) == ["gate"]


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (IPv4Address("TCP", "127.0.0.1", 5000), "127.0.0.1:5000"),
        (IPv6Address("TCP", "::", 5000), "[::]:5000"),
        (UNIXAddress("/run/registry.sock"), "/run/registry.sock"),
    ],
)
def test_an_address_is_told_as_the_configuration_writes_it(
    address: IPv4Address | IPv6Address | UNIXAddress, text: str
) -> None:
    assert address_text(address) == text

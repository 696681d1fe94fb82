# mypy: disable-error-code="no-untyped-call"
# Twisted has not annotated StringTransport.

import pytest
from twisted.internet.testing import StringTransport

from txregistry.daemon.workers.line import LogRelay, Order, ParentEnd, Report, WorkerEnd, close_copy
from txregistry.daemon.workers.seats import Seats


def connected(protocol: WorkerEnd | ParentEnd | LogRelay) -> StringTransport:
    transport = StringTransport()
    protocol.makeConnection(transport)
    return transport


def test_a_parent_hears_each_report_in_order() -> None:
    heard: list[Report] = []
    worker, parent = WorkerEnd(lambda order: None, 15.0), ParentEnd(heard.append, lambda: None)
    transport = connected(worker)
    worker.ready()
    worker.alive()
    worker.stopping()
    parent.dataReceived(transport.value())
    assert heard == [Report.READY, Report.ALIVE, Report.STOPPING]


@pytest.mark.parametrize("order", list(Order))
def test_a_worker_gets_its_orders(order: Order) -> None:
    heard: list[Order] = []
    worker, parent = WorkerEnd(heard.append, None), ParentEnd(lambda report: None, lambda: None)
    transport = connected(parent)
    parent.tell(order)
    worker.dataReceived(transport.value())
    assert heard == [order]


def test_a_worker_whose_parent_is_gone_drains() -> None:
    heard: list[Order] = []
    worker = WorkerEnd(heard.append, None)
    connected(worker)
    worker.connectionLost()
    assert heard == [Order.DRAIN]


def test_a_parent_hears_that_the_line_broke() -> None:
    lost: list[None] = []
    parent = ParentEnd(lambda report: None, lambda: lost.append(None))
    connected(parent)
    parent.connectionLost()
    assert len(lost) == 1


def test_only_whole_lines_are_passed_on_and_the_last_one_although_it_is_not() -> None:
    written: list[str] = []
    lost: list[None] = []
    relay = LogRelay(written.append, lambda: lost.append(None))
    connected(relay)
    relay.dataReceived(b"one\ntw")
    relay.dataReceived(b"o")
    assert written == ["one\n"]
    relay.dataReceived(b"\nthree\nfo")
    assert written == ["one\n", "two\nthree\n"]
    assert lost == []
    relay.connectionLost()
    assert written == ["one\n", "two\nthree\n", "fo\n"]
    assert len(lost) == 1


def test_a_character_may_come_in_two_pieces() -> None:
    written: list[str] = []
    relay = LogRelay(written.append, lambda: None)
    connected(relay)
    for byte in "é\n".encode():
        relay.dataReceived(bytes([byte]))
    assert written == ["é\n"]


def test_a_worker_is_counted_on_to_accept_from_when_it_answers_until_it_stops() -> None:
    table = Seats(2)
    mine, other = table.seat(), table.seat()
    assert mine is not None
    assert other is not None
    other.take()
    other.counted(1)
    worker = WorkerEnd(lambda order: None, None, mine)
    connected(worker)
    assert other.is_turn()
    worker.ready()
    assert not other.is_turn()
    worker.stopping()
    assert other.is_turn()


@pytest.mark.parametrize(
    "protocol", [ParentEnd(lambda report: None, lambda: None), LogRelay(lambda lines: None, lambda: None)]
)
def test_a_child_that_is_born_while_another_one_ends_has_no_copy_of_what_is_lost(
    protocol: ParentEnd | LogRelay,
) -> None:
    connected(protocol)
    protocol.connectionLost()
    close_copy(protocol.transport)

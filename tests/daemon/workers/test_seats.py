from txregistry.daemon.workers.seats import Seat, Seats


def seats(*connections: int) -> list[Seat]:
    """Of workers that accept, with so many connections each."""
    table, taken = Seats(len(connections)), []
    for count in connections:
        seat = table.seat()
        assert seat is not None
        seat.take()
        seat.counted(count)
        taken.append(seat)
    return taken


def test_it_is_the_turn_of_whoever_has_the_fewest() -> None:
    assert [seat.is_turn() for seat in seats(3, 1, 2, 1)] == [False, True, False, True]


def test_who_is_alone_need_not_wait() -> None:
    [seat] = seats(1000)
    assert seat.is_turn()


def test_who_does_not_accept_yet_or_no_more_is_not_waited_for() -> None:
    table = Seats(2)
    first, second = table.seat(), table.seat()
    assert first is not None
    assert second is not None
    first.take()
    first.counted(5)
    second.counted(0)
    assert first.is_turn()
    second.take()
    assert not first.is_turn()
    second.leave()
    second.counted(0)
    assert first.is_turn()


def test_the_seat_of_who_has_ended_is_free_for_another() -> None:
    table = Seats(2)
    first, second = table.seat(), table.seat()
    assert first is not None
    assert second is not None
    assert table.seat() is None
    first.take()
    first.counted(5)
    second.take()
    table.free(second)
    assert first.is_turn()
    assert table.seat() is not None

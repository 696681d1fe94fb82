import os
import select
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from txregistry.concurrency.workers import InlineWorkers, IWorkers
from txregistry.daemon.lines import BufferedLines, write_all


@implementer(IWorkers)
class HeldWorkers:
    """Does nothing until it is told to."""

    def __init__(self) -> None:
        self.held: list[Callable[[], None]] = []

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Deferred[Any]:
        result: Deferred[Any] = Deferred()
        self.held.append(lambda: result.callback(function(*args, **kwargs)))
        return result


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    yield reader, writer
    for descriptor in (reader, writer):
        with suppress(OSError):
            os.close(descriptor)


def arrived(reader: int) -> bytes:
    try:
        return os.read(reader, 1 << 20)
    except BlockingIOError:
        return b""


def test_lines_are_written_together_after_a_second(pipe: tuple[int, int]) -> None:
    clock = Clock()
    lines = BufferedLines(pipe[1], InlineWorkers(), clock)
    lines.add("one\n")
    clock.advance(0.5)
    lines.add("two\n")
    assert arrived(pipe[0]) == b""
    clock.advance(0.5)
    assert arrived(pipe[0]) == b"one\ntwo\n"


def test_lines_that_come_later_are_written_a_second_later(pipe: tuple[int, int]) -> None:
    clock = Clock()
    lines = BufferedLines(pipe[1], InlineWorkers(), clock)
    lines.add("one\n")
    clock.advance(1)
    lines.add("two\n")
    clock.advance(1)
    assert arrived(pipe[0]) == b"one\ntwo\n"
    assert not clock.getDelayedCalls()


def test_many_lines_do_not_wait_for_the_second(tmp_path: Path) -> None:
    with open(tmp_path / "log", "wb") as file:
        lines = BufferedLines(file.fileno(), InlineWorkers(), Clock())
        lines.add("x" * 65_000)
        assert (tmp_path / "log").stat().st_size == 0
        lines.add("y" * 600)
        assert (tmp_path / "log").stat().st_size == 65_600


def test_a_flush_leaves_nothing_behind(pipe: tuple[int, int]) -> None:
    lines = BufferedLines(pipe[1], InlineWorkers(), Clock())
    lines.add("last\n")
    flushed = Deferred.fromCoroutine(lines.flush())
    assert flushed.called
    assert arrived(pipe[0]) == b"last\n"


def test_a_flush_waits_for_what_is_being_written_and_writes_what_came_meanwhile(pipe: tuple[int, int]) -> None:
    workers, clock = HeldWorkers(), Clock()
    lines = BufferedLines(pipe[1], workers, clock)
    lines.add("one\n")
    clock.advance(1)
    lines.add("two\n")
    flushed = Deferred.fromCoroutine(lines.flush())
    workers.held.pop()()
    assert not flushed.called
    workers.held.pop()()
    assert flushed.called
    assert arrived(pipe[0]) == b"one\ntwo\n"


def test_lines_that_came_while_one_batch_was_written_follow_by_themselves(pipe: tuple[int, int]) -> None:
    workers, clock = HeldWorkers(), Clock()
    lines = BufferedLines(pipe[1], workers, clock)
    lines.add("one\n")
    clock.advance(1)
    lines.add("two\n")
    clock.advance(1)  # the timer finds the first batch still on its way
    workers.held.pop()()
    clock.advance(1)
    workers.held.pop()()
    assert arrived(pipe[0]) == b"one\ntwo\n"


def test_a_reader_that_does_not_read_costs_bounded_memory(pipe: tuple[int, int]) -> None:
    workers, clock = HeldWorkers(), Clock()
    lines = BufferedLines(pipe[1], workers, clock, most=10)
    lines.add("first\n")
    clock.advance(1)
    for number in range(1_000):
        lines.add(f"{number:05}\n")
    workers.held.pop()()
    clock.advance(1)
    workers.held.pop()()
    assert arrived(pipe[0]) == b"first\n00000\n00001\n"


def test_a_closed_pipe_loses_lines_and_nothing_else(pipe: tuple[int, int]) -> None:
    clock = Clock()
    lines = BufferedLines(pipe[1], InlineWorkers(), clock)
    os.close(pipe[0])
    lines.add("one\n")
    clock.advance(1)
    lines.add("two\n")
    assert Deferred.fromCoroutine(lines.flush()).called


def test_a_pipe_that_stays_full_is_given_up(pipe: tuple[int, int]) -> None:
    with pytest.raises(TimeoutError):
        write_all(pipe[1], b"x" * (1 << 20), patience=0)


def test_text_that_is_no_utf8_is_written_all_the_same(pipe: tuple[int, int]) -> None:
    lines = BufferedLines(pipe[1], InlineWorkers(), Clock())
    lines.add("\udcff\n")
    Deferred.fromCoroutine(lines.flush())
    assert arrived(pipe[0]) == b"\\udcff\n"


def test_what_is_written_at_once_ends_with_a_line_so_that_others_may_write_between(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pieces: list[bytes] = []
    write = os.write

    def noted(descriptor: int, piece: memoryview) -> int:
        pieces.append(bytes(piece))
        return write(descriptor, piece)

    monkeypatch.setattr(os, "write", noted)
    lines = b"".join(b"%05d%s\n" % (number, b"x" * (number % 300)) for number in range(1000))
    with open(tmp_path / "log", "wb") as file:
        write_all(file.fileno(), lines)
    assert b"".join(pieces) == lines
    assert all(piece.endswith(b"\n") and len(piece) <= select.PIPE_BUF for piece in pieces)
    assert len(pieces) < len(lines) / select.PIPE_BUF * 1.2


def test_a_line_that_is_too_long_for_one_piece_is_whole_when_nobody_else_writes(pipe: tuple[int, int]) -> None:
    lines = BufferedLines(pipe[1], InlineWorkers(), Clock())
    line = "x" * 10_000 + "\n"
    lines.add(line)
    Deferred.fromCoroutine(lines.flush())
    assert arrived(pipe[0]) == line.encode()


@pytest.mark.parametrize("character", ["x", "é", "\U0001f40b", "\udcff"])
def test_beside_others_it_is_cut_and_stays_one_line(pipe: tuple[int, int], character: str) -> None:
    lines = BufferedLines(pipe[1], InlineWorkers(), Clock(), alone=False)
    lines.add(character * 10_000 + "\n")
    lines.add(character * 10 + "\n")
    Deferred.fromCoroutine(lines.flush())
    first, second, rest = arrived(pipe[0]).split(b"\n")
    assert select.PIPE_BUF - 8 <= len(first) < select.PIPE_BUF
    assert first.endswith(b"...")
    assert (second, rest) == ((character * 10).encode("utf-8", "backslashreplace"), b"")

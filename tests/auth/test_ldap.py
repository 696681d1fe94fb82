"""Passwords that a directory checks; the directory itself stands in tests/live/test_ldap.py."""

from __future__ import annotations

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.auth.files import basic
from txregistry.api.errors import error_response
from txregistry.auth.attempts import FREE
from txregistry.auth.directory import DirectoryUnavailable, Member, escaped, filled
from txregistry.auth.errors import BadCredentials, SignInUnavailable
from txregistry.auth.interfaces import ANONYMOUS, Credentials, Identity
from txregistry.auth.ldap import LDAPAuthenticator
from txregistry.concurrency.workers import InlineWorkers
from txregistry.testing.results import result_of


@define
class SmallDirectory:
    """Alice with a password and groups; counts what it is asked."""

    groups: frozenset[str] = frozenset({"developers"})
    problem: str | None = None
    asked: list[str] = field(factory=list)

    def check(self, user: str, password: bytes) -> Member | None:
        self.asked.append(user)
        if self.problem is not None:
            raise DirectoryUnavailable(self.problem)
        return Member("alice", self.groups) if (user.lower(), password) == ("alice", b"right") else None


class LateWorkers(InlineWorkers):
    """Do nothing until they are told."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[None]] = []

    def run(self, function, *args, **kwargs):  # type: ignore[no-untyped-def]  # as its base class has it
        """See `IWorkers`."""
        start: Deferred[None] = Deferred()
        self.waiting.append(start)
        return start.addCallback(lambda _: function(*args, **kwargs))


@define
class World:
    """An authenticator over a directory."""

    directory: SmallDirectory = field(factory=SmallDirectory)
    workers: InlineWorkers = field(factory=InlineWorkers)
    clock: Clock = field(factory=Clock)
    authenticator: LDAPAuthenticator = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.authenticator = LDAPAuthenticator(self.directory, self.workers, self.clock, 60.0, 2.0)

    def identify(self, credentials: Credentials) -> Identity | None:
        found = self.authenticator.identify(credentials)
        return result_of(found) if isinstance(found, Deferred) else found


ALICE = basic("alice", "right")
HEADER = (ALICE.authorization or "").encode()


def test_a_right_password_gives_name_and_groups_of_the_directory() -> None:
    assert World().identify(basic("Alice", "right")) == Identity("alice", groups=frozenset({"developers"}))


def test_it_is_remembered_for_a_while_and_the_groups_with_it() -> None:
    world = World()
    first = world.identify(ALICE)
    world.directory.groups = frozenset()
    world.clock.advance(59)
    assert world.authenticator.recall(HEADER, None) is first
    assert world.identify(ALICE) is first
    world.clock.advance(1)
    assert world.authenticator.recall(HEADER, None) is None
    assert world.identify(ALICE) == Identity("alice")
    assert world.directory.asked == ["alice", "alice"]


def test_a_wrong_password_is_asked_for_each_time_and_its_answer_is_held_back() -> None:
    world = World()
    for _ in range(FREE):
        with pytest.raises(BadCredentials):
            world.identify(basic("alice", "wrong"))
    late = world.authenticator.identify(basic("alice", "wrong"))
    assert isinstance(late, Deferred)
    assert not late.called
    world.clock.advance(5)
    with pytest.raises(BadCredentials):
        result_of(late)
    assert len(world.directory.asked) == FREE + 1


@pytest.mark.parametrize(
    ("user", "password"), [("alice", ""), ("", "right"), ("al\0ice", "right"), ("a" * 256, "right")]
)
def test_what_a_directory_could_take_for_something_else_never_reaches_it(user: str, password: str) -> None:
    """RFC 4513, 5.1.2: "Clients SHOULD disallow an empty password input to a Name/Password Authentication"."""
    world = World()
    with pytest.raises(BadCredentials):
        world.identify(basic(user, password))
    assert world.directory.asked == []


def test_whoever_shows_nothing_is_anonymous() -> None:
    world = World()
    assert world.authenticator.recall(None, None) is ANONYMOUS
    assert world.identify(Credentials()) is None
    assert world.identify(basic("", "")) is None
    with pytest.raises(BadCredentials):
        world.identify(Credentials("Bearer x"))
    assert world.authenticator.challenge((), Credentials(), None) == 'Basic realm="registry"'


def test_while_the_directory_is_away_nobody_is_let_in_but_who_is_remembered() -> None:
    world = World()
    first = world.identify(ALICE)
    world.directory.problem = "connection refused"
    assert world.identify(ALICE) is first
    with pytest.raises(SignInUnavailable):
        world.identify(basic("bob", "right"))
    world.clock.advance(60)
    with pytest.raises(SignInUnavailable):
        world.identify(ALICE)
    world.directory.problem = None
    assert world.identify(ALICE) == first


def test_that_it_is_away_is_told_as_503() -> None:
    answer = error_response(SignInUnavailable())
    assert answer.status == 503
    assert (b"Retry-After", b"5") in answer.headers


def test_parallel_requests_ask_once() -> None:
    workers = LateWorkers()
    world = World(workers=workers)
    found = [world.authenticator.identify(ALICE) for _ in range(10)]
    assert len(workers.waiting) == 1
    workers.waiting[0].callback(None)
    for one in found:
        assert isinstance(one, Deferred)
        assert result_of(one) == Identity("alice", groups=frozenset({"developers"}))


def test_an_answer_that_takes_too_long_is_none_and_is_remembered_when_it_comes() -> None:
    workers = LateWorkers()
    world = World(workers=workers)
    found = world.authenticator.identify(ALICE)
    assert isinstance(found, Deferred)
    world.clock.advance(6)
    with pytest.raises(SignInUnavailable):
        result_of(found)
    workers.waiting[0].callback(None)
    assert world.authenticator.recall(HEADER, None) is not None


def test_whoever_leaves_does_not_take_the_answer_from_the_others() -> None:
    workers = LateWorkers()
    world = World(workers=workers)
    leaver, other = world.authenticator.identify(ALICE), world.authenticator.identify(ALICE)
    assert isinstance(leaver, Deferred)
    assert isinstance(other, Deferred)
    leaver.addErrback(lambda failure: None)
    leaver.cancel()
    workers.waiting[0].callback(None)
    assert result_of(other) == Identity("alice", groups=frozenset({"developers"}))


# Filters


@given(st.text())
def test_no_value_ends_its_place_in_a_filter(value: str) -> None:
    """RFC 4515, 3: the asterisk, parentheses, the backslash and NUL are to be escaped; any other byte may be."""
    assert not set(escaped(value)) & set("*()\0&|!=<>~ ")
    assert all(part[:2].isalnum() and len(part) >= 2 for part in escaped(value).split("\\")[1:])


def test_what_stands_for_a_word_is_not_looked_at_again() -> None:
    assert filled("(&(uid={user})(m={dn})(x={other}))", user="{dn}", dn="a*") == (
        "(&(uid=\\7bdn\\7d)(m=a\\2a)(x={other}))"
    )

"""Signing in with user and password."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.python.failure import Failure

from tests.auth.files import COST, SignIn, basic, basic_header, entry
from tests.registry.world import now
from txregistry.auth import attempts
from txregistry.auth.errors import BadCredentials, TooManyAttempts
from txregistry.auth.htpasswd import REMEMBERED_SECONDS
from txregistry.auth.interfaces import Credentials, Identity
from txregistry.auth.passwordfile import LOOK_SECONDS
from txregistry.auth.passwords import DEFAULT_USER, matches, parse_passwords, provision, read_passwords


def identify(sign_in: SignIn, credentials: Credentials) -> Identity | None:
    answer = sign_in.authenticator.identify(credentials)
    return now(answer) if isinstance(answer, Deferred) else answer


def refused(sign_in: SignIn, credentials: Credentials) -> bool:
    try:
        identify(sign_in, credentials)
    except BadCredentials:
        return True
    return False


@pytest.fixture
def sign_in(tmp_path: Path) -> SignIn:
    return SignIn(tmp_path, entry("alice", "wonderland") + entry("bob", "builder"))


def test_a_right_password_says_who_it_is(sign_in: SignIn) -> None:
    assert identify(sign_in, basic("alice", "wonderland")) == Identity("alice")
    assert identify(sign_in, basic("bob", "builder")) == Identity("bob")


def test_nothing_shown_is_nobody(sign_in: SignIn) -> None:
    assert identify(sign_in, Credentials()) is None
    assert identify(sign_in, Credentials("")) is None
    assert identify(sign_in, Credentials(basic_header(b":"))) is None


@pytest.mark.parametrize(
    "header",
    [
        basic_header(b"alice:builder"),
        basic_header(b"alice:"),
        basic_header(b"alice"),
        basic_header(b":wonderland"),
        basic_header(b"nobody:wonderland"),
        basic_header(b"ALICE:wonderland"),
        basic_header(b"\xff\xfe:wonderland"),
        basic_header(b"alice:wonderland\x00"),
        "Basic !!!!",
        "Basic",
        "Bearer " + basic_header(b"alice:wonderland").split()[1],
        "wonderland",
        "Basic \u00e9",
    ],
)
def test_anything_else_is_refused(sign_in: SignIn, header: str) -> None:
    assert refused(sign_in, Credentials(header))


def test_the_scheme_is_written_in_any_case(sign_in: SignIn) -> None:
    """RFC 7617, 2: "Note that both scheme and parameter names are matched case-insensitively."."""
    header = basic_header(b"alice:wonderland").replace("Basic", "bAsIc")
    assert identify(sign_in, Credentials(header)) == Identity("alice")


def test_a_password_may_hold_colons_and_any_letters(tmp_path: Path) -> None:
    sign_in = SignIn(tmp_path, entry("alice", "a:b:ü€"))
    assert identify(sign_in, basic("alice", "a:b:ü€")) == Identity("alice")


def test_a_pull_of_many_layers_costs_one_check(sign_in: SignIn) -> None:
    for _ in range(100):
        assert identify(sign_in, basic("alice", "wonderland")) == Identity("alice")
    assert sign_in.workers.checks == 1


def test_what_was_right_is_checked_again_after_a_while(sign_in: SignIn) -> None:
    identify(sign_in, basic("alice", "wonderland"))
    sign_in.clock.advance(REMEMBERED_SECONDS)
    identify(sign_in, basic("alice", "wonderland"))
    assert sign_in.workers.checks == 2


def test_what_was_wrong_is_not_remembered_as_right(sign_in: SignIn) -> None:
    assert refused(sign_in, basic("alice", "wrong"))
    assert refused(sign_in, basic("alice", "wrong"))
    assert sign_in.workers.checks == 2


def test_a_changed_file_counts_a_moment_later(sign_in: SignIn) -> None:
    identify(sign_in, basic("alice", "wonderland"))
    sign_in.write(entry("alice", "looking-glass"))
    assert refused(sign_in, basic("alice", "wonderland"))
    assert identify(sign_in, basic("alice", "looking-glass")) == Identity("alice")
    assert refused(sign_in, basic("bob", "builder"))


def test_a_second_change_within_the_same_tick_is_seen(sign_in: SignIn) -> None:
    """The file's time is as young as can be, and stays the same."""
    first, second = entry("alice", "one"), entry("alice", "two")
    sign_in.path.write_text(first)
    sign_in.clock.advance(LOOK_SECONDS)
    status = os.stat(sign_in.path)
    assert identify(sign_in, basic("alice", "one")) == Identity("alice")
    sign_in.path.write_text(second)
    os.utime(sign_in.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert refused(sign_in, basic("alice", "one"))


def test_nobody_is_let_in_while_the_file_cannot_be_read(sign_in: SignIn) -> None:
    identify(sign_in, basic("alice", "wonderland"))
    sign_in.path.unlink()
    sign_in.clock.advance(LOOK_SECONDS)
    assert refused(sign_in, basic("alice", "wonderland"))
    sign_in.write(entry("alice", "wonderland"))
    assert identify(sign_in, basic("alice", "wonderland")) == Identity("alice")


def test_an_unknown_user_costs_a_check_as_dear_as_the_dearest_known_one(sign_in: SignIn) -> None:
    passwords = parse_passwords((entry("a", "x", 4) + entry("b", "x", 6)).encode())
    assert passwords.hash_of("nobody").startswith(b"$2b$06$")
    assert not matches(b"x", passwords.hash_of("nobody"))
    assert refused(sign_in, basic("nobody", "x"))
    assert sign_in.workers.checks == 1


@pytest.mark.parametrize("kind", ["2a", "2b", "2y"])
def test_every_spelling_of_bcrypt_is_read(kind: str) -> None:
    digest = bcrypt.hashpw(b"x", bcrypt.gensalt(COST)).replace(b"$2b$", f"${kind}$".encode())
    assert matches(b"x", parse_passwords(b"a:" + digest).hash_of("a"))


def test_comments_blank_lines_and_other_hashes_are_no_entries() -> None:
    content = "# users\n\n  \nmd5:$apr1$x$y\nplain:secret\nsha:{SHA}x\n:x\n" + entry("a", "x") + "  \r\n"
    passwords = parse_passwords(content.encode() + b"\xff:" + entry("", "x").encode()[1:])
    assert set(passwords.hashes) == {"a"}
    assert passwords.ignored == 5


def test_of_a_long_password_so_much_counts_as_with_distribution() -> None:
    """Go's bcrypt looks at 72 bytes, and does not refuse more when it compares."""
    digest = bcrypt.hashpw(b"p" * 72, bcrypt.gensalt(COST))
    assert matches(b"p" * 72 + b"anything", digest)
    assert not matches(b"p" * 71 + b"x", digest)


def test_a_password_of_a_mebibyte_is_refused_without_a_check(sign_in: SignIn) -> None:
    assert refused(sign_in, basic("alice", "x" * 1024 * 1024))
    assert refused(sign_in, basic("x" * 1024 * 1024, "x"))
    assert sign_in.workers.checks == 0


def test_the_challenge_names_the_realm(sign_in: SignIn) -> None:
    """RFC 7617, 2: "The authentication parameter 'realm' is REQUIRED"."""
    assert sign_in.authenticator.challenge((), Credentials(), None) == 'Basic realm="the realm"'


def waiting(sign_in: SignIn, credentials: Credentials) -> Deferred[Identity | None]:
    answer = sign_in.authenticator.identify(credentials)
    assert isinstance(answer, Deferred)
    return answer


def expected_failure(failure: Failure) -> None:
    """Takes over what the server says of a guess."""
    failure.trap(BadCredentials, CancelledError)  # type: ignore[no-untyped-call]  # Twisted's own


def guess(sign_in: SignIn, times: int, user: str = "alice", peer: str = "192.0.2.1") -> None:
    """Wrong passwords that nobody waits for."""
    for number in range(times):
        answer = waiting(sign_in, basic(user, f"guess {number}", peer))
        answer.addErrback(expected_failure)
        if not answer.called:
            answer.cancel()


def test_a_few_mistakes_are_answered_at_once(sign_in: SignIn) -> None:
    for _ in range(attempts.FREE):
        assert refused(sign_in, basic("alice", "wrong"))


@pytest.mark.parametrize(("user", "peer"), [("alice", "198.51.100.7"), ("bob", "192.0.2.1")])
def test_who_guesses_waits_longer_each_time(sign_in: SignIn, user: str, peer: str) -> None:
    """By user, wherever the guesses come from, and by address, whoever they are for."""
    guess(sign_in, attempts.FREE)
    for expected in (0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0):
        answers: list[Failure] = []
        waiting(sign_in, basic(user, "wrong", peer)).addErrback(answers.append)
        sign_in.clock.advance(expected - 0.01)
        assert answers == []
        sign_in.clock.advance(0.02)
        assert [failure.type for failure in answers] == [BadCredentials]


def test_the_right_password_is_never_held_back(sign_in: SignIn) -> None:
    guess(sign_in, 3 * attempts.FREE)
    assert identify(sign_in, basic("alice", "wonderland")) == Identity("alice")


def test_mistakes_are_forgotten(sign_in: SignIn) -> None:
    guess(sign_in, 2 * attempts.FREE)
    sign_in.clock.advance(attempts.MEMORY_SECONDS + 1)
    assert refused(sign_in, basic("alice", "wrong"))


def test_an_address_may_not_have_any_number_of_answers_held_back(sign_in: SignIn) -> None:
    for number in range(attempts.FREE + attempts.MOST_HELD):
        waiting(sign_in, basic("alice", f"guess {number}")).addErrback(expected_failure)
    checks = sign_in.workers.checks
    with pytest.raises(TooManyAttempts):
        sign_in.authenticator.identify(basic("alice", "one more"))
    assert sign_in.workers.checks == checks
    assert refused(sign_in, basic("carol", "wrong", "198.51.100.7"))
    sign_in.clock.advance(attempts.LONGEST_SECONDS)
    assert isinstance(sign_in.authenticator.identify(basic("alice", "wonderland")), Deferred)


def test_a_missing_file_is_made_for_one_user_with_a_password_of_chance(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "htpasswd"
    password = provision(str(path))
    assert password is not None
    assert len(password) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert matches(password.encode(), read_passwords(str(path)).hash_of(DEFAULT_USER))
    assert provision(str(path)) is None


def test_a_check_that_cannot_be_made_is_not_a_wrong_password(sign_in: SignIn) -> None:
    def broken(*_arguments: object, **_more: object) -> Deferred[bool]:
        return fail(OSError("no threads"))

    now(sign_in.authenticator._file.read())
    sign_in.workers.run = broken  # type: ignore[method-assign]  # as a pool that has been stopped
    with pytest.raises(OSError, match="no threads"):
        identify(sign_in, basic("alice", "wonderland"))


def test_parallel_requests_of_a_client_share_one_check(sign_in: SignIn) -> None:
    """Docker begins a pull with several requests at once."""
    gate: Deferred[None] = Deferred()
    run = sign_in.workers.run

    def slow(function: Any, *arguments: Any, **more: Any) -> Any:
        result = run(function, *arguments, **more)  # type: ignore[no-untyped-call]  # Twisted's own
        return gate.addCallback(lambda _: result) if function.__name__ == "matches" else result

    sign_in.workers.run = slow  # type: ignore[method-assign]  # the check takes a while
    first, second, left = (waiting(sign_in, basic("alice", "wonderland")) for _ in range(3))
    left.addErrback(expected_failure)
    left.cancel()
    gate.callback(None)
    assert now(first) == now(second) == Identity("alice")
    assert sign_in.workers.checks == 1

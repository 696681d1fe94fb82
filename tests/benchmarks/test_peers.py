"""Peers that are named on the command line."""

from __future__ import annotations

import pytest

from benchmarks.peers import Peer, parse_peer


def test_a_peer_is_a_name_and_a_command_in_which_more_equals_signs_may_stand() -> None:
    assert parse_peer("zot=zot serve '--x=a b' {config}") == Peer("zot", ("zot", "serve", "--x=a b", "{config}"))


@pytest.mark.parametrize("text", ["", "zot", "=zot serve", "zot="])
def test_a_peer_without_a_name_or_a_command_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text or "^$"):
        parse_peer(text)


def test_only_a_command_that_is_told_of_a_certificate_speaks_tls() -> None:
    assert parse_peer("a=a {config}").speaks_tls
    assert parse_peer("a=a --cert {certificate}").speaks_tls
    assert not parse_peer("a=a --port {port} --root {root}").speaks_tls

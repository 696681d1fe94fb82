"""Scopes as the Docker token protocol writes them, and the challenge that asks for them."""

from __future__ import annotations

from collections.abc import Sequence

from txregistry.auth.challenges import quoted
from txregistry.auth.interfaces import Need


def scope_text(needs: Sequence[Need]) -> str:
    """`repository:library/app:pull,push repository:other:pull`."""
    return " ".join(f"{need.kind}:{need.name}:{','.join(need.actions)}" for need in needs)


def bearer_challenge(realm: str, service: str, needs: Sequence[Need], problem: str | None) -> str:
    """The value of WWW-Authenticate that sends a client to the token server at `realm`."""
    challenge = f"Bearer realm={quoted(realm)},service={quoted(service)}"
    if needs:
        challenge += f",scope={quoted(scope_text(needs))}"
    return challenge if problem is None else f'{challenge},error="{problem}"'

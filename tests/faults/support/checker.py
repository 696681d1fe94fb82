"""Whether a registry still keeps to everything that a ledger says it acknowledged."""

from __future__ import annotations

import time

from tests.faults.support.actors import blobs_of
from tests.faults.support.ledger import Ledger
from tests.live.support.client import ACCEPT, Client, digest_of


def breaches(
    client: Client, ledger: Ledger, *, collected: bool, referrers: bool = True, before: Ledger | None = None
) -> list[str]:
    """What is gone, damaged or older than it may be, in words.

    Where the store is `collected`, what no tag names may be gone too; otherwise every blob and manifest counts, but for
    those of a ledger that was looked at `before`.
    """
    found: list[str] = []
    for name, tag in ledger.tags():
        since = time.monotonic()
        answer = client.request("GET", f"/v2/{name}/manifests/{tag}", headers={"Accept": ACCEPT})
        seen = answer.headers["Docker-Content-Digest"] if answer.status == 200 else None
        if seen not in ledger.allowed(name, tag, since) or answer.status not in (200, 404):
            found.append(f"{name}:{tag} is {seen}, status {answer.status}")
        if seen is not None:
            found += _damaged_image(client, name, seen, answer.body)
            if referrers:
                missing = ledger.attached.get((name, seen), set()) - set(client.referrers(name, seen))
                found += [f"{name}@{seen} lacks its referrer {digest}" for digest in missing]
    if not collected:
        found += _missing(client, ledger, Ledger() if before is None else before)
    for name, digest in ledger.deleted_manifests():
        status = client.request("GET", f"/v2/{name}/manifests/{digest}").status
        if status != 404:
            found.append(f"{name}@{digest} was deleted, status {status}")
    return found


def _damaged_image(client: Client, name: str, digest: str, manifest: bytes) -> list[str]:
    if digest_of(manifest) != digest:
        return [f"{name}@{digest}: other bytes"]
    return [loss for blob in blobs_of(manifest) for loss in _damaged(client, f"/v2/{name}/blobs/{blob}", blob)]


def _missing(client: Client, ledger: Ledger, before: Ledger) -> list[str]:
    blobs = [
        loss
        for name, blob in sorted(ledger.blobs - before.blobs)
        for loss in _damaged(client, f"/v2/{name}/blobs/{blob}", blob)
    ]
    manifests = [
        loss
        for name, digest in sorted(ledger.kept_manifests() - before.kept_manifests())
        for loss in _damaged(client, f"/v2/{name}/manifests/{digest}", digest)
    ]
    return blobs + manifests


def _damaged(client: Client, target: str, digest: str) -> list[str]:
    answer = client.request("GET", target, headers={"Accept": ACCEPT})
    if answer.status != 200:
        return [f"{target}: status {answer.status}"]
    return [] if digest_of(answer.body) == digest else [f"{target}: other bytes"]

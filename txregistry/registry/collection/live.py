"""Which manifests of a repository are kept when untagged ones are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from txregistry.oci.digest import Digest
from txregistry.registry.collection.references import StoredReferences


def live_manifests(tagged: Iterable[Digest], stored: Mapping[Digest, StoredReferences]) -> set[Digest]:
    """Those with a tag, with a live parent index, or with a live subject.

    (Distribution removes the children of an index and the signatures of an image too: distribution#3178.)
    """
    referrers: dict[Digest, list[Digest]] = {}
    for digest, references in stored.items():
        if references.subject is not None:
            referrers.setdefault(references.subject, []).append(digest)
    live: set[Digest] = set()
    # A tag may name what another process has just pushed, after the manifests were listed.
    found = [digest for digest in tagged if digest in stored]
    while found:
        digest = found.pop()
        if digest not in live:
            live.add(digest)
            found += [child for child in stored[digest].children if child in stored]
            found += referrers.get(digest, ())
    return live

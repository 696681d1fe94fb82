"""Any sequence of requests, collections, waits and restarts leaves what a model of a few dictionaries says.

pytest tests/registry/test_model.py --model-examples 10000
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.registry.world import Bytes, ConnectionLost, World, described, index, manifest, now
from txregistry.oci import mediatypes
from txregistry.oci.digest import Digest
from txregistry.oci.errors import (
    BlobUnknown,
    DigestInvalid,
    ManifestReferencesUnknown,
    ManifestUnknown,
    RepositoryUnknown,
    UploadOutOfOrder,
    UploadUnknown,
)
from txregistry.oci.names import RepositoryName, Tag, UploadId
from txregistry.registry.collection.limits import Limits
from txregistry.registry.registry import Registry

GRACE, TRASH = 100.0, 50.0
# A lease is renewed once a tenth of it has run out, and what waits in the trash comes back when it is asked for.
SURE = 0.9 * GRACE + TRASH
NAMES = [RepositoryName(text) for text in ("a", "a/b")]
TAGS = [Tag(text) for text in ("1", "latest")]
CONTENTS = [b"x", b"some layer" * 10]

names, tags, contents = st.sampled_from(NAMES), st.sampled_from(TAGS), st.sampled_from(CONTENTS)
algorithms = st.sampled_from(["sha256", "sha256", "sha256", "sha512"])

Key = tuple[RepositoryName, Digest]


class Session:
    """What an upload has got so far."""

    def __init__(self, name: RepositoryName, upload: UploadId) -> None:
        self.name = name
        self.upload = upload
        self.content = b""
        self.open = True


class Known:
    """Blobs or manifests: those that must be there, and those that may be.

    `sure` tells until when a client may count on one of the first. What may be in the `trash` comes back when it is
    asked for until then.
    """

    def __init__(self) -> None:
        self.sure: dict[Key, float] = {}
        self.trash: set[Key] = set()
        self.possible: set[Key] = set()

    def must(self, key: Key) -> bool:
        return key in self.sure

    def may(self, key: Key) -> bool:
        return key in self.possible

    def told(self, key: Key, until: float) -> None:
        """A client has been told that it is there."""
        self.possible.add(key)
        self.trash.discard(key)
        self.sure[key] = max(until, self.sure.get(key, 0.0))

    def gone(self, key: Key) -> None:
        """A client has deleted it, or been told that it is not there."""
        self.possible.discard(key)
        self.sure.pop(key, None)

    def collected(self, kept: set[Key], moment: float) -> None:
        """What nothing keeps and nobody may count on can be gone, and what has no lease any more be in the trash."""
        self.trash.difference_update(kept)
        self.trash |= {key for key, until in self.sure.items() if key not in kept and until - TRASH < moment}
        self.settled(moment)

    def settled(self, moment: float) -> None:
        """What waited in the trash can be gone."""
        self.trash &= self.sure.keys()
        self.sure = {key: until for key, until in self.sure.items() if key not in self.trash or until >= moment}


class RegistryModel(RuleBasedStateMachine):
    """Two processes on one store take turns."""

    sessions = Bundle("sessions")

    def __init__(self) -> None:
        super().__init__()
        self.world = World(grace=GRACE)
        self.world.clock.advance(1_000_000)
        self.boots = 0
        self.processes = [self.world.registry, self.world.open()]
        self.blobs, self.manifests = Known(), Known()
        self.contents: dict[Key, bytes] = {}
        self.tags: dict[tuple[RepositoryName, Tag], Digest] = {}

    @property
    def registry(self) -> Registry:
        """Whose turn it is."""
        self.processes.reverse()
        return self.processes[0]

    @property
    def until(self) -> float:
        """The end of a lease that is renewed now."""
        return self.world.clock.seconds() + SURE

    @rule(target=sessions, name=names, algorithm=algorithms)
    def start(self, name: RepositoryName, algorithm: str) -> Session:
        return Session(name, now(self.registry.uploads.start(name, algorithm)))

    @rule(session=sessions, content=contents, late=st.booleans(), cut=st.none() | st.integers(0, 9))
    def append(self, session: Session, content: bytes, late: bool, cut: int | None) -> None:
        first = len(session.content) + 1 if late else len(session.content)
        step = self.registry.uploads.append(session.name, session.upload, Bytes(content, cut), first)
        if not session.open:
            self._refused(UploadUnknown, step)
        elif late:
            self._refused(UploadOutOfOrder, step)
        elif cut is not None:
            self._refused(ConnectionLost, step)
            session.content += content[:cut]
        else:
            assert now(step) == len(session.content) + len(content)
            session.content += content
        if session.open:
            assert now(self.registry.uploads.offset(session.name, session.upload)) == len(session.content)

    @rule(session=sessions, rest=st.just(b"") | contents, wrong=st.booleans(), algorithm=algorithms)
    def finish(self, session: Session, rest: bytes, wrong: bool, algorithm: str) -> None:
        whole = session.content + rest
        digest = Digest.of(b"wrong" if wrong else whole, algorithm)
        step = self.registry.uploads.finish(session.name, session.upload, Bytes(rest), None, digest)
        if not session.open:
            self._refused(UploadUnknown, step)
        elif wrong:
            self._refused(DigestInvalid, step)
            session.content = whole
        else:
            now(step)
            session.open = False
            self._pushed(session.name, digest, whole)

    @rule(session=sessions)
    def cancel(self, session: Session) -> None:
        step = self.registry.uploads.cancel(session.name, session.upload)
        if session.open:
            now(step)
            session.open = False
        else:
            self._refused(UploadUnknown, step)

    @rule(name=names, content=contents)
    def push(self, name: RepositoryName, content: bytes) -> None:
        digest = Digest.of(content)
        upload = now(self.registry.uploads.start(name))
        now(self.registry.uploads.finish(name, upload, Bytes(content), None, digest))
        self._pushed(name, digest, content)

    @rule(name=names, content=contents, source=st.none() | names)
    def mount(self, name: RepositoryName, content: bytes, source: RepositoryName | None) -> None:
        digest = Digest.of(content)
        mounted = now(self.registry.blobs.mount(name, digest, source))
        if source is None:
            assert mounted or not any(self.blobs.must((one, digest)) for one in NAMES)
        else:
            assert mounted or not self.blobs.must((source, digest))
            assert not mounted or self.blobs.may((source, digest))
        if mounted:
            self._pushed(name, digest, content)

    @rule(name=names, content=contents)
    def read_blob(self, name: RepositoryName, content: bytes) -> None:
        digest = Digest.of(content)
        self._read_blob((name, digest))

    @rule(name=names, content=contents)
    def delete_blob(self, name: RepositoryName, content: bytes) -> None:
        key = (name, Digest.of(content))
        self._deleted(self.blobs, key, self.registry.blobs.delete(*key), BlobUnknown)

    @rule(name=names, tag=st.none() | tags, config=contents, layer=contents, data=st.data())
    def put_image(
        self, name: RepositoryName, tag: Tag | None, config: bytes, layer: bytes, data: st.DataObject
    ) -> None:
        subjects = [Digest.of(b"never pushed"), *self._manifests_of(name)]
        subject = data.draw(st.none() | st.sampled_from(subjects))
        fields = {} if subject is None else {"subject": described(subject)}
        blobs = [Digest.of(config), Digest.of(layer)]
        self._put(name, tag, manifest(blobs[0], blobs[1:], **fields), mediatypes.OCI_MANIFEST, blobs, [])

    @rule(name=names, tag=st.none() | tags, data=st.data())
    def put_index(self, name: RepositoryName, tag: Tag | None, data: st.DataObject) -> None:
        known = self._manifests_of(name)
        children = data.draw(st.lists(st.sampled_from(known), max_size=3, unique=True)) if known else []
        self._put(name, tag, index(*children), mediatypes.OCI_INDEX, [], children)

    @rule(name=names, data=st.data())
    def read_manifest(self, name: RepositoryName, data: st.DataObject) -> None:
        if known := self._manifests_of(name):
            self._read_manifest((name, data.draw(st.sampled_from(known))))

    @rule(name=names, data=st.data())
    def delete_manifest(self, name: RepositoryName, data: st.DataObject) -> None:
        if known := self._manifests_of(name):
            key = (name, data.draw(st.sampled_from(known)))
            self._deleted(self.manifests, key, self.registry.manifests.delete(*key), ManifestUnknown)
            self.tags = {at: digest for at, digest in self.tags.items() if (at[0], digest) != key}

    @rule(name=names, tag=tags)
    def delete_tag(self, name: RepositoryName, tag: Tag) -> None:
        step = self.registry.manifests.delete(name, tag)
        if self.tags.pop((name, tag), None) is None:
            self._refused(ManifestUnknown, step)
        else:
            now(step)

    @rule(name=names, tag=tags)
    def read_tag(self, name: RepositoryName, tag: Tag) -> None:
        step = self.registry.manifests.get(name, tag)
        digest = self.tags.get((name, tag))
        if digest is None:
            self._refused(ManifestUnknown, step)
        else:
            assert now(step)[0] == digest
            self._read_manifest((name, digest))

    @rule(name=names)
    def list_tags(self, name: RepositoryName) -> None:
        wanted = sorted(tag.text for at, tag in self.tags if at == name)
        try:
            assert now(self.registry.tags.page(name, None, None)) == (wanted, False)
        except RepositoryUnknown:  # As registry:2 answers where there are blobs alone.
            assert not any(key[0] == name for key in (self._live() | self._leased()) & self.manifests.sure.keys())

    @rule(name=names, data=st.data())
    def list_referrers(self, name: RepositoryName, data: st.DataObject) -> None:
        subject = data.draw(st.sampled_from([Digest.of(b"never pushed"), *self._manifests_of(name)]))
        page, _ = now(self.registry.referrers.page(name, subject, None, None, 1000))
        found = {(name, Digest.parse(json.loads(descriptor)["digest"])) for descriptor in page}
        right = {key for key in self.contents if key[0] == name and _subject(self.contents[key]) == subject}
        assert found <= {key for key in right if self.manifests.may(key)}
        assert found >= {key for key in right if self.manifests.must(key)}
        for key in found:
            self.manifests.told(key, self.until)

    @rule()
    def list_catalog(self) -> None:
        found, _ = now(self.registry.catalog.page(None, 100))
        assert {name.text for name, _ in self._live() | self._leased()} <= set(found)

    @rule(seconds=st.sampled_from([1.0, GRACE / 2, GRACE + 1, TRASH + 1]))
    def wait(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    @rule(seconds=st.sampled_from([0.0, GRACE / 2, GRACE + 1]), delete_untagged=st.booleans())
    def wait_and_collect(self, seconds: float, delete_untagged: bool) -> None:
        self.world.clock.advance(seconds)
        self._collect(delete_untagged)

    @rule(delete_untagged=st.booleans())
    def collect_to_the_end(self, delete_untagged: bool) -> None:
        for seconds in (GRACE + 1, TRASH + 1):
            self.world.clock.advance(seconds)
            self._collect(delete_untagged)

    def _collect(self, delete_untagged: bool) -> None:
        now(self.registry.collector.run(Limits(GRACE, TRASH, delete_untagged)))
        moment = self.world.clock.seconds()
        if delete_untagged:
            self.manifests.collected(self._live(), moment)
        else:
            self.manifests.settled(moment)
        kept = {(name, blob) for name, digest in self.manifests.sure for blob in _blobs(self.contents[name, digest])}
        self.blobs.collected(kept, moment)

    @rule()
    def restart(self) -> None:
        self.boots += 1
        self.processes[0] = self.world.open(f"boot {self.boots}")

    def teardown(self) -> None:
        for key in list(self.blobs.possible):
            self._read_blob(key)
        for key in list(self.manifests.possible):
            self._read_manifest(key)
        assert self.world.driver.open == []

    def _pushed(self, name: RepositoryName, digest: Digest, content: bytes) -> None:
        self.contents[name, digest] = content
        self.blobs.told((name, digest), self.until)

    def _put(
        self,
        name: RepositoryName,
        tag: Tag | None,
        content: bytes,
        media_type: str,
        blobs: Iterable[Digest],
        children: Iterable[Digest],
    ) -> None:
        digest = Digest.of(content)
        needed = [*((self.blobs, (name, blob)) for blob in blobs), *((self.manifests, (name, one)) for one in children)]
        try:
            now(self.registry.manifests.put(name, tag or digest, content, media_type))
        except ManifestReferencesUnknown:
            assert not all(known.must(key) for known, key in needed)
            return
        assert all(known.may(key) for known, key in needed)
        for known, key in needed:
            known.told(key, self.until)
        self.contents[name, digest] = content
        self.manifests.told((name, digest), self.until)
        if tag is not None:
            self.tags[name, tag] = digest

    def _read_blob(self, key: Key) -> None:
        try:
            reader = now(self.registry.blobs.open(*key))
        except BlobUnknown:
            assert not self.blobs.must(key)
            return
        assert self.blobs.may(key)
        assert reader.total == len(self.contents[key])
        reader.close()
        self.blobs.told(key, self.until)

    def _read_manifest(self, key: Key) -> None:
        try:
            _, stored = now(self.registry.manifests.get(*key))
        except ManifestUnknown:
            assert not self.manifests.must(key)
            return
        assert self.manifests.may(key)
        assert stored.content == self.contents[key]
        self.manifests.told(key, self.until)

    def _deleted(self, known: Known, key: Key, step: object, missing: type[Exception]) -> None:
        try:
            now(step)  # type: ignore[arg-type]  # a coroutine of either kind
        except missing:
            assert not known.must(key)
        else:
            assert known.may(key)
        known.gone(key)

    def _manifests_of(self, name: RepositoryName) -> list[Digest]:
        return sorted({digest for at, digest in self.manifests.possible if at == name}, key=str)

    def _leased(self) -> set[Key]:
        """What cannot even have been moved to the trash."""
        moment = self.world.clock.seconds()
        everything = {**self.blobs.sure, **self.manifests.sure}
        return {key for key, until in everything.items() if until - TRASH >= moment}

    def _live(self) -> set[Key]:
        """Manifests with a tag, a live parent or a live subject."""
        live: set[Key] = set()
        found = [(name, digest) for (name, _), digest in self.tags.items()]
        while found:
            key = found.pop()
            if key in live or not self.manifests.must(key):
                continue
            live.add(key)
            name, digest = key
            found += [(name, child) for child in _children(self.contents[key])]
            # One that waits in the trash does not come back because its subject does.
            others = self.manifests.sure.keys() - self.manifests.trash
            found += [one for one in others if one[0] == name and _subject(self.contents[one]) == digest]
        return live

    def _refused(self, kind: type[Exception], step: object) -> None:
        with pytest.raises(kind):
            now(step)  # type: ignore[arg-type]  # a coroutine of any kind


def _blobs(content: bytes) -> list[Digest]:
    document = json.loads(content)
    found = [document["config"], *document["layers"]] if "layers" in document else []
    return [Digest.parse(descriptor["digest"]) for descriptor in found]


def _children(content: bytes) -> list[Digest]:
    return [Digest.parse(child["digest"]) for child in json.loads(content).get("manifests", ())]


def _subject(content: bytes) -> Digest | None:
    try:
        subject = json.loads(content).get("subject")
    except (ValueError, AttributeError):
        return None  # A blob.
    return None if subject is None else Digest.parse(subject["digest"])


@pytest.mark.takes("--model-examples", 0.2)
def test_a_registry_does_what_the_model_says(pytestconfig: pytest.Config) -> None:
    examples: int = pytestconfig.getoption("--model-examples")
    run_state_machine_as_test(
        RegistryModel,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            database=None,
            print_blob=True,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )

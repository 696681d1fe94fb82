"""A registry over the memory driver, and the small things that its tests say often."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IDelayedCall, IPushProducer
from twisted.internet.task import Clock
from zope.interface import implementer

from txregistry.concurrency.workers import InlineWorkers
from txregistry.config.model import Validation
from txregistry.oci import mediatypes
from txregistry.oci.digest import Digest
from txregistry.oci.names import RepositoryName, Tag
from txregistry.registry.registry import Registry
from txregistry.storage.memory import MemoryDriver

T = TypeVar("T")

APP = RepositoryName("library/app")
OTHER = RepositoryName("other/app")
LATEST = Tag("latest")


def now(step: Awaitable[T]) -> T:
    """The result of what does not have to wait for anything."""

    async def run() -> T:
        return await step

    results: list[T] = []
    failures: list[Any] = []
    Deferred.fromCoroutine(run()).addCallbacks(results.append, failures.append)
    if failures:
        failures[0].raiseException()
    assert results, "it is still waiting"
    return results[0]


@implementer(IPushProducer)
class Bytes:
    """A source that has everything already; with `cut` it fails after that many bytes, as a lost connection does."""

    def __init__(self, content: bytes, cut: int | None = None) -> None:
        self.length: int | None = len(content)
        self._content = content
        self._cut = cut

    def stream_to(self, consumer: IConsumer) -> Deferred[int]:
        """See `ByteSource`."""
        result: Deferred[int] = Deferred()
        consumer.registerProducer(self, True)
        consumer.write(self._content if self._cut is None else self._content[: self._cut])
        consumer.unregisterProducer()
        if self._cut is None:
            result.callback(len(self._content))
        else:
            result.errback(ConnectionLost())
        return result

    def pauseProducing(self) -> None:
        """It has nothing more to give."""

    def resumeProducing(self) -> None:
        """It has nothing more to give."""

    def stopProducing(self) -> None:
        """It has nothing more to give."""


class ConnectionLost(Exception):
    """The client went away."""


@implementer(IPushProducer)
class Trickle:
    """A source that gives what the test says, when it says so."""

    length: int | None = None

    def __init__(self) -> None:
        self.result: Deferred[int] = Deferred()
        self.sent = 0
        self._consumer: IConsumer | None = None

    def stream_to(self, consumer: IConsumer) -> Deferred[int]:
        """See `ByteSource`."""
        self._consumer = consumer
        consumer.registerProducer(self, True)
        self.result = Deferred(lambda _: consumer.unregisterProducer())
        return self.result

    def give(self, data: bytes) -> None:
        """Some bytes arrive."""
        assert self._consumer is not None
        self.sent += len(data)
        self._consumer.write(data)

    def end(self) -> None:
        """The last one has arrived."""
        assert self._consumer is not None
        self._consumer.unregisterProducer()
        self.result.callback(self.sent)

    def pauseProducing(self) -> None:
        """The test gives no more than fits."""

    def resumeProducing(self) -> None:
        """The test gives no more than fits."""

    def stopProducing(self) -> None:
        """The consumer takes no more."""


class PromptClock(Clock):
    """Its next turn comes at once, so a long loop on a slow machine does not have to be helped on."""

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> IDelayedCall:
        """See `IReactorTime`."""
        call = super().callLater(delay, callable, *args, **kw)
        if delay == 0:
            call.cancel()
            callable(*args, **kw)
        return call


class World:
    """A registry, its clock and its store."""

    def __init__(self, validation: Validation | None = None, grace: float = 86400.0) -> None:
        self.clock = PromptClock()
        self.grace = grace
        self.driver = MemoryDriver(self.clock.seconds)
        self.validation = Validation() if validation is None else validation
        self.registry = self.open()

    def open(self, boot: str = "boot-1") -> Registry:
        """Another process on the same store."""
        return Registry.over(
            self.driver, InlineWorkers(), self.clock, self.validation, boot, self.grace, self.clock.seconds
        )

    def push_blob(self, content: bytes, name: RepositoryName = APP, algorithm: str = "sha256") -> Digest:
        """Upload a blob whole."""
        digest = Digest.of(content, algorithm)
        upload = now(self.registry.uploads.start(name))
        now(self.registry.uploads.finish(name, upload, Bytes(content), None, digest))
        return digest

    def push_image(
        self, name: RepositoryName = APP, tag: Tag | None = LATEST, salt: str = "", **fields: Any
    ) -> tuple[Digest, bytes]:
        """Push an image of one layer; `fields` are added to its manifest."""
        content = self.image(name, salt, **fields)
        digest = Digest.of(content)
        pushed = now(self.registry.manifests.put(name, tag or digest, content, mediatypes.OCI_MANIFEST))
        return pushed.digest, content

    def image(self, name: RepositoryName = APP, salt: str = "", **fields: Any) -> bytes:
        """A manifest whose blobs are there."""
        config = self.push_blob(json.dumps({"salt": salt}).encode(), name)
        layer = self.push_blob(b"layer " + salt.encode(), name)
        return manifest(config, [layer], **fields)


def described(digest: Digest, size: int = 1, media_type: str = "application/octet-stream") -> dict[str, Any]:
    """A descriptor as JSON has it."""
    return {"mediaType": media_type, "digest": str(digest), "size": size}


def manifest(config: Digest, layers: Sequence[Digest], **fields: Any) -> bytes:
    """An OCI image manifest."""
    document = {
        "schemaVersion": 2,
        "mediaType": mediatypes.OCI_MANIFEST,
        "config": described(config, media_type="application/vnd.oci.image.config.v1+json"),
        "layers": [described(layer, media_type="application/vnd.oci.image.layer.v1.tar") for layer in layers],
        **fields,
    }
    return json.dumps(document).encode()


def index(*children: Digest, **fields: Any) -> bytes:
    """An OCI image index."""
    entries = [described(child, media_type=mediatypes.OCI_MANIFEST) for child in children]
    return json.dumps({"schemaVersion": 2, "mediaType": mediatypes.OCI_INDEX, "manifests": entries, **fields}).encode()

"""Tells twistd where `registry` lives; imports nothing heavy, because every `twistd --help` imports this."""

from twisted.application.service import ServiceMaker

registry = ServiceMaker(  # type: ignore[no-untyped-call]  # Twisted has no annotation there
    "txregistry", "txregistry.daemon.tap", "A container registry.", "registry"
)

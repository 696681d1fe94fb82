"""From http.addr and http.net, or what systemd has opened already, to a listening port."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from typing import cast

from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory
from twisted.logger import Logger

from txregistry.config.model import HTTP
from txregistry.daemon.interfaces import IReactor
from txregistry.daemon.problems import CannotListen
from txregistry.http.ports import adopt, listen_tcp, listen_unix

_log = Logger()


def listen(reactor: IReactor, http: HTTP, factory: IProtocolFactory, inherited: Sequence[int] = ()) -> IListeningPort:
    """Listen where the configuration says; raise `CannotListen`.

    With an inherited socket it is the service manager who says where, and http.addr and http.net are not looked at.
    """
    where = f"the inherited descriptor {inherited[0]}" if inherited else http.addr
    try:
        if inherited:
            return _adopted(reactor, inherited, factory)
        if http.net == "unix":
            return listen_unix(reactor, http.addr, factory)
        return listen_tcp(reactor, http.address.port, factory, http.address.host)
    except CannotListenError as error:
        cause = error.socketError
        raise CannotListen(where, getattr(cause, "strerror", None) or str(cause)) from error
    except OSError as error:
        raise CannotListen(where, error.strerror or str(error)) from error


def _adopted(reactor: IReactor, inherited: Sequence[int], factory: IProtocolFactory) -> IListeningPort:
    first, *others = inherited
    if others:
        _log.warn("only the first of the inherited sockets is served", ignored=len(others))
    port = adopt(reactor, first, factory)
    os.close(first)  # the port has a duplicate
    return port


def hold(port: IListeningPort) -> None:
    """Let connections wait until `admit`."""
    cast(FileDescriptor, port).stopReading()  # type: ignore[no-untyped-call]  # Twisted's own


def admit(port: IListeningPort) -> None:
    """Accept connections."""
    cast(FileDescriptor, port).startReading()  # type: ignore[no-untyped-call]  # Twisted's own


def is_local(http: HTTP) -> bool:
    """Whether only this machine can connect."""
    if http.net == "unix" or http.address.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(http.address.host).is_loopback
    except ValueError:
        return False


def address_text(address: IAddress) -> str:
    """As the configuration would write it; the path of a Unix socket."""
    if isinstance(address, IPv4Address):
        return f"{address.host}:{address.port}"
    if isinstance(address, IPv6Address):
        return f"[{address.host}]:{address.port}"
    if isinstance(address, UNIXAddress):
        return os.fsdecode(address.name or b"")
    return str(address)

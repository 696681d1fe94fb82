"""What the same bytes cost with no registry at all: the limit of what an improvement can reach."""

from __future__ import annotations

import sys

from benchmarks.peers import Peer

__all__ = ["BARE", "NGINX"]

_WHERE = ("{port}", "{root}", "{certificate}", "{key}")
NGINX = Peer("nginx", (sys.executable, "-m", "benchmarks.floors.nginx", *_WHERE))
"""Files from the same folder with sendfile."""
BARE = Peer("txregistry.http", (sys.executable, "-m", "benchmarks.floors.bare", *_WHERE))
"""Our protocol, with an application that knows one answer."""

"""Whether somebody may still go on with an upload."""

from __future__ import annotations

from collections.abc import Callable

from txregistry.oci.names import RepositoryName, UploadId
from txregistry.registry.checking.findings import Finding, Kind
from txregistry.registry.checking.view import View
from txregistry.storage import layout

# The first file of a session comes a moment after its folder; a folder that is younger than this may be about to get
# it (seconds).
_YOUNG = 60.0


class UploadCheck:
    """`age` is how long a session may rest, in seconds; `now` tells seconds since the epoch."""

    def __init__(self, view: View, now: Callable[[], float], age: float) -> None:
        self._view = view
        self._now = now
        self._age = age

    async def upload(self, name: RepositoryName, upload: UploadId) -> list[Finding]:
        """One session."""
        folder, data = layout.upload(name, upload), layout.upload_data(name, upload)
        info = await self._view.info(folder)
        if info is None:
            return []
        if not info.is_folder:
            return [Finding(Kind.STRAY, folder, "a file where a folder belongs", name.text, evidence=info)]
        started = await self._view.info(layout.upload_started(name, upload))
        received = await self._view.info(data)
        touched = max(one.modified for one in (info, started, received) if one is not None)
        rested = self._now() - touched
        if started is None and rested >= _YOUNG:
            detail = "nothing tells when it began"
        elif rested >= self._age:
            detail = f"nothing came for {rested / 86_400:.0f} days"
        else:
            return []
        witness, evidence = (folder, info) if received is None else (data, received)
        return [Finding(Kind.ORPHANED_UPLOAD, folder, detail, name.text, evidence=evidence, witness=witness)]

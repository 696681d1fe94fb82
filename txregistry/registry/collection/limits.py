"""What a collection may remove, and how fast it goes."""

from __future__ import annotations

from attrs import frozen

# How many files are removed at the same time: each removal visits workers several times, and waits for others there.
AT_A_TIME = 8


@frozen
class Limits:
    """Times in seconds; one of 0 means at once, which only whoever knows that nobody serves the store may say.

    `rate` is how many files are looked at in a second, None without a limit. `hurried` leaves requests no more than
    their turns; otherwise they have most of the time.
    """

    grace: float
    trash: float
    delete_untagged: bool = False
    dry_run: bool = False
    rate: float | None = None
    hurried: bool = False

    @property
    def at_once(self) -> bool:
        """Whether what goes is gone in this run."""
        return self.grace == 0 and self.trash == 0

"""How a worker works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Times are in seconds.

    ``grace`` is how long a worker that is told to stop may go on with what it does before it gives it back.
    ``stalled_after`` is how long a worker is not heard of before others take over what it did.
    """

    target: str
    concurrency: int = 1
    drain: bool = False
    grace: float = 20.0
    stalled_after: float = 20.0
    poll_every: float = 0.5

    @property
    def heartbeat_every(self) -> float:
        """How often a worker says that it is there, and looks for what others have left."""
        return self.stalled_after / 4

"""Planning ideas that go wrong, in a module that worker processes can import too."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from soe_lib.model.terms import Flow, Part


@dataclass(frozen=True)
class Killed(Part):
    """The process that plans with it is killed at once, as by a system that is out of memory."""

    spared: int

    def flows(self, network: Any) -> Iterator[Flow]:  # noqa: ARG002
        """None: it never comes to that."""
        assert os.getpid() != self.spared, "the test's own process must not be hit"
        os.kill(os.getpid(), signal.SIGKILL)
        yield from ()


@dataclass(frozen=True)
class Idea(Part):
    """A planning idea that brings nothing."""

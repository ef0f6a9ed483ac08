"""The workbench: try an answer by hand, see in seconds what it is worth."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    """This package: `soe.workbench(snapshot)` opens the page, also once the package of that name is imported."""

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        from soe_lib.workbench.page import workbench  # widgets come with the page alone

        return workbench

    def __call__(self, *given: Any, **named: Any) -> Any:
        from soe_lib.names import guarded

        return guarded("soe.workbench", self.__wrapped__)(*given, **named)


sys.modules[__name__].__class__ = _Room

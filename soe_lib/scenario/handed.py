"""The base's answer, found once and handed to every process that answers scenarios of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from soe_lib.errors import FormulationError, SolveError
from soe_lib.model.start import Start

if TYPE_CHECKING:
    from soe_lib.model.model import Model
    from soe_lib.model.solve import Options


@dataclass(frozen=True)
class Handed:
    """What became of the base.

    Parameters
    ----------
    start : its answer; None where there is none that can be handed on: whoever needs it solves it.
    refused, status : why the base has no plan, and its status; blank where it has one, or where nobody tried.
    """

    start: Start | None = None
    refused: str = ""
    status: str = ""

    @classmethod
    def found(cls, model: Model, options: Options | None) -> Handed:
        """Solve the base, for others."""
        if "service" in model.balances:
            return cls()
        try:
            return cls(Start.of(model, options))
        except SolveError as failure:
            return cls(refused=str(failure), status=failure.status)
        except FormulationError as failure:
            return cls(refused=str(failure), status="empty")

    def __call__(self, model: Model, options: Options | None) -> Start:
        """The answer for a living model of the base; solved here where none was handed, or another model's.

        Raises SolveError where the base has no plan.
        """
        if self.refused:
            raise SolveError(self.refused, status=self.status)
        if self.start is None or not self.start.fits(model):
            return Start.of(model, options)
        model.canonical = self.start.canonical
        return self.start

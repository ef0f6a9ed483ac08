"""A plan: quantities, solved or loaded, and where they came from. It needs no solver and no CVXPY."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from soe_lib.display import html
from soe_lib.errors import hint
from soe_lib.money.ledger import Ledger
from soe_lib.money.rates import RateBook

OFF_CENTRE = 0.1837
"""Moves the edges of rounding away from short decimals, where two solves of one plan may fall on either side."""


@dataclass(frozen=True)
class Plan:
    """Quantities of every flow, valued by the rates they were chosen with.

    Parameters
    ----------
    name : how people call it: "this week's plan", "S&OP plan" …
    source : "solved" (certified) or "loaded".
    as_of, company, currency : of the Snapshot it was made from.
    fingerprint : of that Snapshot's contents.
    flows : flow → frame of its keys, attributes and `quantity`.
    rates : the money per unit of every cell.
    periods, items : the Snapshot's tables that give weeks, months and families.
    solution : status, objective, bound, gap, seconds, variables, rows, nonzeros, solver, certificate.
    prices : constraint → frame of its keys, rhs and price [money per unit of rhs].
    valued : its ledger, where that has been worked out already.

    Examples
    --------
    >>> made = soe.plan(small)
    >>> isinstance(made, soe.Plan), made.margin, made.ledger.accounts()["revenue"]
    (True, 840.0, 1840.0)
    >>> made["make"].filter(pl.col("item") == "tea").select("week", "quantity", "unit").rows()
    [('2026-W04', 60.0, 'case'), ('2026-W05', 60.0, 'case')]
    """

    name: str
    source: Literal["solved", "loaded"]
    as_of: date
    company: str
    currency: str
    fingerprint: str
    flows: Mapping[str, pl.DataFrame]
    rates: RateBook
    periods: pl.DataFrame
    items: pl.DataFrame
    solution: Mapping[str, Any] = field(default_factory=dict)
    prices: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    valued: Ledger | None = field(default=None, repr=False)

    @cached_property
    def ledger(self) -> Ledger:
        """Every money line of the plan."""
        return self.valued or self.rates.value(self.flows, items=self.items, periods=self.periods)

    @property
    def margin(self) -> float:
        """Cash margin plus the value of what is left [money]."""
        return self.ledger.margin

    @property
    def steering(self) -> float:
        """Money that moves the plan but is no cash: goodwill, shortfall below safety stock [money]."""
        return self.ledger.steering

    @property
    def objective(self) -> float:
        """Margin + steering: as the solver reported it; for a loaded plan as the ledger adds up [money]."""
        return float(self.solution.get("objective", self.margin + self.steering))

    @cached_property
    def identity(self) -> str:
        """Fingerprint of the quantities, to a millionth of a unit: equal plans have equal identities."""
        digest = hashlib.sha256(self.fingerprint.encode())
        for name in sorted(self.flows):
            frame = self.flows[name]
            keys = sorted(c for c in frame.columns if frame.schema[c] == pl.String)
            kept = frame.filter(pl.col("quantity").abs() > 5e-7).sort(keys)
            text = kept.select(*keys, (pl.col("quantity") * 1e6 + OFF_CENTRE).round(0).cast(pl.Int64)).write_csv()
            digest.update(f"{name}\n{text}".encode())
        return digest.hexdigest()

    def __getitem__(self, name: str) -> pl.DataFrame:
        """A flow for a reader: its cells that are not zero, with week, item description, unit and quantity.

        Raises KeyError with the nearest name for a flow that the plan does not have.
        """
        if name not in self.flows:
            raise KeyError(
                f"There is no flow {name!r}. {hint(name, self.flows)} It has {', '.join(sorted(self.flows))}."
            )
        found = self.flow(name)
        if "item" in found.columns:
            described = [
                one for one in ("description", "unit") if one in self.items.columns and one not in found.columns
            ]
            found = found.join(self.items.select("item", *described), on="item", how="left", maintain_order="left")
        if "period" in found.columns and "week" not in found.columns:
            weeks = self.periods.select("period", "week")
            found = found.join(weeks, on="period", how="left", maintain_order="left")
        head = [one for one in ("week", "period", "item", "description") if one in found.columns]
        labels = [one for one, kind in found.schema.items() if kind == pl.String and one not in (*head, "unit")]
        tail = [one for one in ("quantity", "unit") if one in found.columns]
        return found.select(*head, *labels, *tail)

    def _ipython_key_completions_(self) -> list[str]:
        return sorted(self.flows)

    def _repr_html_(self) -> str:
        accounts = pl.DataFrame(list(self.ledger.accounts().items()), schema=["account", "amount"], orient="row")
        return html(repr(self), accounts)

    def flow(self, name: str) -> pl.DataFrame:
        """The cells of a flow that are not zero."""
        return self.flows[name].filter(pl.col("quantity") != 0)

    def per_unit(self, flow: str) -> npt.NDArray[np.float64]:
        """Money per unit of each cell of a flow, its steering accounts left out; shape (rows of the flow,) [money]."""
        if flow not in self._per_unit:
            self._per_unit[flow] = self.rates.per_unit(flow, self.flows[flow])
        return self._per_unit[flow]

    @cached_property
    def _per_unit(self) -> dict[str, npt.NDArray[np.float64]]:
        return {}

    def with_name(self, name: str) -> Plan:
        """The same plan under another name."""
        return Plan(**{**{f: getattr(self, f) for f in self.__dataclass_fields__}, "name": name})

    def summary(self) -> dict[str, Any]:
        """Status, money and size in one flat mapping, for JSON."""
        return {
            "name": self.name,
            "company": self.company,
            "currency": self.currency,
            "as_of": self.as_of.isoformat(),
            "status": self.solution.get("status", self.source),
            "objective": self.objective,
            "margin": self.margin,
            "cash_margin": self.ledger.cash,
            "end_value": self.ledger.margin - self.ledger.cash,
            "steering": self.steering,
            "accounts": dict(self.ledger.accounts()),
            **{k: v for k, v in self.solution.items() if k not in ("status", "objective")},
            "fingerprint": self.fingerprint,
            "identity": self.identity,
        }

    def save(self, folder: str | Path) -> Path:
        """Write the plan as plan.json and parquet tables; `Plan.load` reads it back."""
        target = Path(folder)
        for kind, frames in (("flows", self.flows), ("prices", self.prices)):
            (target / kind).mkdir(parents=True, exist_ok=True)
            for name, frame in frames.items():
                frame.write_parquet(target / kind / f"{name}.parquet")
        self.rates.save(target / "rates")
        self.periods.write_parquet(target / "periods.parquet")
        self.items.write_parquet(target / "items.parquet")
        head = {
            "name": self.name,
            "source": self.source,
            "as_of": self.as_of.isoformat(),
            "company": self.company,
            "currency": self.currency,
            "fingerprint": self.fingerprint,
            "identity": self.identity,
            "margin": self.margin,
            "steering": self.steering,
            "solution": dict(self.solution),
        }
        (target / "plan.json").write_text(json.dumps(head, indent=2, sort_keys=True), encoding="utf-8")
        return target

    @classmethod
    def load(cls, folder: str | Path) -> Plan:
        """Read a plan that `save` wrote."""
        source = Path(folder)
        head = json.loads((source / "plan.json").read_text(encoding="utf-8"))
        frames = {
            kind: {path.stem: pl.read_parquet(path) for path in sorted((source / kind).glob("*.parquet"))}
            for kind in ("flows", "prices")
        }
        return cls(
            name=head["name"],
            source=head["source"],
            as_of=date.fromisoformat(head["as_of"]),
            company=head["company"],
            currency=head["currency"],
            fingerprint=head["fingerprint"],
            flows=frames["flows"],
            rates=RateBook.load(source / "rates"),
            periods=pl.read_parquet(source / "periods.parquet"),
            items=pl.read_parquet(source / "items.parquet"),
            solution=head["solution"],
            prices=frames["prices"],
        )

    def __repr__(self) -> str:
        found = self.solution
        proof = (
            f"{found.get('status')} (gap {found.get('gap', 0.0):.2%}, {found.get('variables', 0):,} quantities, "
            f"{found.get('rows', 0):,} rows, {found.get('seconds', 0.0):.1f} s)"
            if self.source == "solved"
            else "loaded"
        )
        if found.get("status") == "feasible":
            short = float(found["bound"]) - self.objective
            proof = f"proven to within {found['gap']:.2%} ({self.currency} {short:,.0f}), {proof}"
        return (
            f"{self.name}, {self.company} as of {self.as_of}: {proof}. Margin {self.currency} {self.margin:,.2f}, "
            f"of which cash {self.ledger.cash:,.2f}; steering {self.steering:,.2f}."
        )

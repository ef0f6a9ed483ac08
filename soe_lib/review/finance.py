"""The finance page: what the plan earns, why it moved, how it stands against S&OP and budget, what it ties up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from soe_lib.model.stock_targets import ADDITIVE
from soe_lib.money.actuals import NOT_KNOWN
from soe_lib.money.profit_and_loss import Statement
from soe_lib.money.profit_and_loss import statement as make_statement
from soe_lib.money.reconciliation import Bridge
from soe_lib.money.window import cut
from soe_lib.review import charts, frames, plans_compared, words
from soe_lib.review.exceptions.supply import idle
from soe_lib.review.finance_parts import Reasons, TiedUp, bridge_steps
from soe_lib.review.measures import scores
from soe_lib.review.page import Page, check, found_on, to_decide
from soe_lib.review.plans_compared import (
    AtStandard,
    between,
    bridge_frame,
    bridge_table,
    closed_week,
    compared_days,
    statement_table,
)
from soe_lib.review.tables import Table
from soe_lib.review.week import Week

WHAT = "margin at standard cost"


@dataclass(frozen=True, eq=False)
class Finance:
    """The figures of the finance page, worked out once.

    Parameters
    ----------
    situation : the week.
    """

    situation: Week

    @cached_property
    def reasons(self) -> Reasons:
        """Why the margin moved, S&OP and the year, the closed week in standard costs, cash."""
        return Reasons(self.situation)

    @cached_property
    def tied_up(self) -> TiedUp:
        """Working capital, expediting by cause, the walk to what happened."""
        return TiedUp(self.situation)

    @cached_property
    def others(self) -> plans_compared.Others:
        """The plan of record, the S&OP plan and the budget, valued by this plan's rates and read at standard cost."""
        return plans_compared.others(self.situation)

    @cached_property
    def plan(self) -> AtStandard:
        """This plan at standard cost."""
        return plans_compared.this_plan(self.situation)

    @cached_property
    def bridge(self) -> Bridge | None:
        """From the plan of record to this plan; None where there is nothing to compare."""
        return between(self.others.record, self.plan)

    @cached_property
    def sop_bridge(self) -> Bridge | None:
        """From the S&OP plan to this plan; None where there is nothing to compare."""
        return between(self.others.consensus, self.plan)

    @cached_property
    def closed(self) -> Bridge | None:
        """From the plan of record to what happened in the closed week; None where there is nothing to compare."""
        return closed_week(self.situation)

    @cached_property
    def statement(self) -> Statement:
        """This plan's statement by family, in cash, accrual and margin."""
        return make_statement(self.situation.plan, "family")

    @cached_property
    def months(self) -> Statement:
        """This plan's statement by fiscal month."""
        return make_statement(self.situation.plan, "month")

    @cached_property
    def side_by_side(self) -> Statement | None:
        """All plans at standard cost over the days that they share; None where this plan stands alone."""
        sides = [*self.others.known, self.plan]
        days = compared_days(*sides) if len(sides) > 1 else None
        return None if days is None else make_statement([cut(side, days) for side in sides], reading="cash")

    @cached_property
    def idle(self) -> pl.DataFrame:
        """Stock beyond three months of use, or without any."""
        return idle(self.situation)

    @property
    def bridge_chart(self) -> charts.Chart:
        """From the plan of record to this plan, as a waterfall."""
        return charts.bridge(bridge_frame(self.bridge), self.situation.currency, what=WHAT)

    @property
    def bridge_table(self) -> Table | str:
        """What stands beside the waterfall: amount, share, cumulative, formula."""
        return bridge_table(self.bridge, self.situation.currency, "There is no plan of record to compare with.")

    @property
    def sop_chart(self) -> charts.Chart:
        """From the S&OP plan to this plan, as a waterfall."""
        return charts.bridge(bridge_frame(self.sop_bridge), self.situation.currency, what=WHAT)

    @property
    def sop_table(self) -> Table | str:
        """What stands beside that waterfall."""
        return bridge_table(self.sop_bridge, self.situation.currency, "There is no S&OP plan to compare with.")

    @property
    def closed_chart(self) -> charts.Chart:
        """From the plan of record to what happened, as a waterfall."""
        return charts.bridge(bridge_frame(self.closed), self.situation.currency, what=WHAT)

    @property
    def closed_table(self) -> Table | str:
        """What stands beside that waterfall."""
        return bridge_table(self.closed, self.situation.currency, "There is no closed week to compare with its plan.")

    @property
    def statement_table(self) -> Table:
        """The statement by family."""
        return statement_table(self.statement, "Contribution margin by family", self.situation.currency)

    @property
    def month_table(self) -> Table:
        """The statement by fiscal month."""
        return statement_table(self.months, "Contribution margin by fiscal month", self.situation.currency)

    @property
    def side_table(self) -> Table | str:
        """The plans side by side at standard cost."""
        made = self.side_by_side
        if made is None:
            return "This plan stands alone: there is no plan of record, S&OP plan or budget."
        days = compared_days(*self.others.known, self.plan)
        span = f"{words.full_day(days[0])} to {words.full_day(days[1])}" if days else ""
        caption = f"Plans side by side at standard cost, {span}"
        return statement_table(made, caption, self.situation.currency, standard=True)

    @cached_property
    def page(self) -> Page:
        """Headline, scores, exceptions and checks."""
        issues = found_on(self.situation, "finance_review")
        return Page(
            name="finance_review",
            title="Finance review",
            headline=self.headline,
            currency=self.situation.currency,
            scores=scores("finance_review", self),
            issues=issues,
            asked=to_decide(self.situation, issues),
            checks=tuple(self.checks),
            assumptions=tuple(self.assumptions),
        )

    @property
    def headline(self) -> str:
        """How the margin moved against the plan of record, and how it stands against S&OP."""
        currency = self.situation.currency
        made = [one for one in (self.bridge, self.sop_bridge) if one is not None]
        if not made:
            earned = earning(self.situation.plan.margin, currency)
            return words.sentence(f"The plan {earned}; there is no plan of record to compare it with")
        first = words.sentence(charts.bridge_finding(bridge_frame(made[0]), currency, what=WHAT))
        if len(made) == 1:
            return first
        gap = change_of(made[1])
        side = "above" if gap > 0 else "below"
        return f"{first} It is {words.brief_money(abs(gap), currency)} {side} the S&OP plan."

    @property
    def checks(self) -> list[dict[str, Any]]:
        """Ledger, statement and bridges tie out to the cent."""
        # A plan that does nothing has no line in its statement.
        shown = self.statement.cents("margin") if self.statement.rows.height else 0
        margin = round(self.situation.plan.margin * 100)
        detail = f"Statement {shown / 100:,.2f}, ledger {margin / 100:,.2f}"
        lost = int(self.situation.plan.ledger.unmatched["rows"].sum())
        found = [
            check("Statement = ledger, to the cent", abs(shown - margin) <= 1, detail),
            check("Every quantity has its rate", lost == 0, f"{words.count(lost, 'row')} without a rate"),
        ]
        for made in (self.bridge, self.sop_bridge, self.closed):
            if made is not None:
                name = f"The bridge from the {made.base} to {made.other} leaves no residual"
                found.append(check(name, made.residual == 0, f"Residual {made.residual / 100:,.2f}"))
        return [*found, *self.reasons.checks, *self.tied_up.checks, *self._same_profit()]

    def _same_profit(self) -> list[dict[str, Any]]:
        """The closed week's profit is one, in standard costs and at the end of the walk."""
        told, walk = self.reasons.operating, self.tied_up.walk
        if isinstance(told, str) or isinstance(walk, str):
            return []
        ends = (told.start, told.end), (walk.bridges[0].start, walk.bridges[-1].end)
        first = walk.names[0] == "budget"
        said = f"Standard costs {told.end / 100:,.2f}, walk {ends[1][1] / 100:,.2f}"
        same = ends[0] == ends[1] if first else ends[0][1] == ends[1][1]
        return [check("The closed week's profit is the same in both readings", same, said)]

    @property
    def assumptions(self) -> list[str]:
        """What the page takes for granted."""
        said = ["Stock beyond three months of use counts as excess, without any use as obsolete."]
        if self.bridge is not None or self.sop_bridge is not None:
            said.append(
                "Plans are compared at standard cost and at this week's rates, without the last two weeks of the "
                "shorter horizon, in which a plan lets its stock run out."
            )
        unknown = {one for one in (self.reasons.operating, self.tied_up.walk) if isinstance(one, str)}
        return [*said, *sorted(one for one in unknown if NOT_KNOWN in one), *self.others.assumptions]

    def workbook(self, results: str | Path) -> dict[str, pl.DataFrame]:
        """The frames behind finance.xlsx, written to `<results>/finance/*.parquet`; only returned when run by
        hand.
        """
        sheets = plans_compared.sheets(self.situation, self.statement, self.months, self.side_by_side)
        bridges = {"bridge": self.bridge, "bridge_from_sop": self.sop_bridge, "closed_week": self.closed}
        known = {name: made for name, made in bridges.items() if made is not None}
        sheets |= {name: plans_compared.bridge_sheet(made) for name, made in known.items()}
        sheets |= self.reasons.sheets() | self.tied_up.sheets()
        sheets["forecast_accuracy"] = self.situation.accuracy.with_columns(pl.col("money").round(2)).rename(
            {"money": "amount_at_stake"}
        )
        if not isinstance(self.tied_up.walk, str):
            known |= {f"walk_{number}": made for number, made in enumerate(self.tied_up.walk.bridges, start=1)}
        steps = [bridge_steps(f"{made.base} to {made.other}", name, made) for name, made in known.items()]
        if every := [*steps, *self.reasons.steps()]:
            sheets["bridges"] = pl.concat(every)
        if not (targets := self.situation.targets).is_empty():
            sheets["stock_targets"] = targets.rename({name: f"amount_{name}" for name in ADDITIVE})
            sheets["where_to_hold"] = frames.where_to_hold(self.situation.snapshot)
        if str(results).strip():
            folder = Path(results) / "finance"
            folder.mkdir(parents=True, exist_ok=True)
            for name, frame in sheets.items():
                frame.write_parquet(folder / f"{name}.parquet")
        return sheets


def change_of(made: Bridge) -> float:
    """End less start of a bridge [money]."""
    return (made.end - made.start) / 10**made.digits


def earning(margin: float, currency: str) -> str:
    """What a plan earns or costs, as a verb and its money."""
    verb = "earns" if margin >= 0 else "costs"
    return f"{verb} {words.brief_money(abs(margin), currency)}{' of margin' if margin >= 0 else ''}"

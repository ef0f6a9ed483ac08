"""The balance page: the plan, what it is worth, whom it serves, and whether it is proven."""

from __future__ import annotations

from typing import Any

from soe_lib.review import words
from soe_lib.review.finance import earning
from soe_lib.review.frames.time import buckets
from soe_lib.review.measures import scores
from soe_lib.review.measures.of_plans import service
from soe_lib.review.page import Page, check, found_on, to_decide
from soe_lib.review.week import Week

CENT = 0.01


def page(situation: Week) -> Page:
    """What the plan earns, whom it serves late or not at all, how far it moved, and the proofs that it stands on."""
    issues = found_on(situation, "balance")
    return Page(
        name="balance",
        title="Balance of supply and demand",
        headline=headline(situation),
        currency=situation.currency,
        scores=scores("balance", situation),
        issues=issues,
        asked=to_decide(situation, issues),
        answers=situation.options,
        known=situation.memory,
        checks=tuple(checks(situation)),
        assumptions=tuple(assumptions(situation)),
    )


def headline(situation: Week) -> str:
    """What the plan earns and what it leaves waiting, in two sentences."""
    gaps, plan = situation.gaps, situation.plan
    own = bool((plan.periods["kind"] == "given").all())
    weeks = words.count(buckets(plan.periods)["bucket"].n_unique(), "period" if own else "week")
    total = float(gaps["demand"].sum())
    waiting = float((gaps["revenue_late"] + gaps["revenue_short"]).sum())
    earned = f"The plan {earning(plan.margin, situation.currency)} over {weeks}"
    if total <= 0:
        return words.sentence(f"{earned}; there is no demand to serve")
    late, short = float(gaps["late"].sum()), float(gaps["short"].sum())
    if late + short < 0.5:
        return words.sentence(f"{earned} and serves all demand on time")
    rest = f"{words.number(late)} units come late and {words.number(short)} are never served"
    if short < 0.5:
        rest = f"{words.number(late)} units come late, none is left unserved"
    elif late < 0.5:
        rest = f"{words.number(short)} units are never served"
    money = words.brief_money(waiting, situation.currency)
    share = words.percent(service(plan), decimals=1)
    return f"{earned} and serves {share} of demand on time. {rest}; {money} of revenue waits."


def checks(situation: Week) -> list[dict[str, Any]]:
    """The proofs: ledger against optimum, certificate, gap, and demand accounted for."""
    plan, solution = situation.plan, situation.plan.solution
    apart = abs(plan.margin + plan.steering - plan.objective)
    certificate = dict(solution.get("certificate") or {})
    residual, infeasible = certificate.get("primal_residual"), certificate.get("dual_infeasibility")
    found = [
        check("Margin + steering = the solver's optimum", apart <= CENT,
              f"They differ by {situation.currency} {apart:,.4f}"),
    ]  # fmt: skip
    if residual is not None and infeasible is not None:
        proven = residual <= 1e-6 and infeasible <= 1e-7
        detail = f"Residual {residual:.1e}, dual infeasibility {infeasible:.1e}, checked without the solver"
        found.append(check("The plan is certified", proven, detail))
    lines = situation.lines
    told = sum(float(lines[name].sum()) for name in ("on_time", "late", "short"))
    rows = plan.prices.get("demand")
    asked = told if rows is None else float(rows["rhs"].sum())
    gap = abs(told - asked)
    found.append(check("Served and unserved add up to demand", gap <= 1e-6 * max(asked, 1.0),
                       f"{words.number(asked)} units demanded, {gap:,.6f} unaccounted for"))  # fmt: skip
    return found


def assumptions(situation: Week) -> list[str]:
    """What the page takes for granted."""
    said = [words.sentence(note) for note in situation.snapshot.settings.notes]
    if situation.record is None:
        said.append("There is no plan of record: nothing can be compared with last week.")
    else:
        said.append(words.sentence(f"The plan of record is of {words.full_day(situation.record.as_of)}: "
                                   f"{situation.record.name}"))  # fmt: skip
    return said

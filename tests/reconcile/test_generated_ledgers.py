"""Ten thousand generated ledgers and one of a million lines: whatever is shown adds up, and every residual is 0.00."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest

from soe_lib.money.ledger import LINES, Ledger
from soe_lib.money.profit_and_loss import statement
from soe_lib.money.reconciliation import bridges
from tests.ledgers import weeks

SHORT, LONG, BATCH = 200, 10_000, 20
ACCOUNTS = np.array(["revenue", "material", "conversion", "overtime", "freight", "penalties", "end value", "goodwill"])
KINDS = np.array(["cash"] * 6 + ["inventory", "steering"])
ITEMS = pl.DataFrame(
    {"item": [f"I{n}" for n in range(7)], "family": [f"F{n % 3}" for n in range(7)],
     "standard_cost": [1.0, 2.5, None, 0.0, 1 / 3, 1e4, 0.07]}
)  # fmt: skip
PERIODS = weeks(6).with_columns(months=pl.lit(None, dtype=pl.String)).with_columns(
    months=pl.when(pl.col("index") == 2).then(pl.lit("2026-11:1 2026-12:4"))
)  # fmt: skip


class Generated:
    """A plan drawn at random: few lines or many, thirds, halves of a cent, returns, tiny and huge amounts."""

    def __init__(self, name: str, random: np.random.Generator, size: int) -> None:
        self.name, self.items, self.periods = name, ITEMS, PERIODS
        account = random.integers(len(ACCOUNTS), size=size)
        unit = np.array([0.005, 1 / 3, 0.01, 0.015, 1e-7, 123.45, 9999.995])
        price = random.choice(unit, size) * random.integers(-3, 9, size)
        quantity = random.choice(np.array([0.0, 1.0, 3.0, 7.0, 1e3, 0.1, 1e4]), size)
        labels = {
            "item": np.char.add("I", random.integers(len(ITEMS), size=size).astype(str)),
            "location": np.char.add("L", random.integers(2, size=size).astype(str)),
            "customer": np.char.add("C", random.integers(3, size=size).astype(str)),
            "period": PERIODS["period"].to_numpy()[random.integers(PERIODS.height, size=size)],
        }
        lines = pl.DataFrame(
            {"account": ACCOUNTS[account], "kind": KINDS[account], "flow": "drawn", **labels, "quantity": quantity,
             "per_unit": price, "amount": quantity * price}
        ).select(LINES.names())  # fmt: skip
        sold = lines.filter(pl.col("account") == "revenue")
        self.flows = {"sell": sold.select("item", "location", "customer", "period", "quantity")}
        self.ledger = Ledger(lines, items=ITEMS, periods=PERIODS)


def closes(plans: list[Generated], *, average: bool, digits: int) -> None:
    """Statements by three groupings and the walk over all plans, each tied to the others and to exact decimals."""
    shown = {by: statement(plans, by, reading="cash", digits=digits) for by in ("total", "family", "month")}
    walk = bridges(
        plans,
        convention="mix as average price" if average else "mix at base margin",
        by=("item", "customer"),
        digits=digits,
    )
    assert walk.residual == 0
    assert all(one.residual == 0 for one in walk.bridges)
    assert walk.detail["amount"].sum() == walk.bridges[-1].end - walk.bridges[0].start
    drilled = walk.by("family", "customer").group_by("from", "to", "driver").agg(pl.col("amount").sum())
    torn = drilled.join(walk.steps, on=["from", "to", "driver"], suffix="_step").filter(
        pl.col("amount") != pl.col("amount_step")
    )
    assert torn.is_empty()
    for plan, end in zip(plans, [walk.bridges[0].start, *(one.end for one in walk.bridges)], strict=True):
        margins = {by: made.cents("margin", plan=plan.name) for by, made in shown.items()}
        assert set(margins.values()) == {end}, (plan.name, margins, end)
        lines = plan.ledger.cents(digits=digits).filter(pl.col("kind") != "steering")
        assert int(lines["cents"].sum()) == end
        assert abs(end - plan.ledger.margin * 10**digits) <= 0.5 + 1e-5 + 1e-12 * plan.ledger.turnover * 10**digits


def drawn(count: int, seed: int) -> Iterator[tuple[list[Generated], bool, int]]:
    """So many ledgers, five to a walk."""
    random = np.random.default_rng(seed)
    for start in range(0, count, 5):
        size = int(random.choice([1, 2, 5, 30, 200]))
        yield (
            [Generated(f"plan {start + n}", random, size) for n in range(5)],
            bool(random.integers(2)),
            int(random.choice([0, 2, 2, 3])),
        )


@pytest.mark.parametrize("seed", range(SHORT // BATCH))
def test_generated_ledgers_close(seed: int) -> None:
    for plans, average, digits in drawn(BATCH, seed):
        closes(plans, average=average, digits=digits)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1000 + LONG // 100))
def test_ten_thousand_generated_ledgers_close(seed: int) -> None:
    for plans, average, digits in drawn(100, seed):
        closes(plans, average=average, digits=digits)


@pytest.mark.slow
def test_a_million_lines_close() -> None:
    random = np.random.default_rng(11)
    closes([Generated(name, random, 1_000_000) for name in ("budget", "actual")], average=False, digits=2)

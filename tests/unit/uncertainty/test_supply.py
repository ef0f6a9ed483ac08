"""Delays, their pooled spread and hours lost, each against a sum by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.checks import read
from soe_lib.uncertainty.supply import POOL, delays, lead_spread, lost_hours, output_lost
from tests.unit.extract.company import add, write

HEAD = "receipt,kind,item,location,offer,lane,routing,ordered_on,promised_on,arrived_on,quantity\n"
TODAY = date(2026, 11, 16)


def company(folder: Path, rows: list[str], **tables: str) -> Snapshot:
    """The small company with these deliveries, offers O, O2 (Kobe) and O3 (Rhein)."""
    changes: dict[str, str | bytes | None] = {"deliveries.csv": HEAD + "".join(f"{row}\n" for row in rows)}
    offers = add("offers.csv", "O2,Kobe,RM,M,2,7", "O3,Rhein,FG,M,9,7")
    return read(write(folder, {**changes, **offers, **{f"{name}.csv": text for name, text in tables.items()}}))


def bought(offer: str, *days: int) -> list[str]:
    """Deliveries under an offer, so many days late each."""
    promised = date(2026, 9, 14)
    return [
        f"{offer}-{n},buy,RM,P,{offer},,,,{promised},{promised + timedelta(days=late)},{10 * n}"
        for n, late in enumerate(days, 1)
    ]


def row(frame: pl.DataFrame, name: str) -> dict[str, float]:
    """The row of one offer, lane, routing or resource."""
    key = "name" if "name" in frame.columns else "resource"
    return frame.filter(pl.col(key) == name).row(0, named=True)


def test_a_delay_is_arrival_less_promise(tmp_path: Path) -> None:
    told = delays(company(tmp_path, bought("O", 3, -2)))
    assert told["days"].to_list() == [3.0, -2.0]
    assert told["supplier"].to_list() == ["Kobe", "Kobe"]
    assert told["quantity"].to_list() == [10.0, 20.0]


def test_what_the_row_leaves_open_is_found_where_it_can_be_only_one(tmp_path: Path) -> None:
    rows = [
        "B,buy,RM,P,,,,,2026-09-14,2026-09-15,1",
        "S,,FG,M,,P>M,,,2026-09-14,2026-09-15,1",
        "T,ship,FG,M,,,,,2026-09-14,2026-09-15,1",
        "M,make,FG,P,,,,,2026-09-14,2026-09-15,1",
        "N,buy,FG,P,,,,,2026-09-14,2026-09-15,1",
    ]
    told = delays(company(tmp_path, rows)).select("receipt", "kind", "offer", "lane", "routing").rows()
    assert told == [
        ("B", "buy", "O", "", ""), ("M", "make", "", "", "R"), ("N", "buy", "", "", ""), ("S", "ship", "", "P>M", ""),
        ("T", "ship", "", "P>M", ""),
    ]  # fmt: skip


def test_the_spread_is_the_mixture_worked_out_by_hand(tmp_path: Path) -> None:
    """O: 10 deliveries of 0 and 4 in turns; O2, the same supplier: none; O3, another one: five of 6."""
    spread = lead_spread(company(tmp_path, [*bought("O", *[0, 4] * 5), *bought("O3", *[6] * 5)]))
    # buy: 15 points of mean (5·4 + 5·6)/15 = 50/15, square (5·16 + 5·36)/15 = 260/15; they count 15/20
    kind = np.array([50 / 20, 260 / 20])
    kobe = np.array([2.0, 8.0]) * 10 / 15 + kind * 5 / 15
    rhein = np.array([6.0, 36.0]) / 2 + kind / 2
    by_hand = {"O": np.array([2.0, 8.0]) * 10 / 15 + kobe * 5 / 15, "O2": kobe, "O3": np.array([3.0, 18.0]) + rhein / 2}
    for name, (mean, square) in by_hand.items():
        found = row(spread, name)
        assert found["mean_days"] == pytest.approx(mean, abs=1e-12)
        assert found["sd_days"] == pytest.approx(np.sqrt(square - mean**2), abs=1e-12)
    assert [row(spread, name)["n"] for name in by_hand] == [10, 0, 5]
    assert [row(spread, name)["n_group"] for name in by_hand] == [10, 10, 5]
    assert {row(spread, name)["n_kind"] for name in by_hand} == {15}
    # O3: 6 days have 1/2 + 1/2·(1/2 + 1/2·5/20) = 0.8125; 0 days have 1/4·(5/20 + 5/20), 4 days 1/4·5/20
    assert [row(spread, "O3")[name] for name in ("q10", "q50", "q95")] == [0.0, 6.0, 6.0]
    assert row(spread, "P>M")["sd_days"] == 0.0


def test_many_deliveries_are_their_own_spread(tmp_path: Path) -> None:
    late = np.random.default_rng(3).integers(-5, 15, 4000)
    found = row(lead_spread(company(tmp_path, bought("O", *late.tolist()))), "O")
    assert found["mean_days"] == pytest.approx(late.mean(), abs=0.01)
    assert found["sd_days"] == pytest.approx(late.std(), abs=0.01)
    assert [found[f"q{at}"] for at in (10, 50, 90, 95)] == np.quantile(
        late, [0.1, 0.5, 0.9, 0.95], method="inverted_cdf"
    ).tolist()


def test_the_textbook_variance_of_demand_over_a_lead_time_that_moves(tmp_path: Path) -> None:
    """L·σ_d² + d²·σ_L² against a hundred thousand lead times drawn from the deliveries."""
    late = np.random.default_rng(5).integers(0, 9, 3000)
    found = row(lead_spread(company(tmp_path, bought("O", *late.tolist()))), "O")
    generator, lead, demand, deviation = np.random.default_rng(6), 14, 30.0, 8.0
    days = lead + generator.choice(late, 100_000)
    drawn = generator.normal(days * demand, np.sqrt(days) * deviation)
    told = (lead + found["mean_days"]) * deviation**2 + demand**2 * found["sd_days"] ** 2
    assert told == pytest.approx(drawn.var(), rel=0.03)


def test_nothing_known_is_on_time(tmp_path: Path) -> None:
    spread = lead_spread(company(tmp_path, []).replace())
    assert spread.height == 5  # three offers, a lane, a routing
    assert spread.select(pl.exclude("kind", "name", "group")).to_numpy().max() == 0.0
    assert delays(company(tmp_path, [])).is_empty()


def test_one_delivery_of_half_a_year_late_is_no_law(tmp_path: Path) -> None:
    found = row(lead_spread(company(tmp_path, bought("O", 60))), "O")
    # 60 × (1 − (5/6)³): what is not its own, its supplier's or its kind's is on time
    assert found["mean_days"] == pytest.approx(60 * (1 - (POOL / (1 + POOL)) ** 3))
    assert found["q50"] == 0.0


def test_row_order_and_units_change_nothing_and_equal_rows_count_once(tmp_path: Path) -> None:
    snapshot = company(tmp_path, [*bought("O", 1, 5, -3), *bought("O3", 2)])
    told = snapshot["deliveries"]
    other = snapshot.replace(deliveries=told.sample(fraction=1, shuffle=True, seed=1))
    scaled = snapshot.replace(deliveries=told.with_columns(pl.col("quantity") * 1000))
    twice = snapshot.replace(deliveries=pl.concat([told, told]))
    for one in (other, scaled, twice):
        assert_frame_equal(lead_spread(one), lead_spread(snapshot), check_exact=True)
    assert_frame_equal(delays(other), delays(snapshot))


def test_a_delivery_of_a_later_day_is_not_known(tmp_path: Path) -> None:
    snapshot = company(tmp_path, bought("O", 1))
    later = snapshot["deliveries"].with_columns(arrived_on=pl.lit(TODAY), receipt=pl.lit("LATER"))
    told = delays(snapshot.replace(deliveries=pl.concat([snapshot["deliveries"], later])))
    assert told["receipt"].to_list() == ["O-1"]


def receipts(*rows: str) -> dict[str, str | bytes | None]:
    """An extract without deliveries, with these receipts of RM at P under offer O."""
    head = "receipt,kind,item,location,due_on,quantity,offer\n"
    return {"receipts.csv": head + "".join(f"{one[0]},buy,RM,P,{one[1]},5,O\n" for one in map(str.split, rows)),
            "deliveries.csv": None}  # fmt: skip


def test_receipts_of_earlier_extracts_stand_in(tmp_path: Path) -> None:
    weeks = {
        "2026-11-02": ("A 2026-11-04", "B 2026-11-05", "C 2026-11-03", "D 2026-11-18", "E 2026-11-30", "G 2026-11-10"),
        "2026-11-09": ("B 2026-11-12", "C 2026-11-03", "D 2026-11-18", "E 2026-11-30", "F 2026-11-10", "G 2026-11-25"),
        "2026-11-16": ("D 2026-11-25", "F 2026-11-20"),
    }
    for day, rows in weeks.items():
        settings = f'company = "Small"\ncurrency = "EUR"\nas_of = "{day}"\n'
        write(tmp_path / day, {**receipts(*rows), "settings.toml": settings})
    told = delays(read(tmp_path))
    # A on time; B moved a week; C overdue on the 9th and in by the 16th: at least six days; D was promised for a day to
    # come; E and G are gone before they were due: cancelled or early; F is open, and will be ten days late
    assert dict(told.select("receipt", "days").iter_rows()) == {"A": 0.0, "B": 7.0, "C": 6.0, "F": 10.0}
    first = delays(read(tmp_path, "2026-11-09"))
    assert dict(first.select("receipt", "days").iter_rows()) == {"A": 0.0, "B": 7.0, "C": 6.0}
    write(
        tmp_path / "2026-11-02", {**receipts(*weeks["2026-11-02"]), "settings.toml": settings.replace("Small", "Other")}
    )
    assert "A" not in delays(read(tmp_path))["receipt"].to_list(), "another company's extract is none of its past"


def stops(*rows: str) -> str:
    """Actuals of hours."""
    return "date,measure,resource,hours\n" + "".join(f"{row}\n" for row in rows)


ALL_HOURS = (
    "2026-10-26,hours,L1,36", "2026-10-27,lost hours,L1,4",  # a tenth
    "2026-11-02,hours,L1,40",  # nothing
    "2026-11-09,hours,L1,20", "2026-11-10,lost hours,L1,12", "2026-11-11,lost hours,L1,8",  # a half
    "2026-11-16,hours,L1,1", "2026-11-16,lost hours,L1,99",  # not over yet
)  # fmt: skip


def test_lost_hours_by_hand(tmp_path: Path) -> None:
    found = row(lost_hours(company(tmp_path, [], actuals=stops(*ALL_HOURS))), "L1")
    own = np.array([0.6 / 3, (0.01 + 0.25) / 3])
    mean, square = own * 3 / 8 + own * 3 / 8 * 5 / 8
    assert found["n"] == 3
    assert found["mean_share"] == pytest.approx(mean)
    assert found["sd_share"] == pytest.approx(np.sqrt(square - mean**2))


def test_hours_that_the_calendar_offered_count_where_they_are_more(tmp_path: Path) -> None:
    calendar = "resource,period,hours\nL1,2026-W45,80\nL1,2026-W47,40\nL1,2026-W49,40\n"
    rows = ("2026-11-02,hours,L1,30", "2026-11-03,lost hours,L1,8")
    snapshot = company(tmp_path, [], actuals=stops(*rows), calendar=calendar)
    assert row(lost_hours(snapshot, pool=1e-12), "L1")["mean_share"] == pytest.approx(8 / 80)


def test_where_nobody_records_lost_hours_none_are_known(tmp_path: Path) -> None:
    for rows in ((), ("2026-11-02,hours,L1,30",), ("2026-11-02,lost hours,L1,-3", "2026-11-02,lost hours,,3")):
        found = row(lost_hours(company(tmp_path, [], actuals=stops(*rows))), "L1")
        assert found == {"resource": "L1", "n": 0, "mean_share": 0.0, "sd_share": 0.0}


def test_a_week_that_was_lost_whole_is_no_law(tmp_path: Path) -> None:
    rows = ("2026-11-02,hours,L1,0", "2026-11-02,lost hours,L1,40", "2026-11-09,hours,L1,40")
    found = row(lost_hours(company(tmp_path, [], actuals=stops(*rows))), "L1")
    assert found["mean_share"] == pytest.approx(0.5 * 2 / 7 + 0.5 * 2 / 7 * 5 / 7)


def test_stops_alone_are_held_against_the_hours_of_a_usual_week(tmp_path: Path) -> None:
    """Four hours of one week's forty, and nothing in the two weeks after it; of L9 nobody knows what it offers."""
    rows = ("2026-10-26,lost hours,L1,4", "2026-10-27,lost hours,L9,8")
    found = row(lost_hours(company(tmp_path, [], actuals=stops(*rows)), pool=1e-12), "L1")
    assert found["n"] == 3
    assert found["mean_share"] == pytest.approx(0.1 / 3)
    assert found["sd_share"] == pytest.approx(np.sqrt(0.01 / 3 - (0.1 / 3) ** 2))


def test_output_is_lost_with_the_hours_of_its_steps(tmp_path: Path) -> None:
    tables = {
        "resources": "resource,location,kind\nL1,P,line\nL2,P,line\nL3,P,line\n",
        "calendar": "resource,period,hours\nL1,2026-W49,40\nL2,2026-W49,40\nL3,2026-W49,40\n",
        "operations": "routing,step,resource,hours_per_unit\nR,fill,L1,0.1\nR,pack,L2,0.1\nR,pack,L3,0.1\n",
        "actuals": stops("2026-11-02,lost hours,L1,4", "2026-11-02,hours,L1,36", "2026-11-02,lost hours,L2,8",
                         "2026-11-02,hours,L2,32", "2026-11-09,hours,L2,40", "2026-11-02,hours,L3,40"),
    }  # fmt: skip
    snapshot = company(tmp_path, [], **tables)
    found = output_lost(snapshot, pool=1e-12).row(0, named=True)
    # L1 0.1 always; L2 0.2 and 0: mean 0.1, deviation 0.1; L3 nothing; L2 and L3 share a step
    assert (found["item"], found["location"]) == ("FG", "P")
    assert found["mean_share"] == pytest.approx(1 - 0.9 * 0.95)
    assert found["sd_share"] == pytest.approx(np.sqrt(0.1**2 / 2))
    mixed = snapshot.replace(actuals=snapshot["actuals"].reverse(), operations=snapshot["operations"].reverse())
    assert_frame_equal(output_lost(mixed), output_lost(snapshot), check_exact=True)

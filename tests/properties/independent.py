"""The same network written straight on highspy, row by row in plain loops, by somebody who read only the contract.

It shares no code with soe_lib: dictionaries in, one number out. Slow and simple on purpose.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import highspy

Tables = dict[str, list[dict[str, Any]]]


def optimum(tables: Tables) -> float:
    """The most money, in the sense of maximising, of costs per period and spread dispatch."""
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("mip_rel_gap", 0.0)
    highs.setOptionValue("mip_abs_gap", 1e-7)
    highs.changeObjectiveSense(highspy.ObjSense.kMaximize)
    inf = highspy.kHighsInf
    periods = [(p["period"], _day(p["starts_on"]), _day(p["ends_on"])) for p in tables["periods"]]
    horizon = len(periods)
    where = {}
    for t, (_, first, last) in enumerate(periods):
        for n in range((last - first).days + 1):
            where[first + timedelta(days=n)] = t
    rows: dict[Any, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    bounds: dict[Any, tuple[float, float]] = {}
    count = 0

    def variable(money: float, upper: float = inf, whole: bool = False) -> int:
        nonlocal count
        highs.addCol(float(money), 0.0, float(upper), 0, [], [])
        if whole:
            highs.changeColIntegrality(count, highspy.HighsVarType.kInteger)
        count += 1
        return count - 1

    def arrives(t: int, lead: float) -> dict[int, float]:
        _, first, last = periods[t]
        days = (last - first).days + 1
        found: dict[int, float] = defaultdict(float)
        for n in range(days):
            found[where.get(first + timedelta(days=n + int(lead)), horizon)] += 1.0 / days
        return found

    items = {i["item"]: i for i in tables["items"]}
    nodes = set()
    for table, item, place in (
        ("inventory", "item", "location"),
        ("forecast", "item", "location"),
        ("offers", "item", "location"),
        ("routings", "item", "location"),
    ):
        nodes |= {(r[item], r[place]) for r in tables.get(table, [])}
    at = {r["routing"]: r["location"] for r in tables["routings"]}
    nodes |= {(c["component"], at[c["routing"]]) for c in tables.get("components", [])}
    for _ in range(len(items) + 4):
        nodes |= {
            (i, lane["destination"])
            for lane in tables.get("lanes", [])
            for i, place in set(nodes)
            if place == lane["origin"]
        }

    opening: dict[tuple[str, str], float] = defaultdict(float)
    for row in tables.get("inventory", []):
        opening[row["item"], row["location"]] += row["on_hand"]
    rooms = {r["location"]: r.get("storage_capacity") for r in tables["locations"]}
    for item, place in nodes:
        holding = items[item].get("holding_cost") or 0.0
        for t in range(horizon):
            stock = variable(-holding)
            rows["stock", item, place, t][stock] -= 1
            rows["stock", item, place, t + 1][stock] += 1
            if rooms.get(place) is not None:
                rows["room", place, t][stock] += items[item].get("volume") or 1.0
                bounds["room", place, t] = (-inf, rooms[place])
        leave = variable(items[item].get("end_value") or 0.0)
        rows["stock", item, place, horizon][leave] -= 1
        for t in range(horizon + 1):
            have = opening[item, place] if t == 0 else 0.0
            bounds["stock", item, place, t] = (-have, -have)

    cost_of = {r["resource"]: r for r in tables["resources"]}
    hours = {(c["resource"], c["period"]): c for c in tables["calendar"]}
    for t, (name, _, _) in enumerate(periods):
        for resource, terms in cost_of.items():
            given = hours.get((resource, name), {})
            bounds["hours", resource, t] = (-inf, given.get("hours") or 0.0)
            if given.get("overtime_hours"):
                over = variable(-(terms["overtime_cost"] - terms["hourly_cost"]), given["overtime_hours"])
                rows["hours", resource, t][over] -= 1
    for routing in tables["routings"]:
        used = [o for o in tables["operations"] if o["routing"] == routing["routing"]]
        parts = [c for c in tables.get("components", []) if c["routing"] == routing["routing"]]
        money = -(routing.get("cost_per_unit") or 0.0) - sum(
            o["hours_per_unit"] * cost_of[o["resource"]]["hourly_cost"] for o in used
        )
        for t in range(horizon):
            make = variable(money)
            lots = bool(routing.get("setup_cost"))
            arrival = (
                arrives(t, routing.get("lead_time_days") or 0)
                if not lots
                else _at_end(periods, where, t, routing, horizon)
            )
            for then, share in arrival.items():
                rows["stock", routing["item"], routing["location"], then][make] += share * (routing.get("yield") or 1.0)
            for part in parts:
                rows["stock", part["component"], routing["location"], t][make] -= part["quantity"]
            for o in used:
                rows["hours", o["resource"], t][make] += o["hours_per_unit"]
            if lots or routing.get("minimum"):
                on = variable(-(routing.get("setup_cost") or 0.0), 1.0, whole=True)
                rows["most", routing["routing"], t][make] = 1.0
                rows["most", routing["routing"], t][on] = -1e4
                bounds["most", routing["routing"], t] = (-inf, 0.0)
                if routing.get("minimum"):
                    rows["least", routing["routing"], t][make] = 1.0
                    rows["least", routing["routing"], t][on] = -routing["minimum"]
                    bounds["least", routing["routing"], t] = (0.0, inf)
    for offer in tables.get("offers", []):
        for t in range(horizon):
            buy = variable(-offer["unit_cost"], offer.get("maximum") or inf)
            for then, share in arrives(t, offer.get("lead_time_days") or 0).items():
                rows["stock", offer["item"], offer["location"], then][buy] += share
    for lane in tables.get("lanes", []):
        for item, place in nodes:
            if place != lane["origin"]:
                continue
            for t in range(horizon):
                ship = variable(-lane["cost_per_unit"])
                rows["stock", item, place, t][ship] -= 1
                for then, share in arrives(t, lane.get("lead_time_days") or 0).items():
                    rows["stock", item, lane["destination"], then][ship] += share
    buyers = {c["customer"]: c for c in tables.get("customers", [])}
    order = {name: t for t, (name, _, _) in enumerate(periods)}
    for n, line in enumerate(tables["forecast"]):
        due, terms = order[line["period"]], buyers.get(line.get("customer"), {})
        bounds["line", n] = (line["quantity"], line["quantity"])
        rows["line", n][variable(-(terms.get("short_cost") or 0.0) - (terms.get("short_penalty") or 0.0))] = 1.0
        for t in range(due, horizon):
            if t > due and (periods[t][1] - periods[due][2]).days > (terms.get("latest_days") or 0):
                break
            sell = variable(line["price"] - (terms.get("late_cost") or 0.0) * (t - due))
            rows["line", n][sell] = 1.0
            rows["stock", line["item"], line["location"], t][sell] -= 1
    for key, (low, high) in bounds.items():
        entries = rows[key]
        highs.addRow(low, high, len(entries), list(entries), list(entries.values()))
    highs.run()
    assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal, highs.getModelStatus()
    return float(highs.getInfo().objective_function_value)


def _at_end(
    periods: list[Any], where: dict[date, int], t: int, routing: dict[str, Any], horizon: int
) -> dict[int, float]:
    return {where.get(periods[t][2] + timedelta(days=int(routing.get("lead_time_days") or 0)), horizon): 1.0}


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))

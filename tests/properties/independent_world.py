"""What the independent formulation asks of the tables: time, limits, arrivals, events. No code of soe_lib."""

from __future__ import annotations

import csv
import math
import tomllib
from collections import defaultdict
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import highspy

INF = highspy.kHighsInf
Row = dict[str, Any]
Tables = dict[str, list[Row]]
BLANK = (None, "")


def number(row: Row, column: str, default: float = 0.0) -> float:
    """A cell as a number; blank is the default."""
    value = row.get(column)
    return default if value in BLANK else float(value)  # type: ignore[arg-type]


def day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def extract(folder: Path) -> tuple[Tables, dict[str, str]]:
    """The tables of a folder as they are written, and the settings that matter here."""
    tables: Tables = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            tables[path.stem] = list(csv.DictReader(file))
    said = tomllib.loads((folder / "settings.toml").read_text(encoding="utf-8"))
    costs = said.get("costs", {})
    return tables, {
        "per": costs.get("per", "week"),
        "holding_on": costs.get("holding_on", "closing"),
        "dispatch": said.get("lead_time", {}).get("dispatch", "spread"),
        "as_of": str(said["as_of"]),
        "count": said.get("lead_time", {}).get("in", "calendar days"),
        "limits": said.get("limits", {}).get("per") or ("period" if "periods" in tables else "week"),
    }


class World:
    """The tables with their defaults, and time counted in periods."""

    def __init__(
        self,
        tables: Tables,
        *,
        per: str = "period",
        holding_on: str = "closing",
        dispatch: str = "spread",
        as_of: str = "",
        limits: str = "period",
        count: str = "calendar days",
    ) -> None:
        self.limits, self.count = limits, count
        self.tables, self.per, self.holding_on, self.dispatch = tables, per, holding_on, dispatch
        self.periods = [(r["period"], day(r["starts_on"]), day(r["ends_on"])) for r in tables["periods"]]
        self.horizon = len(self.periods)
        self.as_of = day(as_of) if as_of else self.periods[0][1]
        self.order = {name: t for t, (name, _, _) in enumerate(self.periods)}
        self.where = {
            first + timedelta(days=n): t
            for t, (_, first, last) in enumerate(self.periods)
            for n in range((last - first).days + 1)
        }
        unit = {"day": 1.0, "week": 7.0, "year": 365.0}.get(per)
        self.lengths = [((last - first).days + 1) / unit if unit else 1.0 for _, first, last in self.periods]
        self.items = {row["item"]: row for row in self.table("items")}
        self.locations = {row["location"]: row for row in self.table("locations")}
        self.resources = {row["resource"]: row for row in self.table("resources")}

    def table(self, name: str) -> list[Row]:
        return self.tables.get(name, [])

    def of_routing(self, name: str, routing: str) -> list[Row]:
        return [row for row in self.table(name) if row["routing"] == routing]

    # -- time ----------------------------------------------------------------------------------------------------------

    def period(self, row: Row) -> int | None:
        label = row.get("date") if row.get("date") not in BLANK else row.get("period")
        return self.order[label] if label in self.order else self.where.get(day(label))

    def valid(self, row: Row) -> list[int]:
        low = day(row["valid_from"]) if row.get("valid_from") not in BLANK else date.min
        high = day(row["valid_to"]) if row.get("valid_to") not in BLANK else date.max
        return [t for t, (_, first, _) in enumerate(self.periods) if low <= first <= high]

    def window(self, earliest: Any, latest: Any) -> list[int]:
        low = self.order[earliest] if earliest in self.order else 0 if earliest in BLANK else self.where[day(earliest)]
        last = self.horizon - 1
        high = self.order[latest] if latest in self.order else last if latest in BLANK else self.where[day(latest)]
        return list(range(low, high + 1))

    def arrives(self, t: int, row: Row, names: tuple[str, ...], *, at_end: bool) -> dict[int, float]:
        """Period → share of what leaves in period t."""
        _, first, last = self.periods[t]
        late = sum(int(number(e, "days")) for e in self.events("delay", row, names) if self.during(e, first))
        length = (last - first).days + 1
        if row.get("lead_time_periods") not in BLANK:
            return {min(t + int(number(row, "lead_time_periods")) + math.ceil(late / length), self.horizon): 1.0}
        how = "end" if at_end else self.dispatch
        leaves = {"end": [last], "start": [first], "spread": [first + timedelta(days=n) for n in range(length)]}[how]
        found: dict[int, float] = defaultdict(float)
        for date_ in leaves:
            lands = self._after(date_, int(number(row, "lead_time_days")) + late, row)
            found[self.where.get(lands, self.horizon)] += 1.0 / len(leaves)
        return found

    def _after(self, leaves: date, days: int, row: Row) -> date:
        """The day so many days later; working days are looked for one by one."""
        if self.count == "calendar days":
            return leaves + timedelta(days=days)
        while days > 0 and leaves < date(2030, 1, 1):
            leaves += timedelta(days=1)
            days -= self._open(leaves, row)
        return leaves

    def _open(self, when: date, row: Row) -> bool:
        """Whether nobody who takes part is closed; who has no row of the day does as the company does."""
        said = {(r.get("what") or "", day(r["date"])): r.get("open") == "yes" for r in self.table("closures")}
        company = said.get(("", when), when.weekday() < 5)
        known = {name for name, _ in said if name}
        taking = {row.get(key) for key in ("supplier", "lane", "origin", "destination", "location")} & known
        return all(said.get((name, when), company) for name in taking) if taking else company

    def served(self, due: int, latest_days: float) -> list[tuple[int, float]]:
        """The periods that may serve a line, and how late they are in units of cost time."""
        end = self.periods[due][2]
        found = [(due, 0.0)]
        unit = {"day": 1.0, "week": 7.0, "year": 365.0}.get(self.per)
        for t in range(due + 1, self.horizon):
            if self.periods[t][1] <= end + timedelta(days=int(latest_days)):
                found.append((t, (self.periods[t][2] - end).days / unit if unit else float(t - due)))
        return found

    # -- events ----------------------------------------------------------------------------------------------------------

    def span(self, event: Row) -> tuple[date, date]:
        first = self.as_of if event.get("from") in BLANK else day(event["from"])
        return first, self.periods[-1][2] if event.get("to") in BLANK else day(event["to"])

    def during(self, event: Row, when: date) -> bool:
        first, last = self.span(event)
        return first <= when <= last

    def events(self, kind: str, row: Row, names: tuple[str, ...]) -> list[Row]:
        """Events of a kind that every part of whose target is one of the row's labels."""
        labels = {row.get(name) for name in names}
        mine = [event for event in self.table("events") if event["kind"] == kind]
        return [event for event in mine if {part.strip() for part in event["target"].split("&")} <= labels]

    def overlap(self, event: Row, t: int) -> float:
        (first, last), (_, start, end) = self.span(event), self.periods[t]
        return max(0, (min(last, end) - max(first, start)).days + 1) / ((end - start).days + 1)

    def _working(self, event: Row, t: int) -> float:
        _, start, end = self.periods[t]
        all_days = [start + timedelta(days=n) for n in range((end - start).days + 1)]
        counted = [d for d in all_days if d.weekday() < 5] or all_days
        return sum(self.during(event, d) for d in counted) / len(counted)

    def _dates(self, t: int) -> list[date]:
        _, first, last = self.periods[t]
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]

    def work(self, t: int) -> float:
        """How often a period has the hours of a head, or of a step of capacity: its working days count."""
        worked = sum(day_.weekday() < 5 for day_ in self._dates(t))
        return {"period": 1.0, "day": float(worked), "week": worked / 5}[self.limits]

    def bucket(self, t: int, part: float) -> Any:
        """What a period's part of a maximum is counted with: its ISO week, or nothing else."""
        weeks = {day_.isocalendar()[:2] for day_ in self._dates(t)}
        return weeks.pop() if self.limits == "week" and len(weeks) == 1 and part > 0 else t

    def limit(self, row: Row, kind: str, t: int) -> float:
        """A period's part of the maximum of a routing, offer or lane, after loss of supply and closed lanes."""
        names = {"offer": ("offer", "supplier", "item", "location"), "lane": ("lane",)}.get(
            kind, ("routing", "item", "location")
        )
        days = len(self._dates(t))
        most = number(row, "maximum", INF) * {"period": 1.0, "day": days, "week": days / 7}[self.limits]
        for event in self.events("supply_loss", row, names):
            kept = 1.0 - (1.0 - number(event, "factor")) * self.overlap(event, t)
            most = 0.0 if kept <= 1e-12 else most * kept if most < INF else INF
        for event in self.events("downtime", row, ("lane",)) if kind == "lane" else ():
            kept = 1.0 - number(event, "factor", 1.0) * self.overlap(event, t)
            most = 0.0 if kept <= 1e-12 else most * kept if most < INF else INF
        return most

    def reach(self, row: Row, kind: str, t: int) -> float:
        """No cell can be more than this: its part, or the week's maximum, of which it may take all."""
        part = self.limit(row, kind, t)
        same = [number(r, "maximum", INF) for r in self.table(f"{kind}s") if r[kind] == row[kind]]
        return max(part, *same) if self.limits == "week" and part > 0 else part

    # -- capacity --------------------------------------------------------------------------------------------------------

    def _down(self, resource: str, t: int) -> tuple[float, float, float]:
        """Hours and overtime taken by name, and the share of the period that is closed."""
        part = 0.0
        for event in self.events("downtime", self.resources[resource], ("resource", "location")):
            if event.get("hours") in BLANK:
                part += self._working(event, t) * number(event, "factor", 1.0)
        hours, overtime = self._lost(resource)
        return sum(hours[d] for d in self._dates(t)), sum(overtime[d] for d in self._dates(t)), min(part, 1.0)

    def _lost(self, resource: str) -> tuple[dict[date, float], dict[date, float]]:
        """What downtimes with hours take of each day: little by little from all days that still have some."""
        left: list[dict[date, float]] = [{}, {}]
        for t in range(self.horizon):
            dates, crew = self._dates(t), self._crew_hours.get(resource, 0.0) * self.work(t)
            counted = [d for d in dates if d.weekday() < 5] or dates
            given = self._calendar[resource, t]
            for d in dates:
                left[0][d] = (given[0] + crew) / len(counted) if d in counted else 0.0
                left[1][d] = given[1] / len(counted) if d in counted else 0.0
        before = [dict(days) for days in left]
        for event in sorted(
            self.events("downtime", self.resources[resource], ("resource", "location")), key=lambda e: e["event"]
        ):
            if event.get("hours") in BLANK:
                continue
            first, last = self.span(event)
            every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
            counted = [d for d in every if d.weekday() < 5] or every
            rest = number(event, "hours") * sum(d in left[0] for d in counted) / len(counted)
            for days in left:
                open_ = [d for d in every if days.get(d, 0.0) > 1e-12]
                while rest > 1e-12 and open_:
                    step = min(rest / len(open_), min(days[d] for d in open_))
                    for d in open_:
                        days[d] -= step
                    rest -= step * len(open_)
                    open_ = [d for d in open_ if days[d] > 1e-12]
        hours, overtime = ({d: old[d] - new[d] for d in old} for old, new in zip(before, left, strict=True))
        return hours, overtime

    @cached_property
    def _calendar(self) -> dict[tuple[str, int], tuple[float, float]]:
        found: dict[tuple[str, int], tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
        for row in self.table("calendar"):
            if (t := self.period(row)) is not None:
                hours, overtime = found[row["resource"], t]
                found[row["resource"], t] = hours + number(row, "hours"), overtime + number(row, "overtime_hours")
        return found

    @cached_property
    def _crew_hours(self) -> dict[str, float]:
        return {
            r["resource"]: number(r, "opening_heads") * number(r, "hours_per_head") for r in self.table("workforce")
        }

    def kept(self, resource: str, t: int) -> tuple[float, float]:
        """Shares of a head's hours and overtime that events leave."""
        taken, _, part = self._down(resource, t)
        base = self._calendar[resource, t][0] + self._crew_hours.get(resource, 0.0) * self.work(t)
        return (1.0 - min(taken + part * base, base) / base) if base else 1.0 - part, 1.0 - part

    def hours(self, resource: str, t: int) -> tuple[float, float]:
        """Hours and overtime of the calendar after events."""
        hours, overtime = self._calendar[resource, t]
        taken, over, part = self._down(resource, t)
        base = hours + self._crew_hours.get(resource, 0.0) * self.work(t)
        beyond = max(taken + part * base - base, 0.0) + over
        return hours * self.kept(resource, t)[0], max(overtime * (1.0 - part) - beyond, 0.0)

    def steps(self, routing: str) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = defaultdict(list)
        for n, row in enumerate(self.of_routing("operations", routing)):
            found[row.get("step") or f"own {n}"].append(row)
        return found

    @staticmethod
    def rate(operation: Row) -> float:
        if operation.get("hours_per_unit") not in BLANK:
            return number(operation, "hours_per_unit")
        return 1.0 / number(operation, "units_per_hour") if operation.get("units_per_hour") not in BLANK else 0.0

    # -- goods -----------------------------------------------------------------------------------------------------------

    def holding(self, item: str, place: str) -> float:
        storage = number(self.locations[place], "storage_cost") * number(self.items[item], "volume", 1.0)
        return number(self.items[item], "holding_cost") + storage

    def cost(self, offer: Row, t: int) -> float:
        for row in self.table("offer_prices"):
            if row["offer"] == offer["offer"] and self.period(row) == t:
                return number(row, "unit_cost")
        return number(offer, "unit_cost")

    @cached_property
    def opening(self) -> dict[tuple[str, str], float]:
        found: dict[tuple[str, str], float] = defaultdict(float)
        for row in self.table("inventory"):
            found[row["item"], row["location"]] += number(row, "on_hand")
        return found

    @cached_property
    def receipts(self) -> dict[tuple[str, str, int], float]:
        found: dict[tuple[str, str, int], float] = defaultdict(float)
        suppliers = {row["offer"]: row.get("supplier") for row in self.table("offers")}
        for row in self.table("receipts"):
            due = day(row["due_on"])
            expected = max(due, self.as_of)
            known = {**row, "supplier": suppliers.get(row.get("offer"))}
            names = ("receipt", "supplier", "offer", "lane", "item")
            late = sum(int(number(e, "days")) for e in self.events("delay", known, names) if self.during(e, expected))
            kept = math.prod(
                number(e, "factor") for e in self.events("supply_loss", row, ("receipt",)) if self.during(e, expected)
            )
            when = max(due + timedelta(days=late), self.as_of)
            found[row["item"], row["location"], self.where.get(when, self.horizon)] += number(row, "quantity") * kept
        return found

    @property
    def receipt_money(self) -> float:
        """Committed money of purchases, at the price of their offer."""
        prices = {row["offer"]: number(row, "unit_cost") for row in self.table("offers")}
        bought = [row for row in self.table("receipts") if row["kind"] == "buy" and row.get("offer") not in BLANK]
        return -sum(prices[row["offer"]] * number(row, "quantity") for row in bought)

    @cached_property
    def lines(self) -> list[Row]:
        buyers = {row["customer"]: row for row in self.table("customers")}
        found: dict[Any, Row] = {}
        for row in self.table("forecast"):
            if (due := self.period(row)) is None:
                continue
            key = row["item"], row["location"], row.get("customer") or "", due
            price = number(row, "price", number(self.items[row["item"]], "price"))
            family = {**row, "family": self.items[row["item"]].get("family")}
            quantity, owed = number(row, "quantity"), number(row, "committed")
            for event in self.events("surge", family, ("item", "family", "location", "customer")):
                quantity *= 1.0 + (number(event, "factor", 1.0) - 1.0) * self.overlap(event, due)
            line = found.setdefault(
                key, {**row, "customer": key[2], "due": due, "quantity": 0.0, "committed": 0.0, "money": 0.0}
            )
            line["quantity"] += quantity
            line["committed"] += min(owed, quantity)
            line["money"] += price * quantity
            line["price"] = line["money"] / line["quantity"] if line["quantity"] else price
            line["terms"] = buyers.get(key[2], {})
        return list(found.values())

    @cached_property
    def nodes(self) -> set[tuple[str, str]]:
        at = {row["routing"]: row["location"] for row in self.table("routings")}
        named = ("inventory", "forecast", "offers", "routings", "receipts", "policies")
        nodes = {(row["item"], row["location"]) for name in named for row in self.table(name)}
        nodes |= {(row["component"], at[row["routing"]]) for row in self.table("components")}
        nodes |= {(row["item"], at[row["routing"]]) for row in self.table("co_products")}
        before = 0
        while len(nodes) > before:
            before = len(nodes)
            for lane in self.table("lanes"):
                fits = [i for i, place in nodes if place == lane["origin"] and lane.get("item") in (None, "", i)]
                named_one = [lane["item"]] if lane.get("item") not in BLANK else []
                nodes |= {(i, lane["destination"]) for i in (*fits, *named_one)} | {
                    (i, lane["origin"]) for i in named_one
                }
        return nodes

    def most(self, item: str) -> float:
        """More of an item than anybody could use: demand, kept stock, and what goes into what it is made into."""
        if not hasattr(self, "_most"):
            self._most: dict[str, float] = {}
        if item not in self._most:
            mine = [line["quantity"] for line in self.lines if line["item"] == item]
            kept = [
                number(r, "safety_stock") + number(r, "end_stock") for r in self.table("policies") if r["item"] == item
            ]
            total = sum(mine) + sum(kept) + 1.0
            for row in self.table("routings"):
                lots = self.horizon * (number(row, "minimum") + number(row, "multiple"))
                for part in self.of_routing("components", row["routing"]):
                    if part["component"] == item:
                        total += number(part, "quantity") / number(row, "yield", 1.0) * (self.most(row["item"]) + lots)
            for table in ("routings", "offers", "lanes"):
                same = [r for r in self.table(table) if r.get("item") in (None, "", item)]
                total += max((number(r, "minimum") + number(r, "multiple") for r in same), default=0.0)
            worth = number(self.items[item], "end_value") > 0 or any(
                number(self.items[row["item"]], "end_value") > 0
                for row in self.table("routings")
                for part in self.of_routing("components", row["routing"])
                if part["component"] == item
            )
            self._most[item] = max(total, 1e4) if worth or self.table("co_products") else total
        return self._most[item]

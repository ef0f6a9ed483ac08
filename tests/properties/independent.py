"""The contract written straight on highspy, row by row in plain loops, by somebody who read only the contract.

It shares no code with soe_lib: tables as lists of dictionaries in, a status and one number out. Slow and simple on
purpose. Not covered: orders, shelf life, substitution, allocation rules, fences; labels of time are periods or days.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import highspy

from tests.properties.independent_world import INF, Row, Tables, World, number

STATUS = {
    highspy.HighsModelStatus.kOptimal: "optimal",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
    highspy.HighsModelStatus.kUnbounded: "unbounded",
}


def optimum(tables: Tables, **settings: str) -> float:
    """The most money; fails where there is none."""
    status, money = answer(tables, **settings)
    assert status == "optimal", status
    return money


def answer(tables: Tables, *, carry_over: bool = False, **settings: str) -> tuple[str, float]:
    """optimal, infeasible or unbounded, and the most money in the sense of maximising."""
    world, program = World(tables, **settings), Program()
    open_sites = _sites(world, program)
    _stock(world, program)
    _hours(world, program, open_sites)
    _make(world, program, open_sites, SetUps(world, program, carry_over))
    _buy(world, program, open_sites)
    _ship(world, program, open_sites)
    _sell(world, program)
    return program.solve()


class Program:
    """Columns as they come, rows by key, until all is known."""

    def __init__(self) -> None:
        self.highs = highspy.Highs()
        self.highs.setOptionValue("output_flag", False)
        self.highs.setOptionValue("threads", 2)  # one process, one number of threads
        self.highs.setOptionValue("mip_rel_gap", 0.0)
        self.highs.setOptionValue("mip_abs_gap", 1e-7)
        self.highs.changeObjectiveSense(highspy.ObjSense.kMaximize)
        self.rows: dict[Any, dict[int, float]] = defaultdict(lambda: defaultdict(float))
        self.bounds: dict[Any, tuple[float, float]] = {}
        self.money = 0.0
        self.count = 0

    def column(self, money: float = 0.0, low: float = 0.0, high: float = INF, *, whole: bool = False) -> int:
        self.highs.addCol(float(money), float(low), float(high), 0, [], [])
        if whole:
            self.highs.changeColIntegrality(self.count, highspy.HighsVarType.kInteger)
        self.count += 1
        return self.count - 1

    def solve(self) -> tuple[str, float]:
        for key, (low, high) in self.bounds.items():
            entries = self.rows[key]
            self.highs.addRow(low, high, len(entries), list(entries), list(entries.values()))
        assert set(self.rows) <= set(self.bounds), set(self.rows) - set(self.bounds)
        self.highs.run()
        status = self.highs.getModelStatus()
        if status == highspy.HighsModelStatus.kUnboundedOrInfeasible:
            self.highs.setOptionValue("presolve", "off")
            self.highs.run()
            status = self.highs.getModelStatus()
        return STATUS.get(status, str(status)), float(self.highs.getInfo().objective_function_value) + self.money


def _sites(world: World, program: Program) -> dict[str, int]:
    """A yes-or-no column for every place that may change or is closed for good."""
    found: dict[str, int] = {}
    always: dict[str, int] = defaultdict(int)
    for place, row in world.locations.items():
        is_open, may = row.get("status") != "closed", row.get("may_change") in ("yes", True)
        if is_open and not may:
            always[row.get("group", "")] += 1
            continue
        cost = number(row, "fixed_cost")
        found[place] = program.column(-cost, 0.0, 1.0 if may else 0.0, whole=True)
        program.money += cost if is_open else 0.0
    for row in world.table("location_groups"):
        members = [place for place in found if world.locations[place].get("group") == row["group"]]
        for place in members:
            program.rows["group", row["group"]][found[place]] = 1.0
        low, high = number(row, "minimum_open"), number(row, "maximum_open", INF)
        program.bounds["group", row["group"]] = (low - always[row["group"]], high - always[row["group"]])
    return found


def _stock(world: World, program: Program) -> None:
    rules = {(row["item"], row["location"]): row for row in world.table("policies")}
    for item, place in sorted(world.nodes):
        rule, terms = rules.get((item, place), {}), world.items[item]
        holding = world.holding(item, place)
        for t in range(world.horizon):
            charged = t if world.holding_on == "closing" else t + 1
            money = -holding * world.lengths[charged] if charged < world.horizon else 0.0
            stock = program.column(money, high=number(rule, "maximum_stock", INF))
            program.rows["stock", item, place, t][stock] -= 1
            program.rows["stock", item, place, t + 1][stock] += 1
            if (room := world.locations[place].get("storage_capacity")) not in (None, ""):
                program.rows["room", place, t][stock] += number(terms, "volume", 1.0)
                program.bounds["room", place, t] = (-INF, float(room))
            if number(rule, "safety_stock") and number(rule, "below_safety_cost"):
                below = program.column(-number(rule, "below_safety_cost") * world.lengths[t])
                program.rows["safety", item, place, t].update({stock: 1.0, below: 1.0})
                program.bounds["safety", item, place, t] = (number(rule, "safety_stock"), INF)
            if t == world.horizon - 1:
                program.rows["end", item, place][stock] = 1.0
                program.bounds["end", item, place] = (
                    number(rule, "end_stock"), number(rule, "end_stock_maximum", INF),
                )  # fmt: skip
        leave = program.column(number(terms, "end_value"))
        program.rows["stock", item, place, world.horizon][leave] -= 1
        have = world.opening[item, place]
        if world.holding_on == "opening":
            program.money -= holding * have * world.lengths[0]
        for t in range(world.horizon + 1):
            comes = world.receipts[item, place, t] + (have if t == 0 else 0.0)
            program.bounds["stock", item, place, t] = (-comes, -comes)
    program.money += world.receipt_money


def _hours(world: World, program: Program, open_sites: dict[str, int]) -> None:
    for resource, row in world.resources.items():
        over = number(row, "overtime_cost", number(row, "hourly_cost")) - number(row, "hourly_cost")
        for t in range(world.horizon):
            hours, overtime = world.hours(resource, t)
            place = row.get("location", "")
            program.bounds["hours", resource, t] = (-INF, 0.0 if place in open_sites else hours)
            if place in open_sites:
                program.rows["hours", resource, t][open_sites[place]] -= hours
            extra = program.column(-over)
            program.rows["hours", resource, t][extra] -= 1
            program.rows["overtime", resource, t][extra] += 1
            program.bounds["overtime", resource, t] = (-INF, overtime)
    for row in world.table("workforce"):
        _crew(world, program, row)
    for row in world.table("maintenance"):
        jobs = number(row, "jobs", 1.0)
        program.bounds["jobs", row["maintenance"]] = (jobs, jobs)
        for t in world.window(row.get("earliest"), row.get("latest")):
            job = program.column(0.0, 0.0, number(row, "maximum_at_once", jobs), whole=True)
            program.rows["jobs", row["maintenance"]][job] = 1.0
            program.rows["hours", row["resource"], t][job] += number(row, "hours")
    for row in world.table("expansions"):
        step = program.column(-number(row, "cost"), 0.0, number(row, "maximum", 1.0), whole=True)
        for t in range(world.horizon):
            program.rows["hours", row["resource"], t][step] -= number(row, "hours") * world.work(t)


def _crew(world: World, program: Program, row: Row) -> None:
    whole, before = row.get("whole") in ("yes", True), None
    for t in range(world.horizon):
        heads = program.column(
            -number(row, "cost_per_head") * world.lengths[t],
            number(row, "minimum_heads"), number(row, "maximum_heads", INF), whole=whole,
        )  # fmt: skip
        hire = program.column(-number(row, "hire_cost"), whole=whole)
        release = program.column(-number(row, "release_cost"), whole=whole)
        program.rows["heads", row["resource"], t].update({heads: 1.0, hire: -1.0, release: 1.0})
        if before is not None:
            program.rows["heads", row["resource"], t][before] = -1.0
        start = number(row, "opening_heads") if before is None else 0.0
        program.bounds["heads", row["resource"], t] = (start, start)
        kept, overtime = (share * world.work(t) for share in world.kept(row["resource"], t))
        program.rows["hours", row["resource"], t][heads] -= number(row, "hours_per_head") * kept
        program.rows["overtime", row["resource"], t][heads] -= number(row, "overtime_hours_per_head") * overtime
        before = heads


def _limited(world: World, program: Program, kind: str, row: Row, t: int, flows: list[int]) -> None:
    """What these flows are allowed together, with those of the same week."""
    if (part := world.limit(row, kind, t)) < INF:
        key = ("limit", kind, row[kind], world.bucket(t, part))
        program.rows[key].update(dict.fromkeys(flows, 1.0))
        program.bounds[key] = (-INF, program.bounds.get(key, (0.0, 0.0))[1] + part)


def _switched(
    program: Program, name: tuple[Any, ...], flows: list[int], terms: dict[str, float], most: float
) -> int | None:
    """The on-off column of a flow with a fixed cost, a set-up or a minimum; and whole multiples."""
    if terms["multiple"]:
        lots = program.column(whole=True)
        for flow in flows:
            program.rows["lots", name][flow] = 1.0
        program.rows["lots", name][lots] = -terms["multiple"]
        program.bounds["lots", name] = (0.0, 0.0)
    if not (terms["fixed"] or terms["minimum"] or terms["hours"]):
        return None
    on = program.column(-terms["fixed"], 0.0, 1.0, whole=True)
    for flow in flows:
        program.rows["most", name][flow] = 1.0
        program.rows["least", name][flow] = 1.0
    program.rows["most", name][on] = -max(most, terms["minimum"])
    program.bounds["most", name] = (-INF, 0.0)
    program.rows["least", name][on] = -terms["minimum"]
    program.bounds["least", name] = (0.0, INF)
    return on


class SetUps:
    """Set-ups by loops: of a routing, or of each alternative of a step that runs; and what a line keeps of them.

    With carry-over, a line is in the state of one set-up at the end of a period: one made in it, or the one it came
    with, if that is made anew or nothing else is set up there in the period.
    """

    def __init__(self, world: World, program: Program, carry_over: bool) -> None:
        self.world, self.program, self.carry_over = world, program, carry_over
        self.made: dict[Any, dict[int, int]] = defaultdict(dict)
        self.lines: dict[Any, list[str]] = {}

    def of_routing(self, row: Row, t: int, make: int, most: float) -> None:
        name, steps = row["routing"], self.world.steps(row["routing"]).values()
        single = [rows[0] for rows in steps if len(rows) == 1]
        timed = [o for o in single if number(o, "setup_hours")]
        each_run = {
            "minimum": number(row, "minimum"),
            "hours": 0.0,
            "multiple": 0.0,
            "fixed": number(row, "fixed_cost"),
        }
        per_run = {"minimum": 0.0, "hours": sum(number(o, "setup_hours") for o in timed), "multiple": 0.0}
        per_run["fixed"] = number(row, "setup_cost") + sum(self._hourly(o) for o in timed)
        if not self.carry_over:
            both = {key: each_run[key] + per_run[key] for key in each_run}
            on = _switched(self.program, ("routing", name, t), [make], both, most)
        else:
            _switched(self.program, ("running", name, t), [make], each_run, most)
            on = _switched(self.program, ("set up", name, t), [make], per_run, most)
        self._takes(on, timed, t)
        self._stands(("set up", name), on, [o["resource"] for o in timed or single], t, most)

    def of_choice(self, name: str, step: str, choice: Row, t: int, run: int, most: float) -> None:
        terms = {"minimum": 0.0, "hours": number(choice, "setup_hours"), "multiple": 0.0, "fixed": self._hourly(choice)}
        key = ("choice", name, step, choice["resource"])
        on = _switched(self.program, (*key, t), [run], terms, most)
        self._takes(on, [choice], t)
        self._stands(key, on, [choice["resource"]], t, most)

    def _hourly(self, operation: Row) -> float:
        return number(operation, "setup_hours") * number(self.world.resources[operation["resource"]], "hourly_cost")

    def _takes(self, on: int | None, operations: list[Row], t: int) -> None:
        for operation in operations:
            if on is not None and number(operation, "setup_hours"):
                self.program.rows["hours", operation["resource"], t][on] += number(operation, "setup_hours")

    def _stands(self, key: Any, on: int | None, resources: list[str], t: int, most: float) -> None:
        kinds = {r: self.world.resources[r].get("kind", "") for r in resources}
        lines = [r for r in dict.fromkeys(resources) if kinds[r] not in ("labour", "dock", "storage")]
        if self.carry_over and on is not None and lines:
            self.made[key][t], self.lines[key] = on, lines
            self.program.rows["state most", key, t][on] = most  # how much a state allows, kept for `carry`

    def carry(self) -> None:
        """The states of the lines, once all set-ups are known."""
        program, kept = self.program, {}
        most = {
            (key, t): program.rows.pop(("state most", key, t))[on]
            for key, at in self.made.items()
            for t, on in at.items()
        }
        for key, at in self.made.items():
            for t in at:
                if t + 1 in at:
                    kept[key, t] = program.column(0.0, 0.0, 1.0, whole=True)
        for (key, t), state in kept.items():
            name = (*key, t + 1)
            program.rows["most", name][state] = -most[key, t + 1]
            program.rows["least", name][state] = 0.0
            program.rows["state", key, t][state] = 1.0
            program.rows["state", key, t][self.made[key][t]] = -1.0
            if (key, t - 1) in kept:
                program.rows["state", key, t][kept[key, t - 1]] = -1.0
            program.bounds["state", key, t] = (-INF, 0.0)
            for line in self.lines[key]:
                program.rows["one state", line, t][state] = 1.0
                program.bounds["one state", line, t] = (-INF, 1.0)
                for other, at in self.made.items():  # through t without a set-up of its own: no other set-up there
                    if other != key and line in self.lines[other] and t in at and (key, t - 1) in kept:
                        row = ("through", line, key, other, t)
                        program.rows[row].update(
                            {state: 1.0, kept[key, t - 1]: 1.0, self.made[key][t]: -1.0, at[t]: 1.0}
                        )
                        program.bounds[row] = (-INF, 2.0)


def _make(world: World, program: Program, open_sites: dict[str, int], set_ups: SetUps) -> None:
    for row in world.table("routings"):
        name, place = row["routing"], row["location"]
        steps = world.steps(name)
        set_up = sum(number(o, "setup_hours") for rows in steps.values() for o in rows)
        for t in world.valid(row):
            most = min(world.reach(row, "routing", t), world.most(row["item"]) / number(row, "yield", 1.0))
            make = program.column(-number(row, "cost_per_unit"))
            _limited(world, program, "routing", row, t, [make])
            whole_lots = bool(number(row, "multiple") or number(row, "setup_cost") or set_up)
            lands = world.arrives(t, row, ("routing", "item", "location"), at_end=whole_lots)
            for then, share in lands.items():
                program.rows["stock", row["item"], place, then][make] += share * number(row, "yield", 1.0)
                for other in world.of_routing("co_products", name):
                    program.rows["stock", other["item"], place, then][make] += share * number(other, "quantity")
            for part in world.of_routing("components", name):
                program.rows["stock", part["component"], place, t][make] -= number(part, "quantity")
            for step, choices in steps.items():
                for choice in choices:
                    run = program.column(
                        -world.rate(choice) * number(world.resources[choice["resource"]], "hourly_cost")
                    )
                    program.rows["hours", choice["resource"], t][run] += world.rate(choice)
                    program.rows["step", name, step, t][run] = 1.0
                    if len(choices) > 1:
                        set_ups.of_choice(name, step, choice, t, run, most)
                program.rows["step", name, step, t][make] = -1.0
                program.bounds["step", name, step, t] = (0.0, 0.0)
            lots = {"fixed": 0.0, "hours": 0.0, "minimum": 0.0, "multiple": number(row, "multiple")}
            _switched(program, ("lots of", name, t), [make], lots, most)
            set_ups.of_routing(row, t, make, most)
            _closes(program, open_sites, place, ("makes", name, t), [make], most)
    set_ups.carry()


def _closes(
    program: Program, open_sites: dict[str, int], place: str, key: tuple[Any, ...], flows: list[int], most: float
) -> None:
    if place in open_sites:
        for flow in flows:
            program.rows["site", place, key][flow] = 1.0
        program.rows["site", place, key][open_sites[place]] = -most
        program.bounds["site", place, key] = (-INF, 0.0)


def _buy(world: World, program: Program, open_sites: dict[str, int]) -> None:
    for row in world.table("offers"):
        for t in world.valid(row):
            buy = program.column(-world.cost(row, t))
            _limited(world, program, "offer", row, t, [buy])
            for then, share in world.arrives(
                t, row, ("supplier", "offer", "item"), at_end=bool(number(row, "multiple"))
            ).items():
                program.rows["stock", row["item"], row["location"], then][buy] += share
            terms = {
                "fixed": number(row, "order_cost"),
                "hours": 0.0,
                "minimum": number(row, "minimum"),
                "multiple": number(row, "multiple"),
            }
            most = min(world.reach(row, "offer", t), world.most(row["item"]))
            _switched(program, ("offer", row["offer"], t), [buy], terms, most)
            _closes(program, open_sites, row["location"], ("buys", row["offer"], t), [buy], most)


def _ship(world: World, program: Program, open_sites: dict[str, int]) -> None:
    for row in world.table("lanes"):
        carried = [i for i, place in sorted(world.nodes) if place == row["origin"] and row.get("item") in (None, "", i)]
        handling = [r for r in world.table("lane_resources") if r["lane"] == row["lane"]]
        for t in world.valid(row):
            flows = []
            for item in carried:
                used = [r for r in handling if r.get("item") in (None, "", item)]
                money = sum(
                    number(r, "hours_per_unit") * number(world.resources[r["resource"]], "hourly_cost") for r in used
                )
                ship = program.column(-number(row, "cost_per_unit") - money)
                flows.append(ship)
                program.rows["stock", item, row["origin"], t][ship] -= 1
                for then, share in world.arrives(
                    t, row, ("lane", "mode"), at_end=bool(number(row, "multiple"))
                ).items():
                    program.rows["stock", item, row["destination"], then][ship] += share
                for r in used:
                    program.rows["hours", r["resource"], t][ship] += number(r, "hours_per_unit")
            _limited(world, program, "lane", row, t, flows)
            terms = {
                "fixed": number(row, "fixed_cost"),
                "hours": 0.0,
                "minimum": number(row, "minimum"),
                "multiple": number(row, "multiple"),
            }
            most = min(world.reach(row, "lane", t), sum(world.most(i) for i in carried))
            _switched(program, ("lane", row["lane"], t), flows, terms, most)
            for place in (row["origin"], row["destination"]):
                _closes(program, open_sites, place, ("ships", row["lane"], t), flows, most)


def _sell(world: World, program: Program) -> None:
    for line in world.lines:
        key, terms = ("line", line["item"], line["location"], line["customer"], line["due"]), line["terms"]
        program.bounds[key] = (line["quantity"], line["quantity"])
        program.rows[key][program.column(-number(terms, "short_cost") - number(terms, "short_penalty"))] = 1.0
        if line["committed"] > 0:
            program.bounds[("owed", *key)] = (line["committed"], INF)
        for t, late in world.served(line["due"], number(terms, "latest_days")):
            sell = program.column(line["price"] - number(terms, "late_cost") * late)
            program.rows[key][sell] = 1.0
            if line["committed"] > 0:
                program.rows[("owed", *key)][sell] = 1.0
            program.rows["stock", line["item"], line["location"], t][sell] -= 1

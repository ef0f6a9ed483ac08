"""Controls of money, service and the rules of the plan; one class each, as in `controls`."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.whatif.scenario import Scenario
from soe_lib.workbench.control import (
    Choices,
    Control,
    Field,
    Part,
    Said,
    counted,
    demand_rows,
    family_and_customer,
    in_use,
    names,
    number,
    percent,
    pick,
    plain,
    share,
    signed,
    slide,
    some_or_all,
    text,
    touching,
    where,
    whose,
)


class Money(Control):
    """A price or a cost times a factor, where it is filled: of everything, or of one `by`."""

    group = "Money"
    what = by = label = everything = ""
    paths: tuple[str, ...] = ()

    def names(self, choices: Choices) -> tuple[str, ...]:
        return getattr(choices, {"family": "families", "customer": "customers", "supplier": "suppliers"}[self.by])

    def fields(self, choices: Choices) -> tuple[Field, ...]:
        return (some_or_all(self.by, self.label, self.everything, self.names(choices)), share())

    def part(self, snapshot: Snapshot, said: Said) -> Part | None:
        change, name = percent(said, "share"), text(said, self.by)
        if not change:
            return None
        made, touched = Scenario(""), {}
        for path in self.paths:
            table, _, column = path.partition(".")
            if rows := self._filled(snapshot, table, column, name):
                made = made.scale(path, 1.0 + change, **where(said, self.by))
                touched[f"{table.removesuffix('s')} row"] = rows
        return counted(f"{name or 'all'} {self.what} {signed(change)}", made, touched)

    def _filled(self, snapshot: Snapshot, table: str, column: str, name: str) -> int:
        """Rows with a figure that is not 0, of the one that is named."""
        rows = in_use(snapshot, table, snapshot[table].filter(pl.col(column).fill_null(0.0) != 0))
        if name and self.by not in rows.columns:
            known = snapshot["items"].filter(pl.col(self.by) == name)["item"]
            return rows.filter(pl.col("item").is_in(known.implode())).height
        return rows.filter(pl.col(self.by) == name).height if name else rows.height


class SalesPrice(Money):
    """What is earned per unit."""

    key, title, place, what = "sales_price", "Sales prices", 80, "sales prices"
    by, label, everything = "family", "Family", "All families"
    paths = ("items.price", "forecast.price")


class PurchasePrice(Money):
    """What is paid per unit bought."""

    key, title, place, what = "purchase_price", "Purchase prices", 81, "purchase prices"
    by, label, everything = "supplier", "Supplier", "All suppliers"
    paths = ("offers.unit_cost",)


class Freight(Money):
    """What is paid per unit shipped."""

    key, title, place, what = "freight", "Freight", 82, "freight"
    by, label, everything = "mode", "Mode", "All modes"
    paths = ("lanes.cost_per_unit",)

    def names(self, choices: Choices) -> tuple[str, ...]:
        return names(choices.snapshot["lanes"]["mode"])


class Conversion(Money):
    """What is paid per unit made, besides its components and hours."""

    key, title, place, what = "conversion", "Cost of making", 83, "cost of making"
    by, label, everything = "family", "Family", "All families"
    paths = ("routings.cost_per_unit",)

    def names(self, choices: Choices) -> tuple[str, ...]:
        made = choices.snapshot["items"].join(
            choices.snapshot["routings"].select("item").unique(), on="item", how="semi"
        )
        return names(made["family"])


class Lateness(Money):
    """What a unit served late costs."""

    key, title, place, what = "lateness", "Cost of serving late", 84, "cost of lateness"
    by, label, everything = "customer", "Customer", "All customers"
    paths = ("customers.late_cost",)


class Goodwill(Money):
    """What a unit never served costs."""

    key, title, place, what = "goodwill", "Goodwill of not serving", 85, "goodwill"
    by, label, everything = "customer", "Customer", "All customers"
    paths = ("customers.short_cost",)


class Floor(Control):
    """Every demand line must be served to a share: a promise in place of the lines' own."""

    key, title, group, place = "floor", "Service floor", "Service", 90

    def fields(self, choices: Choices) -> tuple[Field, ...]:
        family, customer = family_and_customer(choices)
        return (customer, family, slide("floor", "Served at least, %", 0, 100, step=5))

    def part(self, snapshot: Snapshot, said: Said) -> Part | None:
        floor = percent(said, "floor")
        if not floor:
            return None
        made, touched = Scenario(""), {}
        for table, what in (("forecast", "forecast row"), ("orders", "order")):
            if rows := demand_rows(snapshot, said, table).height:
                made, touched[what] = made.promise(table, floor, **where(said, "family", "customer")), rows
        return counted(plain(f"{whose(said)} served at least {words.percent(floor)}"), made, touched)


class Safety(Control):
    """Safety stocks times a factor."""

    key, title, group, place = "safety", "Safety stock", "Service", 91

    def fields(self, choices: Choices) -> tuple[Field, ...]:
        return (family_and_customer(choices)[0], share("share", "Safety stock, %", -100, 100, 5))

    def part(self, snapshot: Snapshot, said: Said) -> Part | None:
        change = percent(said, "share")
        if not change:
            return None
        rows = snapshot["policies"].filter(pl.col("safety_stock") > 0)
        if family := text(said, "family"):
            known = snapshot["items"].filter(pl.col("family") == family)["item"]
            rows = rows.filter(pl.col("item").is_in(known.implode()))
        made = Scenario("").scale("policies.safety_stock", 1.0 + change, **where(said, "family"))
        return counted(f"{family or 'all'} safety stock {signed(change)}", made, {"safety stock": rows.height})


class Aim(Control):
    """What the plan is best at, and who comes first where supply is scarce, as in settings.toml."""

    key, title, group, place = "aim", "Objective and allocation", "Rules", 100
    modes: Mapping[str, str] = {"margin": "Margin", "service": "Service, then margin"}
    rules: Mapping[str, str] = {
        "margin": "Whoever earns most",
        "priority": "Customers by their priority",
        "fair": "The least served first",
        "proportional": "Everybody is cut alike",
    }

    def fields(self, choices: Choices) -> tuple[Field, ...]:
        aim = choices.snapshot.settings.objective
        return tuple(
            pick(name, label, tuple((shown, value) for value, shown in known.items()), now or "margin")
            for name, label, known, now in (
                ("mode", "Best at", self.modes, aim.mode),
                ("allocation", "Scarce supply", self.rules, aim.allocation),
            )
        )

    def part(self, snapshot: Snapshot, said: Said) -> Part | None:
        aim, made, told = snapshot.settings.objective, Scenario(""), []
        for name, known, now in (("mode", self.modes, aim.mode), ("allocation", self.rules, aim.allocation)):
            if (wanted := text(said, name) or "margin") != (now or "margin"):
                made = made.set(f"settings.objective.{name}", wanted)
                told.append(known[wanted].lower())
        return touching(snapshot, f"aim: {words.listing(told)}", made) if told else None


class Fence(Control):
    """The fence of settings.toml, moved; it keeps to the plan of record, and there must be one."""

    key, title, group, place = "fence", "Frozen fence", "Rules", 101

    def fields(self, choices: Choices) -> tuple[Field, ...]:
        fence = choices.snapshot.settings.fence
        return (
            slide("frozen", "Frozen days", 0, 28, value=fence.frozen_days),
            slide("slushy", "Slushy days", 0, 56, value=fence.slushy_days),
            slide("cost", "Change costs, per unit", 0, 20, value=round(fence.change_cost)),
        )

    def part(self, snapshot: Snapshot, said: Said) -> Part | None:
        fence, made, told = snapshot.settings.fence, Scenario(""), []
        for name, setting, now, unit in (
            ("frozen", "frozen_days", fence.frozen_days, "days frozen"),
            ("slushy", "slushy_days", fence.slushy_days, "days slushy"),
            ("cost", "change_cost", round(fence.change_cost), "a change"),
        ):
            if (wanted := int(number({name: now, **said}, name))) != now:
                made = made.set(f"settings.fence.{setting}", wanted)
                told.append(f"{wanted} {unit}")
        return touching(snapshot, f"fence {words.listing(told)}", made) if told else None

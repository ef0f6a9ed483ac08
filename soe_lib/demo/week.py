"""What a company knows on a Monday: stock and receipts, its past, what it promised, and what has just happened."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from soe_lib.demo.company import COMPONENTS, OFFERS, Real, Whole
from soe_lib.demo.past import World, by_weekday, delivery_days, road_days, started
from soe_lib.demo.recipes import FILLING_YIELD, MIXING_COST, REGULAR_HOURS

DOWN_DAYS = 3
LATE_DAYS = 9
IMPORTED = 35  # days of lead time from which a part counts as imported
PROMOTION = ((8, 2.2), (10, 2.0))  # days from the as-of date, size in weeks of the customer's usual demand


def events(world: World, as_of: date, receipts: pl.DataFrame) -> pl.DataFrame:
    """A filling line that is down for three days, and the dearest imported container nine days late."""
    company = world.company
    line = company.lines["resource"][min(company.size.lines // 2, company.size.lines - 1)]
    down = {
        "event": f"EV-{as_of:%y%m}-1",
        "kind": "downtime",
        "target": line,
        "from": as_of,
        "to": as_of + timedelta(days=DOWN_DAYS - 1),
        "hours": DOWN_DAYS * REGULAR_HOURS / 5,
        "note": "Gearbox of the filler broke on Sunday; the spare part is fitted on the third day",
    }
    parts = COMPONENTS.select("item", "unit_cost", "lead")
    containers = (
        receipts.filter((pl.col("kind") == "buy") & (pl.col("due_on") < as_of + timedelta(days=7)))
        .join(parts, on="item", how="inner", validate="m:1")
        .filter(pl.col("lead") >= IMPORTED)
        .sort(-pl.col("quantity") * pl.col("unit_cost"), "receipt")
    )
    late = [
        {
            "event": f"EV-{as_of:%y%m}-2",
            "kind": "delay",
            "target": name,
            "from": as_of,
            "to": as_of + timedelta(days=6),
            "days": LATE_DAYS,
            "note": "Container missed its vessel in Kobe; the forwarder confirms the next sailing",
        }
        for name in containers["receipt"].head(1)
    ]
    columns = {
        "event": pl.String,
        "kind": pl.String,
        "target": pl.String,
        "from": pl.Date,
        "to": pl.Date,
        "hours": pl.Float64,
        "days": pl.Int64,
        "note": pl.String,
    }
    return pl.DataFrame([down, *late], schema=columns)


def promotion(world: World, at: int) -> pl.DataFrame:
    """Orders of the largest customer for the fast items of the first family, far above what it usually takes.

    Rows like those of the order book: [order, line, due_on, quantity].
    """
    company, lines = world.company, world.company.demand_lines
    items = company.items[lines["item"].to_numpy()]
    fast = (items["family"] == company.items["family"][0]) & (items["rank"] == "A") & (lines["customer"] == 0)
    line = np.flatnonzero(fast.to_numpy())
    days, size = np.array(PROMOTION).T
    week = at + days.astype(np.int64) // 7
    usual = world.demand.published(at)[week[:, None], line]
    due, which = np.indices(usual.shape).reshape(2, -1)
    label = world.demand.timeline.labels.gather(week[due])
    return pl.DataFrame({"week": label, "number": 9001 + np.arange(len(due)), "line": line[which]}).select(
        pl.format("SO-{}{}-{}", pl.col("week").str.slice(2, 2), pl.col("week").str.slice(6, 2), "number").alias(
            "order"
        ),
        "line",
        world.dates(np.full(len(due), at), days[due].astype(np.int64)).alias("due_on"),
        pl.Series("quantity", np.ceil((size[:, None] * usual).ravel() / 10) * 10),
    )


def positions(world: World, week: int) -> pl.DataFrame:
    """All stock on the Monday morning of a week: [item, location, quantity, cost (standard, per unit)]."""
    company, past = world.company, world.past
    items = company.items.select("item").with_columns(pl.Series("cost", world.costs.item))
    at_plant = items.with_columns(world.home().alias("location"), pl.Series("quantity", past.plant_stock[week]))
    item, warehouse = np.indices(past.warehouse_stock[week].shape).reshape(2, -1)
    in_warehouse = items[item].with_columns(
        company.warehouses["location"].gather(warehouse), pl.Series("quantity", past.warehouse_stock[week].ravel())
    )
    component, plant = np.nonzero(world.recipes.sites)
    parts = (
        COMPONENTS[component]
        .select("item")
        .with_columns(
            company.plants["location"].gather(plant),
            pl.Series("cost", world.costs.component[component]),
            pl.Series("quantity", past.component_stock[week, component, plant]),
        )
    )
    columns = ["item", "location", "quantity", "cost"]
    return pl.concat([table.select(columns) for table in (at_plant, in_warehouse, parts)])


def inventory(world: World, at: int) -> pl.DataFrame:
    """Opening stock of week `at`: [item, location, on_hand]."""
    stock = positions(world, at).filter(pl.col("quantity") > 0)
    return stock.select("item", "location", on_hand="quantity").sort("item", "location")


def receipts(world: World, at: int) -> pl.DataFrame:
    """Purchase orders placed before week `at` and not yet in, and goods on the road to the warehouses."""
    return pl.concat([_ordered(world, at), _on_the_road(world, at)], how="diagonal").sort("receipt")


LATE = (0.3, 1.2)
"""Days that a delivery comes after its promise, and their spread; of an imported part the second pair."""
LATE_IMPORTED = (1.5, 4.0)
EARLIEST = -5


def deliveries(world: World, at: int, *, weeks: int = 26) -> pl.DataFrame:
    """Purchase orders that came in before week `at`: when they were placed, first promised for, and here.

    They arrived on the day and in the quantity that the actuals and every stock know; the first promise lay before or
    after that day by a draw of the order's own. Receipts show the day that was confirmed last, which was kept.
    """
    past = world.past
    came = past.arriving > 0
    came[at:], came[: max(at - weeks, 0)] = False, False
    week, component, plant = np.nonzero(came)
    days = np.array([LATE, LATE_IMPORTED])[(COMPONENTS["lead"].fill_null(0).to_numpy() >= IMPORTED).astype(int)]
    drawn = np.random.default_rng([world.seed, 7]).normal(0.0, 1.0, came.shape)[week, component, plant]
    placed = past.placed[week, component, plant]
    travel = (week - placed) * 7 + arrival_day(component)
    late = np.clip(np.rint(days[component, 0] + days[component, 1] * drawn), EARLIEST, travel - 1).astype(np.int64)
    columns = ["receipt", "kind", "item", "location", "offer", "ordered_on", "promised_on", "arrived_on", "quantity"]
    found = _purchases(world, week, component, plant).rename({"due_on": "arrived_on"})
    promised = world.dates(week, arrival_day(component) - late).alias("promised_on")
    return found.with_columns(world.dates(placed, 0).alias("ordered_on"), promised).select(columns).sort("receipt")


def arrival_day(component: Whole) -> Whole:
    """Weekday on which a component is delivered, Tuesday to Thursday (Monday is 0)."""
    return 1 + component % 3


def _ordered(world: World, at: int) -> pl.DataFrame:
    past = world.past
    waiting = (past.placed < at) & (past.arriving > 0)
    waiting[:at] = False
    return _purchases(world, *np.nonzero(waiting))


def _purchases(world: World, week: Whole, component: Whole, plant: Whole) -> pl.DataFrame:
    """Purchase orders by the week, component and plant of their arrival, under their regular offer."""
    past, plants = world.past, world.company.plants["location"]
    number = (week * past.arriving.shape[1] + component) * past.arriving.shape[2] + plant + 10_001
    regular = OFFERS.unique("item", keep="first", maintain_order=True).select("item", "mode")
    items = COMPONENTS[component].select("item").with_columns(plants.gather(plant))
    return items.join(regular, on="item", how="left", maintain_order="left").select(
        pl.format("PO-{}", pl.Series("number", number)).alias("receipt"),
        pl.lit("buy").alias("kind"),
        "item",
        "location",
        world.dates(week, arrival_day(component)).alias("due_on"),
        pl.Series("quantity", past.arriving[week, component, plant]),
        pl.format("{} {} {}", "item", "mode", "location").alias("offer"),
    )


def _on_the_road(world: World, at: int) -> pl.DataFrame:
    company, road = world.company, road_days(world.company)
    daily = by_weekday(world.past.shipped[at - 1])
    item, warehouse, day = np.nonzero((np.arange(5) + road[..., None] >= 7) & (daily > 0))
    lanes = company.lanes.filter(pl.col("mode") == "road").select("lane", "plant", "warehouse")
    travel = pl.DataFrame({"plant": company.column("items", "plant")[item], "warehouse": warehouse})
    rows = travel.join(lanes, on=["plant", "warehouse"], how="left", maintain_order="left")
    number = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(4)
    return rows.select(
        pl.format("TR-{}-{}", pl.lit(f"{world.demand.timeline.monday(at - 1):%y%m%d}"), number).alias("receipt"),
        pl.lit("ship").alias("kind"),
        company.items["item"].gather(item),
        company.warehouses["location"].gather(warehouse),
        world.dates(np.full(len(item), at - 1), day + road[item, warehouse]).alias("due_on"),
        pl.Series("quantity", daily[item, warehouse, day]),
        "lane",
    )


STOPS, STOP_HOURS = 0.2, 4.0  # share of weeks in which a line stops, and for how long [h]
COLUMNS = ["date", "measure", "item", "location", "resource", "customer", "quantity", "hours", "amount"]


def actuals(world: World, at: int, *, weeks: int = 8) -> pl.DataFrame:
    """What happened in the last `weeks` weeks before week `at`: sales, make, buy, ship, stock and hours by day.

    Hours lost in stops come last, so that the other rows keep their lines.
    """
    told = np.arange(max(at - weeks, 0), at)
    parts = [_sales(world, told), _make(world, told), _mix(world, told), _buy(world, told)]
    parts += [_ship(world, told), _stock(world, told), _hours(world, told)]
    rows = pl.concat(parts, how="diagonal").select(COLUMNS)
    rows = rows.sort("date", "measure", "item", "location", "resource", "customer", nulls_last=False)
    return pl.concat([rows, _lost(world, told).select(COLUMNS)])


def _sales(world: World, told: Whole) -> pl.DataFrame:
    """Half of a week's sales on each of the customer's delivery days."""
    past, lines = world.past.sold, world.named_lines()
    price = world.net_price() * world.noise(1, past.shape, 0.006)
    days = delivery_days(world.company)
    first = np.where(days[:, 0] == days[:, 1], past, np.ceil(past / 2))
    sold = np.stack([first, past - first], axis=2)[told]
    week, line, half = np.nonzero(sold)
    quantity = sold[week, line, half]
    return lines[line].with_columns(
        world.dates(told[week], days[line, half]),
        measure=pl.lit("sales"),
        quantity=pl.Series(quantity),
        amount=pl.Series(np.round(quantity * price[told[week], line], 2)),
    )


def campaigns(world: World, week: int) -> tuple[Real, Real]:
    """One item after the other on each line, over five equal days: good cases [item, day] and hours [line, day]."""
    line, lines = world.company.column("items", "line"), world.company.lines.height
    made = world.past.made[week]
    hours = started(made) / world.recipes.rate
    turn = np.lexsort(((np.arange(len(line)) + week) % 7, line))
    total = np.bincount(line, weights=hours, minlength=lines)
    earlier = np.concatenate([[0.0], np.cumsum(total)])[line[turn]]
    begin = np.empty_like(hours)
    begin[turn] = np.cumsum(hours[turn]) - hours[turn] - earlier
    day_ends = total[line][:, None] * np.arange(6) / 5
    done = np.clip((day_ends - begin[:, None]) / np.maximum(hours, 1e-9)[:, None], 0.0, 1.0)
    done[:, 5] = 1.0
    good = np.diff(np.rint(done * made[:, None]), axis=1)
    return good, np.repeat(total[:, None] / 5, 5, axis=1)


def _make(world: World, told: Whole) -> pl.DataFrame:
    daily = np.stack([campaigns(world, int(week))[0] for week in told])
    week, item, day = np.nonzero(daily)
    return _made(
        world.company.items["item"].gather(item),
        world.home().gather(item),
        world.dates(told[week], day),
        daily[week, item, day],
        world.costs.item[item],
    )


def _mix(world: World, told: Whole) -> pl.DataFrame:
    daily = np.stack([_mixed(world, int(week)) for week in told])
    week, component, plant, day = np.nonzero(daily)
    return _made(
        COMPONENTS["item"].gather(component),
        world.company.plants["location"].gather(plant),
        world.dates(told[week], day),
        daily[week, component, plant, day],
        world.costs.component[component],
    )


def _made(item: pl.Series, location: pl.Series, date: pl.Series, quantity: Real, cost: Real) -> pl.DataFrame:
    columns = [item.alias("item"), location.alias("location"), date, pl.Series("quantity", quantity)]
    amount = pl.Series("amount", np.round(quantity * cost, 2))
    return pl.DataFrame([*columns, amount]).with_columns(measure=pl.lit("make"))


def _mixed(world: World, week: int) -> Real:
    """Good tonnes mixed on each weekday, to a tenth, [component, plant, day]; zero for what is bought."""
    base = COMPONENTS["unit_cost"].is_null().to_numpy()[:, None]
    home = world.company.column("items", "plant")[:, None] == np.arange(world.company.size.plants)
    direct = (world.recipes.bill * started(world.past.made[week])[:, None]).T @ home.astype(np.float64)
    return by_weekday(np.where(base, np.rint(10 * direct), 0.0)) / 10


def _buy(world: World, told: Whole) -> pl.DataFrame:
    arriving = world.past.arriving
    paid = world.costs.component[:, None] * world.noise(2, arriving.shape, 0.012)
    week, component, plant = np.nonzero(arriving[told])
    week = told[week]
    quantity = arriving[week, component, plant]
    return (
        COMPONENTS[component]
        .select("item")
        .with_columns(
            world.company.plants["location"].gather(plant),
            world.dates(week, arrival_day(component)),
            measure=pl.lit("buy"),
            quantity=pl.Series(quantity),
            amount=pl.Series(np.round(quantity * paid[week, component, plant], 2)),
        )
    )


def _ship(world: World, told: Whole) -> pl.DataFrame:
    shipped = world.past.shipped
    freight = (shipped * world.road_cost()).sum(axis=2) * world.noise(3, world.past.made.shape, 0.02)
    quantity = shipped.sum(axis=2)
    week, item = np.nonzero(quantity[told])
    week = told[week]
    return (
        world.company.items[item]
        .select("item")
        .with_columns(
            world.home().gather(item),
            world.dates(week, 4),
            measure=pl.lit("ship"),
            quantity=pl.Series(quantity[week, item]),
            amount=pl.Series(np.round(freight[week, item], 2)),
        )
    )


def _stock(world: World, told: Whole) -> pl.DataFrame:
    """Closing stock on each Sunday, which is the next Monday's opening stock."""
    sundays = world.dates(told, 6)
    parts = [
        positions(world, int(week) + 1).with_columns(pl.lit(sunday).alias("date"))
        for week, sunday in zip(told, sundays, strict=True)
    ]
    rows = pl.concat(parts).filter(pl.col("quantity") > 0).with_columns(measure=pl.lit("stock"))
    return rows.with_columns(amount=(pl.col("quantity") * pl.col("cost")).round(2)).drop("cost")


def _lost(world: World, told: Whole) -> pl.DataFrame:
    """Hours that a line stood still, on one day of some weeks: never more than it had left that day."""
    generator = np.random.default_rng([world.seed, 8])
    shape = (world.demand.timeline.last, world.company.lines.height)
    stops, size = generator.random(shape) < STOPS, generator.lognormal(np.log(STOP_HOURS), 0.6, shape)
    weekday = generator.integers(0, 5, shape)
    worked = np.stack([campaigns(world, int(week))[1][:, 0] for week in told])
    left = np.maximum(REGULAR_HOURS / 5 - worked * 1.1, 0.0)  # what `_hours` draws lies below
    hours = np.round(np.where(stops[told], np.minimum(size[told], left), 0.0), 1)
    week, line = np.nonzero(hours)
    lost = world.company.lines.select("resource", "location")[line].with_columns(
        world.dates(told[week], weekday[told[week], line]),
        measure=pl.lit("lost hours"),
        hours=pl.Series(hours[week, line]),
    )
    blank = {"item": pl.String, "customer": pl.String, "quantity": pl.Float64, "amount": pl.Float64}
    columns = [pl.lit(None, dtype=kind).alias(name) for name, kind in blank.items()]
    return lost.with_columns(columns).sort("date", "resource")


def _hours(world: World, told: Whole) -> pl.DataFrame:
    """Hours of lines and mixing crews by day, a little off standard, and what they cost."""
    pace = world.recipes.operations.filter(pl.col("step") == "mix").unique("resource", maintain_order=True)
    crews = world.company.plants.select(pl.format("{} mixing", "location").alias("resource"), "location")
    per_tonne = crews.join(pace, on="resource", how="left", maintain_order="left")["hours_per_unit"].fill_null(0.0)
    tonnes = np.stack([_mixed(world, int(week)).sum(axis=0) for week in told])
    lines = np.stack([campaigns(world, int(week))[1] for week in told])
    planned = np.concatenate([lines, tonnes * per_tonne.to_numpy()[None, :, None]], axis=1)
    shape = (world.demand.timeline.last, planned.shape[1], 5)
    hours = np.round(planned * 1.01 * world.noise(4, shape, 0.02)[told], 2)
    price = np.concatenate([world.company.lines["hourly_cost"].to_numpy(), np.full(len(crews), MIXING_COST)])
    spent = hours * price[None, :, None] * world.noise(5, shape, 0.01)[told]
    week, row, day = np.nonzero(hours)
    return pl.concat([world.company.lines.select("resource", "location"), crews])[row].with_columns(
        world.dates(told[week], day),
        measure=pl.lit("hours"),
        hours=pl.Series(hours[week, row, day]),
        amount=pl.Series(np.round(spent[week, row, day], 2)),
    )


CAPITAL_RATE = 0.0018  # a week
STORAGE_COST = 1.10  # per cubic metre and week
STORAGE_RATE = 0.001  # storage a week, as a share of the stock's value
WEEKS_A_MONTH = 4.35
CYCLE = 0.30  # weeks of demand that S&OP expects in a warehouse beyond safety stock
GROWTH = (0.99, 1.01, 1.03, 1.02)  # what the budget thought of each family, relative to what S&OP thinks now
OVERTIME = 0.006  # of conversion, as budgeted


def months(as_of: date) -> list[str]:
    """The fiscal (calendar) months from the one before the as-of date to the third after it."""
    first = as_of.year * 12 + as_of.month - 2
    return [f"{number // 12}-{number % 12 + 1:02d}" for number in range(first, first + 5)]


def consensus(world: World, as_of: date) -> pl.DataFrame:
    """Sales and stock by family and warehouse, make by family and plant: cases, and money at price or standard cost.

    S&OP fixed it when nobody saw the drift: what an informed planner expects, give or take half a per cent.
    """
    asked = months(as_of)
    wanted = _monthly(world, asked) * _opinion(world, asked)[:, _family(world)[_line_item(world)]]
    lines, item = world.named_lines(), _line_item(world)
    price, cost = world.net_price(), world.costs.item[item]
    sales = _rows(world, asked, lines["location"], wanted, wanted * price, "sales")
    make = _rows(world, asked, world.home().gather(item), wanted, wanted * cost, "make")
    stock = _expected_stock(world, asked)
    return pl.concat([sales, make, stock]).sort("fiscal_month", "family", "location", "measure")


def budget(world: World, as_of: date) -> pl.DataFrame:
    """Revenue and costs by family and account over all places; revenue positive, costs negative."""
    asked = months(as_of)
    family, item = _family(world), _line_item(world)
    growth = np.array(GROWTH)[family % len(GROWTH)]
    wanted = _monthly(world, asked) * growth[item]
    material = (world.recipes.need * COMPONENTS["unit_cost"].fill_null(0.0).to_numpy()).sum(axis=1) / FILLING_YIELD
    conversion = world.costs.item - material
    road = world.road_cost()[item, world.company.column("demand_lines", "warehouse")]
    held = _expected_stock(world, asked).group_by("fiscal_month", "family").agg(pl.col("amount").sum())
    accounts = {
        "revenue": world.net_price(),
        "material": -material[item],
        "conversion": -conversion[item],
        "overtime": -OVERTIME * conversion[item],
        "freight": -road,
    }
    everywhere = pl.repeat("", len(item), eager=True, dtype=pl.String)
    rows = [
        _rows(world, asked, everywhere, wanted, wanted * per_unit, "sales").with_columns(account=pl.lit(account))
        for account, per_unit in accounts.items()
    ]
    keep = pl.col("account") == "revenue"
    money = pl.concat(rows).with_columns(measure=pl.when(keep).then("measure"), quantity=pl.when(keep).then("quantity"))
    held_cost = (-WEEKS_A_MONTH * (CAPITAL_RATE + STORAGE_RATE) * pl.col("amount")).round(0)
    holding = held.select("fiscal_month", "family", account=pl.lit("holding"), amount=held_cost)
    columns = ["fiscal_month", "family", "account", "measure", "quantity", "amount"]
    return pl.concat([money.select(columns), holding], how="diagonal").sort("fiscal_month", "family", "account")


def _family(world: World) -> Whole:
    return np.arange(world.company.size.items) * world.company.size.families // world.company.size.items


def _line_item(world: World) -> Whole:
    return world.company.column("demand_lines", "item")


def _opinion(world: World, asked: list[str]) -> Real:
    """How far S&OP is off what an informed planner expects, [month, family]; the same whenever it is told."""
    known = _all_months(world)
    noise = world.noise(6, (len(known), world.company.size.families), 0.006)
    return noise[[known.index(month) for month in asked]]


def _all_months(world: World) -> list[str]:
    days = world.demand.timeline.mondays
    first, last = (day.year * 12 + day.month - 1 for day in (days[0], days[-1]))
    return [f"{number // 12}-{number % 12 + 1:02d}" for number in range(first, last + 2)]


def _shares(world: World, asked: list[str]) -> Real:
    """Share of each week's working days (Monday to Friday) that lie in each month, [month, week]."""
    count = world.demand.timeline.count
    days = world.dates(np.repeat(np.arange(count), 5), np.tile(np.arange(5), count))
    label = days.dt.strftime("%Y-%m").to_numpy().reshape(-1, 5)
    return np.stack([(label == month).mean(axis=1) for month in asked])


def _monthly(world: World, asked: list[str]) -> Real:
    """Cases that an informed planner expects, [month, demand line]."""
    return _shares(world, asked) @ world.demand.level


def _rows(
    world: World, asked: list[str], location: pl.Series, quantity: Real, amount: Real, measure: str
) -> pl.DataFrame:
    """[month, demand line] added up by month, family and location, in whole cases and whole money."""
    month, line = np.indices(quantity.shape).reshape(2, -1)
    families = world.company.items["family"].gather(_line_item(world))
    cells = pl.DataFrame(
        {
            "fiscal_month": pl.Series(asked).gather(month),
            "family": families.gather(line),
            "location": location.gather(line),
            "quantity": quantity.ravel(),
            "amount": amount.ravel(),
        }
    )
    keys = ["fiscal_month", "family", "location"]
    total = cells.group_by(keys, maintain_order=True).agg(pl.col("quantity", "amount").sum().round(0))
    return total.with_columns(measure=pl.lit(measure)).select(*keys, "measure", "quantity", "amount")


def _expected_stock(world: World, asked: list[str]) -> pl.DataFrame:
    """Stock at the month's end: safety stock and a part of an average week's demand, at standard cost."""
    share = _shares(world, asked)
    item = _line_item(world)
    cell = item * world.company.size.warehouses + world.company.column("demand_lines", "warehouse")
    safety = world.past.safety.ravel()[cell] / np.bincount(cell)[cell]
    weekly = (share @ world.demand.level) / share.sum(axis=1, keepdims=True)
    quantity = safety[None, :] + CYCLE * weekly
    return _rows(world, asked, world.named_lines()["location"], quantity, quantity * world.costs.item[item], "stock")

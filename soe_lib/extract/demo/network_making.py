"""How a network makes and buys: its routings, bills of material, offers and purchase orders."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from soe_lib.extract.demo.company import Real, Whole
from soe_lib.extract.demo.network import MIXING_ENERGY, Network


def line_names(network: Network) -> pl.Series:
    """Lines of all plants, plant by plant."""
    plant, line = np.indices((network.size.plants, network.size.lines)).reshape(2, -1)
    frame = pl.DataFrame({"plant": network.plants.gather(plant), "line": line + 1})
    return frame.select(pl.format("{}-L{}", "plant", "line").alias("resource")).to_series()


def at(item: str, place: str) -> pl.Expr:
    """Name of something at a plant or on a line, from two columns."""
    return pl.format("{}@{}", item, place)


def semi_sites(network: Network) -> pl.DataFrame:
    """Every semi-finished good at every plant: [semi, plant] row numbers and [item, location] names."""
    semi, plant = np.indices((len(network.semis), network.size.plants)).reshape(2, -1)
    return pl.DataFrame(
        {"semi": semi, "plant": plant, "item": network.semis.gather(semi), "location": network.plants.gather(plant)}
    )


def ways(network: Network) -> pl.DataFrame:
    """Every line that makes every finished item: its row number, [item, location, resource, routing] names."""
    item, plant, line = network.routes
    resource = line_names(network).gather(plant * network.size.lines + line)
    names = {"item": network.items.gather(item), "location": network.plants.gather(plant), "resource": resource}
    return pl.DataFrame({"row": item, **names}).with_columns(at("item", "resource").alias("routing"))


def routings(network: Network) -> pl.DataFrame:
    """A day to make a finished item and two for a semi-finished good; none at all in a plain network."""
    columns = ["routing", "item", "location", "lead_time_days", "cost_per_unit"]
    finished = ways(network).with_columns(
        cost_per_unit=pl.Series(network.route_cost), lead_time_days=pl.lit(1.0 if network.deep else 0.0)
    )
    semis = semi_sites(network).with_columns(
        at("item", "location").alias("routing"), cost_per_unit=pl.lit(MIXING_ENERGY), lead_time_days=pl.lit(2.0)
    )
    return pl.concat([finished.select(columns), semis.select(columns)])


def operations(network: Network) -> pl.DataFrame:
    """Each item takes hours of one line in each of its ways; semi-finished goods take the plant's mixing crew."""
    finished = ways(network).select("routing", "resource", pl.Series("hours_per_unit", network.hours))
    semis = semi_sites(network).select(
        at("item", "location").alias("routing"),
        pl.format("{}-MIX", "location").alias("resource"),
        pl.lit(network.mixing).alias("hours_per_unit"),
    )
    return pl.concat([finished, semis])


def components(network: Network) -> pl.DataFrame:
    """One semi-finished good and one packing for each item; half and half of two raw materials for each good."""
    routes, sites = ways(network), semi_sites(network)
    item, semi = routes["row"].to_numpy(), sites["semi"].to_numpy()
    base = network.semis.gather(network.semi_of()[item]).alias("component")
    packing = network.materials.gather(network.packing_of()[item]).alias("component")
    parts = [routes.select("routing", part, quantity=pl.lit(1.0)) for part in (base, packing)]
    mixes = sites.select(at("item", "location").alias("routing"))
    raw = network.raw_of()[semi]
    parts += [
        mixes.with_columns(network.materials.gather(raw[:, side]).alias("component"), quantity=pl.lit(0.5))
        for side in range(2)
    ]
    total = pl.concat(parts).group_by("routing", "component", maintain_order=True).agg(pl.col("quantity").sum())
    return total.sort("routing", "component")


def _lead_weeks(network: Network) -> Whole:
    return 1 + np.arange(len(network.materials)) % 4


def _material_sites(network: Network) -> tuple[Whole, Whole]:
    material, plant = np.indices((len(network.materials), network.size.plants)).reshape(2, -1)
    return material, plant


def material_use(network: Network) -> tuple[Real, Real]:
    """Units a week of each semi-finished good and of each material at each plant, were items shared out evenly."""
    made = network.made()
    semis = np.zeros((len(network.semis), network.size.plants))
    np.add.at(semis, network.semi_of(), made)
    materials = np.zeros((len(network.materials), network.size.plants))
    np.add.at(materials, network.packing_of(), made)
    np.add.at(materials, network.raw_of()[:, 0], 0.5 * semis)
    np.add.at(materials, network.raw_of()[:, 1], 0.5 * semis)
    return semis, materials


def offers(network: Network) -> pl.DataFrame:
    """One supplier for each material, one to four weeks away."""
    material, plant = _material_sites(network)
    names = pl.DataFrame({"item": network.materials.gather(material), "location": network.plants.gather(plant)})
    return names.select(
        at("item", "location").alias("offer"),
        pl.format("Supplier {}", "item").alias("supplier"),
        "item",
        "location",
        pl.Series("unit_cost", network.material_cost()[material]),
        pl.Series("lead_time_days", 7.0 * _lead_weeks(network)[material]),
    )


def receipts(network: Network, as_of: date) -> pl.DataFrame:
    """Weekly deliveries on order until the first one that could still be ordered arrives."""
    use = material_use(network)[1]
    before = np.arange(5)[:, None, None] < _lead_weeks(network)[None, :, None]
    week, material, plant = np.nonzero(before & (use > 0))
    monday = np.datetime64(as_of, "D")
    return pl.DataFrame(
        {
            "number": np.arange(len(week)) + 1,
            "item": network.materials.gather(material),
            "location": network.plants.gather(plant),
            "due_on": pl.Series(monday + (7 * week + 1).astype("timedelta64[D]")).cast(pl.Date),
            "quantity": np.ceil(1.1 * use[material, plant]),
        }
    ).select(
        pl.format("R{}", pl.col("number").cast(pl.String).str.zfill(6)).alias("receipt"),
        pl.lit("buy").alias("kind"),
        "item",
        "location",
        "due_on",
        "quantity",
        at("item", "location").alias("offer"),
    )

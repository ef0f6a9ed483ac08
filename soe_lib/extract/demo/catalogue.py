"""The words and the typical figures of the invented company; every name here is made up."""

from __future__ import annotations

import polars as pl

COMPANY = "Alder & Finch Household Care"
CURRENCY = "EUR"

FAMILIES = pl.DataFrame(
    # Season: height of the yearly wave and the day of the year on which it peaks. Margin: share of the price.
    [
        ("Laundry", "LAU", "BASE-LAU", 1.05, 0.03, 265, 0.35),
        ("Dish care", "DIS", "BASE-DIS", 1.03, 0.05, 345, 0.37),
        ("Surface care", "SUR", "BASE-SUR", 1.00, 0.08, 110, 0.40),
        ("Hand care", "HAN", "BASE-HAN", 1.02, 0.08, 20, 0.42),
    ],
    schema=["family", "code", "base", "kilograms_per_litre", "wave", "peak", "margin"],
    orient="row",
)

VARIANTS = pl.DataFrame(
    [
        ("LAU", "Colour gel 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("LAU", "White gel 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("LAU", "Colour gel 2 L", 2.0, 4, "CAN-2000", "CAP-FLIP"),
        ("LAU", "Sensitive gel 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("LAU", "Wool and silk gel 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("LAU", "Sport gel 2 L", 2.0, 4, "CAN-2000", "CAP-FLIP"),
        ("DIS", "Dish lemon 500 ml", 0.5, 12, "BOT-0500", "CAP-FLIP"),
        ("DIS", "Dish classic 500 ml", 0.5, 12, "BOT-0500", "CAP-FLIP"),
        ("DIS", "Dish lemon 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("DIS", "Dish sensitive 500 ml", 0.5, 12, "BOT-0500", "CAP-FLIP"),
        ("DIS", "Dish aloe 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("DIS", "Dish catering 2 L", 2.0, 4, "CAN-2000", "CAP-FLIP"),
        ("SUR", "Kitchen spray 500 ml", 0.5, 12, "BOT-0500", "TRIGGER"),
        ("SUR", "Bathroom spray 500 ml", 0.5, 12, "BOT-0500", "TRIGGER"),
        ("SUR", "All-purpose lemon 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("SUR", "Glass spray 500 ml", 0.5, 12, "BOT-0500", "TRIGGER"),
        ("SUR", "All-purpose pine 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("SUR", "Limescale spray 500 ml", 0.5, 12, "BOT-0500", "TRIGGER"),
        ("HAN", "Hand soap aloe 500 ml", 0.5, 12, "BOT-0500", "PUMP"),
        ("HAN", "Hand soap honey 500 ml", 0.5, 12, "BOT-0500", "PUMP"),
        ("HAN", "Soap refill aloe 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("HAN", "Hand soap sensitive 500 ml", 0.5, 12, "BOT-0500", "PUMP"),
        ("HAN", "Soap refill honey 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("HAN", "Kids foam soap 500 ml", 0.5, 12, "BOT-0500", "PUMP"),
    ],
    schema=["code", "variant", "litres", "bottles", "bottle", "closure"],
    orient="row",
)

# Cases a week of a fast, a middling and a slow item; how often a customer lists one; how well it is forecast.
RANKS = pl.DataFrame(
    [("A", 5200.0, 0.75, 0.08, 0.050), ("B", 2100.0, 0.36, 0.13, 0.075), ("C", 800.0, 0.20, 0.20, 0.110)],
    schema=["rank", "cases", "listing", "surprise", "revision"],
    orient="row",
)

# Cases an hour on a filling line, by bottle.
SPEEDS = {"BOT-0500": 130.0, "BOT-1000": 150.0, "CAN-2000": 170.0}

BASES = pl.DataFrame(
    # Kilograms of each raw material in a tonne of base; the rest is water.
    [
        ("BASE-LAU", "SURF-LAS", 160.0),
        ("BASE-LAU", "SURF-SLES", 60.0),
        ("BASE-LAU", "ENZYME", 12.0),
        ("BASE-LAU", "PERFUME", 6.0),
        ("BASE-DIS", "SURF-LAS", 50.0),
        ("BASE-DIS", "SURF-SLES", 140.0),
        ("BASE-DIS", "PERFUME", 4.0),
        ("BASE-SUR", "SURF-LAS", 40.0),
        ("BASE-SUR", "SURF-SLES", 20.0),
        ("BASE-SUR", "PERFUME", 5.0),
        ("BASE-HAN", "SURF-SLES", 110.0),
        ("BASE-HAN", "PERFUME", 8.0),
    ],
    schema=["base", "component", "quantity"],
    orient="row",
)

COMPONENTS = pl.DataFrame(
    # Packaging is counted and priced by the thousand, as its makers do; bases by the tonne.
    # Review: weeks between two purchase orders. Cover: safety stock in weeks of use. Lot: an order is so many lots.
    [
        ("BASE-LAU", "Laundry base", "t", None, None, None, None, 0.15, 1.0),
        ("BASE-DIS", "Dish base", "t", None, None, None, None, 0.15, 1.0),
        ("BASE-SUR", "Cleaner base", "t", None, None, None, None, 0.15, 1.0),
        ("BASE-HAN", "Soap base", "t", None, None, None, None, 0.15, 1.0),
        ("SURF-LAS", "Surfactant LAS", "kg", 1.55, 14, 1, 1_000, 0.6, 0.001),
        ("SURF-SLES", "Surfactant SLES", "kg", 1.25, 10, 1, 1_000, 0.6, 0.001),
        ("ENZYME", "Enzyme blend", "kg", 14.00, 28, 2, 100, 1.0, 0.001),
        ("PERFUME", "Perfume oil", "kg", 19.00, 21, 1, 50, 0.8, 0.001),
        ("BOT-0500", "Bottle 500 ml", "thousand", 160.0, 7, 1, 10, 0.4, 1.0),
        ("BOT-1000", "Bottle 1 L", "thousand", 210.0, 7, 1, 10, 0.4, 1.8),
        ("CAN-2000", "Canister 2 L", "thousand", 380.0, 10, 1, 5, 0.5, 3.0),
        ("CAP-FLIP", "Flip-top cap", "thousand", 45.0, 14, 1, 20, 0.6, 0.1),
        ("TRIGGER", "Trigger sprayer", "thousand", 240.0, 42, 2, 10, 0.5, 0.4),
        ("PUMP", "Lotion pump", "thousand", 210.0, 35, 2, 10, 1.0, 0.4),
        ("CARTON", "Shipping carton", "each", 0.42, 7, 1, 2_000, 0.4, 0.0004),
    ],
    schema=["item", "description", "unit", "unit_cost", "lead", "review", "lot", "cover", "volume"],
    orient="row",
)

# What is counted in one step of each unit, and in one step of a planned figure such as a safety stock.
GRAIN = {"t": 0.1, "kg": 1.0, "thousand": 0.001, "each": 1.0}
ROUND = {"t": 1.0, "kg": 100.0, "thousand": 1.0, "each": 100.0}

OFFERS = pl.DataFrame(
    # Dearer: factor on the unit cost. Cap: the most a period, in days of use; none: no limit.
    [
        ("SURF-LAS", "Rhein Tensid", "road", 1.00, 14, None, False),
        ("SURF-LAS", "Rhein Tensid", "rush", 1.30, 4, 3.0, True),
        ("SURF-SLES", "Rhein Tensid", "road", 1.00, 10, None, False),
        ("SURF-SLES", "Rhein Tensid", "rush", 1.30, 4, 3.0, True),
        ("ENZYME", "Novaferm", "cold chain", 1.00, 28, None, False),
        ("ENZYME", "Novaferm", "air", 1.35, 7, 3.0, True),
        ("PERFUME", "Parfums du Sud", "road", 1.00, 21, None, False),
        ("PERFUME", "Parfums du Sud", "courier", 1.20, 5, 3.0, True),
        ("BOT-0500", "Blaasvorm", "road", 1.00, 7, None, False),
        ("BOT-1000", "Blaasvorm", "road", 1.00, 7, None, False),
        ("CAN-2000", "Blaasvorm", "road", 1.00, 10, None, False),
        ("BOT-0500", "Blaasvorm", "rush", 1.35, 3, 2.0, True),
        ("BOT-1000", "Blaasvorm", "rush", 1.35, 3, 2.0, True),
        ("CAN-2000", "Blaasvorm", "rush", 1.35, 3, 2.0, True),
        ("CAP-FLIP", "Capsula", "road", 1.00, 14, None, False),
        ("CAP-FLIP", "Capsula", "rush", 1.50, 4, 3.0, True),
        ("TRIGGER", "Kobe Dispensers", "sea", 1.00, 42, None, False),
        ("TRIGGER", "Lombardia Spray", "road", 1.25, 14, 3.0, False),
        ("TRIGGER", "Kobe Dispensers", "air", 2.10, 6, 1.0, True),
        ("PUMP", "Kobe Dispensers", "sea", 1.00, 35, None, False),
        ("PUMP", "Kobe Dispensers", "air", 2.10, 6, 1.0, True),
        ("CARTON", "Maaskarton", "road", 1.00, 7, None, False),
        ("CARTON", "Maaskarton", "rush", 1.30, 2, 2.0, True),
    ],
    schema=["item", "supplier", "mode", "dearer", "lead", "cap", "expedite"],
    orient="row",
)

# Town, degrees north, degrees east. Crew cost an hour for a plant's line.
PLANTS = [
    ("Venlo", 51.37, 6.17, 320.0),
    ("Poznan", 52.41, 16.93, 230.0),
    ("Zaragoza", 41.65, -0.89, 260.0),
    ("Brno", 49.20, 16.61, 215.0),
    ("Treviso", 45.67, 12.24, 285.0),
    ("Leuven", 50.88, 4.70, 330.0),
]
COPACKER = ("Lille Copack", 50.63, 3.06)
WAREHOUSES = [
    ("DC Duisburg", 51.43, 6.76),
    ("DC Lyon", 45.76, 4.84),
    ("DC Wroclaw", 51.11, 17.03),
    ("DC Milano", 45.46, 9.19),
    ("DC Madrid", 40.42, -3.70),
    ("DC Budapest", 47.50, 19.04),
    ("DC Hamburg", 53.55, 9.99),
    ("DC Antwerp", 51.22, 4.40),
]

CLASSES = pl.DataFrame(
    # Discount on the list price. Weight: size of a customer. Over: by how much its forecast is too high.
    # Shelf days: what a late case costs a week, goodwill and contractual penalty of a short one.
    [
        ("key account", 1, 0.05, 3.0, 7.00, 7.00, 2.50, 2),
        ("retail", 2, 0.00, 1.6, 4.20, 4.50, 0.00, 4),
        ("distributor", 3, 0.08, 1.0, 1.75, 2.50, 0.00, 7),
        ("export", 4, 0.10, 0.8, 1.40, 1.50, 0.00, 7),
        ("online", 5, 0.02, 0.6, 3.50, 3.50, 0.00, 3),
    ],
    schema=["segment", "priority", "discount", "weight", "late_cost", "short_cost", "short_penalty", "latest_days"],
    orient="row",
)

# Segment, customer, weekdays of delivery (Monday is 0), share by which its own forecast runs too high.
CUSTOMERS = pl.DataFrame(
    [
        ("key account", "Marktland", (1, 3), 0.00),
        ("key account", "Grandmarche", (0, 2), 0.00),
        ("retail", "Nordkauf", (2,), 0.00),
        ("retail", "Casa Verde", (3,), -0.02),
        ("retail", "Polmarket", (1,), 0.00),
        ("distributor", "Hansen Trade", (4,), 0.00),
        ("distributor", "Rhone Distribution", (3,), 0.12),
        ("distributor", "Baltic Wholesale", (2,), 0.03),
        ("export", "Levant Trading", (4,), 0.05),
        ("export", "Aegean Import", (4,), 0.05),
        ("online", "Korbhaus", (0, 3), 0.00),
    ],
    schema=["segment", "customer", "weekdays", "over"],
    orient="row",
)

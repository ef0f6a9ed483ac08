"""A small sound company as the text of its files; a test breaks one thing in it."""

from __future__ import annotations

from pathlib import Path

SETTINGS = """company = "Small"
currency = "EUR"
as_of = "2026-11-16"
"""
FILES = {
    "settings.toml": SETTINGS,
    "items.csv": "item,description,family,unit,standard_cost,price,end_value\n"
    "FG,Finished,Fam,each,6,20,5\n"
    "RM,Resin,Raw,kg,2,,1\n",
    "locations.csv": "location,kind,storage_capacity\nP,plant,\nM,market,\n",
    "resources.csv": "resource,location,kind,hourly_cost\nL1,P,line,40\n",
    "calendar.csv": "resource,period,hours\nL1,2026-W47,40\nL1,2026-W49,40\n",
    "routings.csv": "routing,item,location,cost_per_unit,yield,maximum,valid_from,valid_to\n"
    "R,FG,P,1,0.9,,,2026-11-30\n"
    "R,FG,P,1,0.9,,2026-12-01,\n",
    "operations.csv": "routing,step,resource,hours_per_unit,units_per_hour\nR,fill,L1,0.1,\n",
    "components.csv": "routing,component,quantity\nR,RM,2\n",
    "offers.csv": "offer,supplier,item,location,unit_cost,lead_time_days\nO,Kobe,RM,P,2,7\n",
    "lanes.csv": "lane,origin,destination,item,lead_time_days,cost_per_unit\nP>M,P,M,,2,0.5\n",
    "customers.csv": "customer,segment,priority,late_cost,latest_days\nC1,A,1,0.5,14\n",
    "forecast.csv": "item,location,customer,period,quantity,committed,price\n"
    "FG,M,C1,2026-W48,100,10,20\n"
    "FG,M,C1,2026-W49,120,0,\n"
    "FG,M,C1,2027-01,50,0,20\n",
    "orders.csv": "order,item,location,customer,due_on,quantity,committed,price\n1,FG,M,C1,2026-11-20,7,7,21\n",
    "inventory.csv": "item,location,lot,on_hand\nFG,M,,30\nRM,P,,500\n",
    "receipts.csv": "receipt,kind,item,location,due_on,quantity,offer\nX1,buy,RM,P,2026-11-25,100,O\n",
    "policies.csv": "item,location,safety_stock,maximum_stock,below_safety_cost\nFG,M,10,,1\n",
    "events.csv": "event,kind,target,from,to,hours,days\nE1,downtime,L1,2026-11-17,2026-11-19,24,\n",
    "consensus.csv": "fiscal_month,family,location,measure,quantity,amount\n2026-12,Fam,,sales,500,9000\n",
    "deliveries.csv": "receipt,kind,item,location,offer,ordered_on,promised_on,arrived_on,quantity\n"
    "X0,buy,RM,P,O,2026-09-07,2026-09-14,2026-09-16,100\n",
    "actuals.csv": "date,measure,item,location,customer,quantity\n2026-11-12,sales,FG,M,C1,20\n",
}


def write(folder: Path, changes: dict[str, str | bytes | None] | None = None) -> Path:
    """The company's extract in a folder, some files replaced (None: left out)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {**FILES, **(changes or {})}.items():
        if content is not None:
            raw = content if isinstance(content, bytes) else content.encode()
            (folder / name).write_bytes(raw)
    return folder


def swap(file: str, old: str, new: str) -> dict[str, str | bytes | None]:
    """The company with one text in one file replaced; the text must be there."""
    assert old in FILES[file], f"{old!r} is not in {file}"
    return {file: FILES[file].replace(old, new)}


def add(file: str, *rows: str) -> dict[str, str | bytes | None]:
    """The company with rows added at the end of one file."""
    return {file: FILES[file] + "".join(f"{row}\n" for row in rows)}

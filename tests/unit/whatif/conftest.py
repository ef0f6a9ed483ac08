"""One tiny company for all scenario tests: a plant with two lines, two suppliers, two customers."""

from __future__ import annotations

from pathlib import Path

import pytest

from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.checks import read

FILES = {
    # 16 November 2026 is a Monday: 14 days, then ISO weeks W49 and W50
    "settings.toml": 'company = "Tiny"\ncurrency = "EUR"\nas_of = "2026-11-16"\n[horizon]\nweeks = 4\n'
    '[forecast]\nversion = "now"\n[control]\nforecast = 5\n',
    "items.csv": "item,family,standard_cost,price\nA,Fam,4,10\nB,Other,5,12\nR,Raw,1,\n",
    "locations.csv": "location,kind\nP,plant\nM,market\n",
    "resources.csv": "resource,location,hourly_cost\nL1,P,20\nL2,P,30\n",
    "calendar.csv": "resource,period,date,hours,overtime_hours\n"
    "L1,2026-W48,,40,10\nL1,2026-W49,,40,0\n"
    "L2,,2026-11-23,8,0\nL2,,2026-11-24,8,0\nL2,2026-W49,,35,0\n",
    "routings.csv": "routing,item,location\nmake A,A,P\nmake B,B,P\n",
    "operations.csv": "routing,step,resource,hours_per_unit\nmake A,fill,L1,0.1\nmake A,fill,L2,0.1\nmake B,fill,L2,0.2\n",
    "components.csv": "routing,component,quantity\nmake A,R,1\nmake B,R,1\n",
    "offers.csv": "offer,supplier,item,location,unit_cost,lead_time_days,maximum\n"
    "R1,Kobe,R,P,1,7,\nR2,Osaka,R,P,1.5,3,500\n",
    "lanes.csv": "lane,origin,destination,item,lead_time_days,cost_per_unit\nP>M,P,M,,1,0.5\nair,P,M,A,0,3\n",
    "customers.csv": "customer,segment,priority,short_cost,latest_days\nC1,gold,1,5,14\nC2,tin,2,1,14\n",
    "forecast.csv": "item,location,customer,period,version,quantity\n"
    "A,M,C1,2026-W48,now,103\nA,M,C1,2026-W49,now,200\nB,M,C2,2026-W48,now,50\nA,M,C2,2026-12,now,60\n"
    "A,M,C1,2026-W48,old,90\n",
    "orders.csv": "order,item,location,customer,due_on,quantity,price\nO1,A,M,C1,2026-11-25,10,11\nO2,B,M,C2,2026-12-01,5,\n",
    "inventory.csv": "item,location,on_hand\nR,P,300\nA,M,40\n",
    "receipts.csv": "receipt,kind,item,location,due_on,quantity,offer,lane\n"
    "X1,buy,R,P,2026-11-18,100,R1,\nX2,buy,R,P,2026-11-20,50,R2,\nX3,ship,A,M,2026-11-17,20,,air\n",
    "events.csv": "event,kind,target,from,to,hours\nE1,downtime,L2,2026-11-30,2026-12-01,6\n",
}


@pytest.fixture
def tiny(tmp_path: Path) -> Snapshot:
    """The company, read and checked like any other."""
    folder = tmp_path / "2026-11-16"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return read(folder)

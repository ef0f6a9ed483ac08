"""schema.csv against the data contract: it is the one source of checks, documentation and the Excel template."""

from __future__ import annotations

from datetime import date

import pytest

from soe_lib.extract.schema import Column, contract, schema

KEYS = {
    "periods": "period", "items": "item", "locations": "location", "location_groups": "group",
    "resources": "resource", "calendar": "resource period date", "workforce": "resource",
    "maintenance": "maintenance", "expansions": "expansion",
    "routings": "routing valid_from", "operations": "routing step resource", "components": "routing component",
    "changeovers": "resource from_family to_family",
    "co_products": "routing item", "offers": "offer valid_from", "offer_prices": "offer period date",
    "lanes": "lane valid_from", "lane_resources": "lane item resource", "closures": "what date",
    "customers": "customer",
    "forecast": "item location customer period date version", "forecast_errors": "item location period probability",
    "orders": "order",
    "substitutions": "item substitute customer", "inventory": "item location lot", "receipts": "receipt",
    "policies": "item location", "events": "event", "consensus": "fiscal_month family location measure",
    "budget": "fiscal_month family location account measure",
    "targets": "year measure",
    "actuals": "date measure item location resource customer", "units": "item unit", "currencies": "currency month",
    "overrides": "override", "deliveries": "receipt arrived_on",
}  # fmt: skip


@pytest.mark.parametrize("table", KEYS)
def test_keys(table: str) -> None:
    assert " ".join(schema()[table].key) == KEYS[table]


def test_no_table_is_missing_or_strange() -> None:
    assert set(schema()) == set(KEYS)


def test_references_point_to_columns() -> None:
    for table in schema().values():
        for column in table.columns:
            if column.references:
                target, _, name = column.references.partition(".")
                assert schema()[target][name].key, f"{table.name}.{column.name}"


def test_every_column_says_what_it_means_and_every_number_its_unit() -> None:
    for table in schema().values():
        for column in table.columns:
            assert column.meaning, f"{table.name}.{column.name}"
            if column.type == "number" and column.name not in ("factor",):
                assert column.unit, f"{table.name}.{column.name}"


COLUMNS = [column for table in schema().values() for column in table.columns]


@pytest.mark.parametrize("column", COLUMNS, ids=[f"{one.table}.{one.name}" for one in COLUMNS])
def test_every_column_has_an_example_that_the_contract_allows(column: Column) -> None:
    read = {
        "text": str,
        "number": float,
        "integer": int,
        "date": date.fromisoformat,
        "yes-no": lambda cell: {"yes": True, "no": False, "true": True, "false": False}[cell],
    }
    value = read[column.type](column.example)
    assert value != ""
    assert not column.choices or value in column.choices
    assert column.minimum is None or value >= column.minimum
    assert f"Example: {column.example}" in " ".join(contract(column.table).split())


def test_defaults_of_the_contract() -> None:
    expected = {"items.volume": 1.0, "routings.yield": 1.0, "routings.lead_time_days": 0.0, "locations.status": "open",
                "locations.may_change": False, "offers.expedite": False, "workforce.whole": False,
                "calendar.hours": 0.0, "forecast.committed": 0.0, "policies.maximum_stock": None,
                "routings.maximum": None, "locations.storage_capacity": None}  # fmt: skip
    for path, value in expected.items():
        table, _, column = path.partition(".")
        assert schema()[table][column].default == value, path

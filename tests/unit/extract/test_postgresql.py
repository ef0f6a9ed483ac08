"""Tables out of a real PostgreSQL server: read only, values bound, the password nowhere, a lost server a finding."""

from __future__ import annotations

import base64
import contextlib
import csv
import json
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from soe_lib.extract.check import CheckReport, check, check_page, origins
from soe_lib.extract.databases import Database, LostError
from soe_lib.model.checks import read
from tests.postgres import CANARY, Server, binary, running
from tests.unit.extract.company import FILES, write

pytestmark = pytest.mark.skipif(
    binary("postgres") is None, reason="NO POSTGRESQL SERVER: queries are not tested (apt-get install postgresql)"
)
TABLES = [name.removesuffix(".csv") for name in FILES if name.endswith(".csv")]
NOTHING: dict[str, str | bytes | None] = dict.fromkeys((f"{name}.csv" for name in TABLES), None)
TYPED = {"quantity": "numeric(18, 4)", "on_hand": "double precision", "due_on": "date", "hours": "integer"}


def create(server: Server, schema: str) -> None:
    """The small company as tables of a schema."""
    server.run(f"DROP SCHEMA IF EXISTS {schema} CASCADE", f"CREATE SCHEMA {schema}")
    with psycopg.connect(server.address, autocommit=True) as connection:
        for name in TABLES:
            head, *rows = list(csv.reader(FILES[f"{name}.csv"].splitlines()))
            columns = ", ".join(f'"{column}" {TYPED.get(column, "text")}' for column in head)
            connection.execute(f'CREATE TABLE {schema}."{name}" ({columns})')
            for row in rows:
                values = [value or None for value in row]
                connection.execute(f'INSERT INTO {schema}."{name}" VALUES ({", ".join(["%s"] * len(row))})', values)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as one:
        create(one, "planning")
        yield one


@pytest.fixture
def erp(server: Server, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setenv("SOE_ERP", server.address)
    return Database(name="erp", kind="postgresql", address="SOE_ERP")


def toml(**queries: str) -> str:
    lines = ["[sources.erp]", 'kind = "postgresql"', 'address = "SOE_ERP"']
    for name in TABLES:
        lines += [f"[tables.{name}]", 'source = "erp"']
        lines += [f"query = '''{queries[name]}'''"] if name in queries else [f'relation = "planning.{name}"']
    return "\n".join(lines) + "\n"


def everything(report: CheckReport) -> str:
    return "\n".join([report.text(), json.dumps(report.to_dict()), check_page(report)])


def assert_hidden(text: str) -> None:
    coded = base64.b64encode(CANARY.encode()).decode()
    for form in (CANARY, quote(CANARY, safe=""), quote(CANARY), coded, "Kanari", "vogel"):
        assert form not in text


@pytest.mark.usefixtures("erp")
def test_a_company_out_of_a_server_is_that_of_its_files(tmp_path: Path) -> None:
    query = "SELECT * FROM planning.orders WHERE due_on >= :as_of AND 'a:b' = 'a:b' -- :not_asked\n"
    mapped = write(tmp_path / "sql", {**NOTHING, "sources.toml": toml(orders=query)})
    assert read(mapped).fingerprint == read(write(tmp_path / "csv")).fingerprint
    found = origins(mapped)
    assert {one.table: one.rows for one in found.tables}["forecast"] == 3
    assert {one.origin for one in found.tables if one.table == "orders"} == {"erp, query"}


def test_parameters_are_bound_and_never_pasted(erp: Database) -> None:
    hostile = "x'; DROP TABLE planning.items; --"
    found = erp.answer(
        "SELECT :company::text AS company, :as_of::date AS day", {"company": hostile, "as_of": date(2026, 11, 16)}
    )
    assert found.row(0) == (hostile, date(2026, 11, 16))
    assert erp.relation("planning.items", ()).height == 2


@pytest.mark.parametrize(
    "query",
    [
        "WITH gone AS (DELETE FROM planning.items RETURNING *) SELECT * FROM gone",
        "SELECT 1; DELETE FROM planning.items",
        "SELECT 1; COMMIT; DELETE FROM planning.items",
        "DELETE FROM planning.items",
        "SELECT * INTO planning.copied FROM planning.items",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT nextval('planning.numbers')",
    ],
)
def test_nothing_is_written(query: str, erp: Database, server: Server) -> None:
    server.run("CREATE SEQUENCE IF NOT EXISTS planning.numbers")
    with pytest.raises(Exception, match=r"does not begin with|more than one|gave no table"):
        erp.answer(query, {})
    assert erp.relation("planning.items", ()).height == 2


def test_what_a_function_does_in_spite_of_it_is_undone(erp: Database) -> None:
    count = "SELECT count(*) AS count FROM pg_largeobject_metadata"
    with contextlib.suppress(LostError):  # PostgreSQL 16 refuses it, 15 does not
        erp.answer("SELECT lo_create(4711) AS made", {})
    assert erp.answer(count, {}).item() == 0


@pytest.mark.parametrize("name", ['items"; DROP TABLE planning.items; --', "planning.items WHERE true", "", "a.b.c.d"])
def test_names_are_of_plain_letters(name: str, erp: Database) -> None:
    with pytest.raises(Exception, match="Not a name"):
        erp.relation(name, ())


def test_columns_are_those_that_the_database_lists(erp: Database) -> None:
    with pytest.raises(Exception, match=r"no column unit;--"):
        erp.relation("planning.items", ("item", "unit;--"))


def test_12_a_server_that_ends_the_query_midway(tmp_path: Path, server: Server, erp: Database) -> None:
    slow = "SELECT item, location, customer, period, quantity, pg_sleep(30)::text AS note FROM planning.forecast"
    folder = write(tmp_path, {**NOTHING, "sources.toml": toml(forecast=slow)})
    reports: list[CheckReport] = []
    reading = threading.Thread(target=lambda: reports.append(check(folder)))
    reading.start()
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'soe' AND query LIKE '%pg_sleep%'"
    until = time.monotonic() + 60
    while reading.is_alive() and time.monotonic() < until:
        server.run(kill)
        time.sleep(0.2)
    reading.join(60)
    (report,) = reports
    assert not report.ok
    lost = [one for one in report.findings if one.file == "erp, query"]
    assert [(one.level, one.table) for one in lost] == [("stop", "forecast")]
    assert "gave no table" in lost[0].rule
    assert_hidden(everything(report))
    del erp


@pytest.mark.parametrize("fault", ["wrong password", "no such server", "no such host", "no address", "damaged"])
def test_the_password_is_nowhere(fault: str, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = quote(CANARY, safe="")
    addresses = {
        "wrong password": f"postgresql://planner:{secret}x@127.0.0.1:{server.port}/postgres",
        "no such server": f"postgresql://planner:{secret}@127.0.0.1:1/postgres",
        "no such host": f"postgresql://planner:{secret}@nowhere.invalid/postgres",
        "no address": "",
        "damaged": f"postgresql://planner:{CANARY}@127.0.0.1:{server.port}/postgres",
    }
    monkeypatch.setenv("SOE_ERP", addresses[fault])
    folder = write(tmp_path, {**NOTHING, "sources.toml": toml()})
    report = check(folder)
    assert not report.ok
    assert_hidden(everything(report))
    with pytest.raises(LostError) as caught:
        Database(name="erp", kind="postgresql", address="SOE_ERP").answer("SELECT 1 AS one", {})
    assert_hidden("".join(traceback.format_exception(caught.value)))


def test_what_the_server_says_of_the_query_is_shown_without_the_password(erp: Database) -> None:
    with pytest.raises(LostError, match="nosuch") as caught:
        erp.answer(f"SELECT nosuch, '{CANARY}' FROM planning.items", {})
    assert_hidden("".join(traceback.format_exception(caught.value)))


def test_an_address_in_the_file_is_refused_and_not_shown(tmp_path: Path) -> None:
    text = toml().replace("SOE_ERP", f"postgresql://planner:{CANARY}@127.0.0.1/postgres")
    report = check(write(tmp_path, {**NOTHING, "sources.toml": text}))
    assert any(one.column == "sources.erp.address" for one in report.findings)
    assert_hidden(everything(report))


@pytest.mark.usefixtures("erp")
def test_numerics_without_a_scale_are_numbers(tmp_path: Path) -> None:
    """Two divisions give more digits than a decimal of a frame holds; NaN is no number and stops."""
    cost = "SELECT 'FG' AS item, 'Fam' AS family, 'each' AS unit, 20::numeric AS price, (77.7::numeric/3)/7*(1+1::numeric/3) AS standard_cost"
    folder = write(
        tmp_path / "x", {**NOTHING, "sources.toml": toml(items=f"{cost} UNION SELECT 'RM', 'Raw', 'kg', NULL, 2")}
    )
    assert read(folder)["items"].filter(item="FG")["standard_cost"][0] == pytest.approx(77.7 / 3 / 7 * 4 / 3, rel=1e-15)
    stops = f"{cost} UNION SELECT 'RM', 'Raw', 'kg', NULL, 'NaN'::numeric"
    folder = write(tmp_path / "y", {**NOTHING, "sources.toml": toml(items=stops)})
    (found,) = [one for one in check(folder).findings if one.level == "stop"]
    assert (found.column, found.rule) == ("standard_cost", "Not a number.")


@pytest.mark.usefixtures("erp")
def test_a_month_that_a_database_gives_as_a_day_needs_a_word(tmp_path: Path) -> None:
    month = (
        "SELECT 'FG' AS item, 'M' AS location, date_trunc('month', date '2026-12-15')::date AS period, 90.0 AS quantity"
    )
    bare = toml(forecast=month)
    stopped = [
        one for one in check(write(tmp_path / "x", {**NOTHING, "sources.toml": bare})).findings if one.level == "stop"
    ]
    assert [(one.table, one.column) for one in stopped] == [("forecast", "period")]
    said = write(tmp_path / "y", {**NOTHING, "sources.toml": '[conventions]\nperiods = "month"\n' + bare})
    assert read(said)["forecast"]["period"].to_list() == ["2026-12"]

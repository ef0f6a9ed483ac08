"""What of sources.toml is sent to a database, and what is not; SQLite and DuckDB read and do nothing else."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import duckdb
import pytest

from soe_lib.extract.databases import Database, LostError, RefusedError, scrub, statement


@pytest.mark.parametrize(
    ("query", "sent", "names"),
    [
        ("SELECT :as_of", "SELECT %(as_of)s", ("as_of",)),
        ("SELECT ':as_of', a::date", "SELECT ':as_of', a::date", ()),
        ("SELECT a FROM b -- :nothing\nWHERE c LIKE 'x%';", "SELECT a FROM b  \nWHERE c LIKE 'x%%'", ()),
        ("WITH a AS (SELECT $$;:x$$) SELECT * FROM a", "WITH a AS (SELECT $$;:x$$) SELECT * FROM a", ()),
        ('SELECT ":as_of" /* ; */ FROM a', 'SELECT ":as_of"   FROM a', ()),
    ],
)
def test_parameters(query: str, sent: str, names: tuple[str, ...]) -> None:
    assert statement(query, "postgresql") == (sent, names)


@pytest.mark.parametrize(
    "query", ["", "DROP TABLE a", "SELECT 1; SELECT 2", "SELECT :password", "/* SELECT */ DELETE FROM a"]
)
def test_refused(query: str) -> None:
    with pytest.raises(RefusedError):
        statement(query, "postgresql")


@pytest.fixture
def lite(tmp_path: Path) -> Database:
    with sqlite3.connect(tmp_path / "a.sqlite") as connection:
        connection.execute("CREATE TABLE items (item TEXT)")
        connection.execute("INSERT INTO items VALUES ('00123')")
    connection.close()
    return Database(name="a", kind="sqlite", path="a.sqlite", folder=tmp_path)


def test_sqlite_reads_and_nothing_else(lite: Database, tmp_path: Path) -> None:
    assert lite.relation("items", ()).to_dict(as_series=False) == {"item": ["00123"]}
    for query in ("WITH a AS (SELECT 1) INSERT INTO items SELECT 'x'", "SELECT load_extension('x')"):
        with pytest.raises(LostError):
            lite.answer(query, {})
    with pytest.raises(RefusedError):
        lite.answer(f"ATTACH '{tmp_path / 'b'}' AS b", {})
    assert lite.relation("items", ("item",)).height == 1


def test_duckdb_reads_its_own_file_and_nothing_else(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "a.duckdb")) as connection:
        connection.execute("CREATE TABLE items AS SELECT '00123' AS item")
    (tmp_path / "secret.csv").write_text("a\n1\n")
    base = Database(name="a", kind="duckdb", path="a.duckdb", folder=tmp_path)
    assert base.answer("SELECT item, :as_of AS day FROM items", {"as_of": "2026-11-16"}).rows() == [
        ("00123", "2026-11-16")
    ]
    with pytest.raises(LostError):
        base.answer(f"SELECT * FROM read_csv('{tmp_path / 'secret.csv'}')", {})


@pytest.mark.parametrize("address", ["postgresql://u:pa%2Fss@h/d", "host=h password='pa/ss' user=u"])
def test_a_password_is_scrubbed_in_every_writing(address: str) -> None:
    said = f"no: {address} pa/ss pa%2Fss cGEvc3M="
    for word in ("pa/ss", "pa%2Fss", "cGEvc3M"):
        assert word not in scrub(said, address)

"""Files as people have them: separators that Excel states, columns and rows without content, encodings, dates, numbers."""

from __future__ import annotations

import sqlite3
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from soe_lib.extract.databases import _series
from soe_lib.model.checks import check, read
from tests.unit.extract.company import FILES, write

HEAD = "order,item,location,customer,due_on,quantity,committed,price"
ROWS = ("1,FG,M,C1,2026-11-20,7,7,21", "2,FG,M,C1,2026-11-27,1234.5,0,")
PLAIN = "\n".join([HEAD, *ROWS]) + "\n"


def mapped(folder: Path, content: str | bytes, *said: str) -> Path:
    """The company whose orders are another file, with these lines of sources.toml."""
    sources = "\n".join(["[tables.orders]", 'file = "auftrag.csv"', *said]) + "\n"
    return write(folder, {"orders.csv": None, "auftrag.csv": content, "sources.toml": sources})  # type: ignore[dict-item]


def fingerprint(folder: Path) -> str:
    return read(folder).fingerprint


@pytest.mark.parametrize(
    "text",
    [
        "sep=,\n" + PLAIN,
        '"sep=,"\r\n' + PLAIN.replace("\n", "\r\n"),
        "sep=;\n" + PLAIN.replace(",", ";"),
        "SEP=;;;\n" + PLAIN.replace(",", ";"),
        "\n\n" + PLAIN,
        "\n".join([HEAD + ",", *(row + "," for row in ROWS)]) + "\n",
        "\n".join([HEAD + ",,,", *ROWS]) + "\n",
        "\n".join([HEAD, *(row + ",,," for row in ROWS)]) + "\n",
        "\n".join([HEAD + ",", ROWS[0] + ",", ROWS[1]]) + "\n",
        PLAIN + ",,,,,,,\n" * 3,
        PLAIN + ",,,,,,,,,,\n\n ,,, ,,,,\n",
        PLAIN.replace("C1,", '"C1",') + " \n",
        PLAIN.replace(",C1", ",,C1").replace("customer", ",customer"),
        PLAIN.replace("\n", "\r"),
    ],
)
def test_what_surrounds_a_table_is_not_part_of_it(text: str, tmp_path: Path) -> None:
    plain = write(tmp_path / "plain", {"orders.csv": PLAIN})
    assert fingerprint(write(tmp_path / "other", {"orders.csv": text})) == fingerprint(plain)


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    text = "sep=;\n\n" + PLAIN.replace(",", ";").replace(";7;7;", ";x;7;") + ";;;;;;;\n"
    (found,) = [one for one in check(write(tmp_path, {"orders.csv": text})).findings if one.level == "stop"]
    assert (found.rows, found.column, found.value) == ((4,), "quantity", "x")


@pytest.mark.parametrize(
    ("text", "rows", "says"),
    [
        ("\n".join([HEAD + ",", ROWS[0] + ",", ROWS[1] + ",why"]), (3,), "Column 9 holds values and has no name"),
        ("\n".join([HEAD, ROWS[0], ROWS[1] + ",,why"]), (3,), "More values than the 8 columns"),
        ("\n".join([HEAD + ",", ROWS[0], ROWS[1][:-9]]), (2, 3), "Fewer values"),
        (",,,\n1,2,3,4\n", (1,), "No column has a name"),
        (HEAD + ",price\n" + ROWS[0] + ",3\n", (1,), "Duplicate column: 'price'"),
    ],
)
def test_what_is_part_of_it_is_named(text: str, rows: tuple[int, ...], says: str, tmp_path: Path) -> None:
    stopped = [one for one in check(write(tmp_path, {"orders.csv": text})).findings if one.level == "stop"]
    assert any(says in one.rule and set(one.rows) <= set(rows) and one.file == "orders.csv" for one in stopped)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "cp1252", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_declared_encoding(encoding: str, ends: str, tmp_path: Path) -> None:
    items = FILES["items.csv"].replace("Finished", "Größe")
    said = f'[tables.items]\nfile = "items.csv"\nencoding = "{encoding}"\n'
    content = items.replace("\n", ends).encode(encoding)
    if encoding in ("utf-16-le", "utf-16-be"):
        content = "\ufeff".encode(encoding) + content
    other = write(tmp_path / "other", {"items.csv": content, "sources.toml": said})
    assert fingerprint(other) == fingerprint(write(tmp_path / "plain", {"items.csv": items}))


def test_utf_16_without_a_word_says_how(tmp_path: Path) -> None:
    folder = write(tmp_path, {"items.csv": FILES["items.csv"].encode("utf-16")})
    (found,) = [one for one in check(folder).findings if one.file == "items.csv"]
    assert 'encoding = "utf-16"' in found.fix


@pytest.mark.parametrize(
    ("convention", "cell", "day"),
    [
        ("dd.mm.yyyy", "5.11.2026", date(2026, 11, 5)),
        ("dd.mm.yyyy", "05.1.2027", date(2027, 1, 5)),
        ("mm/dd/yyyy", "11/5/2026", date(2026, 11, 5)),
        ("dd/mm/yyyy", "11/5/2026", date(2026, 5, 11)),
        ("dd-mm-yyyy", "5-11-2026", date(2026, 11, 5)),
        ("yyyy/mm/dd", "2026/1/5", date(2026, 1, 5)),
        ("yyyymmdd", "20261105", date(2026, 11, 5)),
        ("dd.mm.yy", "5.11.26", date(2026, 11, 5)),
        ("mm/dd/yy", "11/05/26", date(2026, 11, 5)),
        ("dd.mm.yyyy", "5.11.26", None),
        ("dd.mm.yyyy", "5.11.0026", None),
        ("dd.mm.yy", "5.11.2026", None),
        ("dd.mm.yyyy", "31.02.2027", None),
        ("mm/dd/yyyy", "13/5/2026", None),
        ("yyyymmdd", "2026115", None),
    ],
)
def test_dates_without_their_zeros(convention: str, cell: str, day: date | None, tmp_path: Path) -> None:
    text = PLAIN.replace("2026-11-20", cell).replace("2026-11-27", cell)
    folder = mapped(tmp_path, text, f'dates = "{convention}"')
    if day is not None:
        assert read(folder)["orders"]["due_on"].to_list() == [day, day]
        return
    stopped = [one for one in check(folder).findings if one.level == "stop" and one.column == "due_on"]
    assert stopped[0].rows == (2, 3)
    assert ("two digits" in stopped[0].fix) == (cell == "5.11.26")


@pytest.mark.parametrize("cell", ["5.11.2026", "11/5/2026", "5.11.26"])
def test_dates_that_nobody_declared_say_how(cell: str, tmp_path: Path) -> None:
    folder = write(tmp_path, {"orders.csv": PLAIN.replace("2026-11-20", cell)})
    assert "declare `dates` in sources.toml" in check(folder).text()


@pytest.mark.parametrize(
    ("said", "cell", "value"),
    [
        ('decimal = ","\nthousands = "."', '"1.234,50"', 1234.5),
        ('decimal = ","\nthousands = " "', '"1\u00a0234,50"', 1234.5),
        ('decimal = ","\nthousands = " "', '"1\u202f234,50"', 1234.5),
        ('decimal = "."\nthousands = "\u2019"', "1'234.50", 1234.5),
        ('decimal = ","\nthousands = "."\nnegatives = "trailing"', '"1.234,50-"', -1234.5),
        ('decimal = ","\nthousands = "."\nnegatives = "brackets"', '"(1.234,50)"', -1234.5),
    ],
)
def test_numbers_by_declared_convention(said: str, cell: str, value: float, tmp_path: Path) -> None:
    text = f"date,measure,item,location,customer,quantity\n2026-11-12,sales,FG,M,C1,{cell}\n"
    sources = f'[tables.actuals]\nfile = "ist.csv"\n{said}\n'
    folder = write(tmp_path, {"actuals.csv": None, "ist.csv": text, "sources.toml": sources})
    assert read(folder)["actuals"]["quantity"].to_list() == [value]


def test_a_trailing_minus_says_how(tmp_path: Path) -> None:
    folder = write(tmp_path, {"orders.csv": PLAIN.replace(",7,7,", ",7-,7,")})
    assert 'negatives = "trailing"' in check(folder).text()


def test_all_columns_that_are_not_named_may_be_ignored(tmp_path: Path) -> None:
    text = PLAIN.replace("order,", "NR,").replace("\n", ",\n").replace("price,", "price,MANDT")
    folder = mapped(tmp_path, text, 'columns = { order = "NR" }', 'ignore = ["MANDT"]')
    assert read(folder)["orders"].height == 2


def test_a_file_that_is_not_there_names_its_folder(tmp_path: Path) -> None:
    folder = mapped(tmp_path, PLAIN, "")
    (folder / "auftrag.csv").unlink()
    assert f"No file fits auftrag.csv in {folder}." in check(folder).text()


def test_a_relative_folder_reads_its_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    company = tmp_path / "company"
    day = write(company / "2026-11-16", {"items.csv": None, "MAT.csv": FILES["items.csv"]})
    (company / "sources.toml").write_text('[tables.items]\nfile = "{as_of}/MAT.csv"\n', encoding="utf-8")
    whole = [str(one) for one in check(day).findings]
    for start, name in ((tmp_path, "company"), (company, "2026-11-16"), (company, "."), (day, ".")):
        monkeypatch.chdir(start)
        assert [str(one) for one in check(name).findings if one.file != "settings.toml"] == whole, name


def test_numbers_of_any_scale_and_kind() -> None:
    """Two divisions in PostgreSQL give more digits than a decimal of a frame holds; SQLite mixes kinds in a column."""
    long = Decimal("137.05185185185185185185185185185185185185185185")
    assert _series("x", (long, Decimal("1.50"), None)).to_list() == [float(long), 1.5, None]
    assert _series("x", (Decimal("4711"), Decimal("12.00"))).to_list() == [4711, 12]
    assert _series("x", (1, 2.5, Decimal("0.1"))).to_list() == [1.0, 2.5, 0.1]
    assert str(_series("x", (Decimal("NaN"), Decimal(1))).to_list()) == "[nan, 1.0]"
    assert _series("x", (Decimal("Infinity"), 1)).to_list() == [float("inf"), 1.0]
    assert [str(one) for one in _series("x", (2**70, 1))] == [str(2**70), "1"]
    assert _series("x", (12345678901234567, 1)).to_list() == [12345678901234567, 1]


def test_a_database_of_mixed_numbers_keeps_to_no_convention_of_text(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "erp.db") as erp:
        erp.execute("CREATE TABLE vbap ('order', item, location, due_on, quantity)")
        erp.execute("INSERT INTO vbap VALUES ('1', 'FG', 'M', '2026-11-20', 1.5), ('2', 'FG', 'M', '2026-11-20', 2)")
    sources = '[conventions]\ndecimal = ","\n[sources.erp]\nkind = "sqlite"\npath = "../erp.db"\n'
    sources += '[tables.orders]\nsource = "erp"\nrelation = "vbap"\n'
    sources += "".join(f'[tables.{name[:-4]}]\nfile = "{name}"\ndecimal = "."\n' for name in FILES
                       if name.endswith(".csv") and name != "orders.csv")  # fmt: skip
    folder = write(tmp_path / "x", {"orders.csv": None, "sources.toml": sources})
    assert read(folder)["orders"]["quantity"].to_list() == [1.5, 2.0]


@pytest.mark.parametrize("said", ["", 'dates = "yyyy/mm/dd"'])
def test_a_year_that_lost_its_century_stops(said: str, tmp_path: Path) -> None:
    mark = "/" if said else "-"
    text = PLAIN.replace("2026-11-20", f"0026{mark}11{mark}20").replace("2026-11-27", f"2026{mark}11{mark}27")
    stopped = [one for one in check(mapped(tmp_path, text, said)).findings if one.level == "stop"]
    assert {(one.rows, one.column) for one in stopped} == {((2,), "due_on")}


def test_a_line_break_in_quotes_among_rows_of_unlike_length(tmp_path: Path) -> None:
    text = 'sep=;\nitem;description;family;unit;price\nFG;"Line one\nand ""two"";";Fam;each;20;;\nRM;Resin;Raw;kg;x\n'
    (found,) = [
        one
        for one in check(write(tmp_path / "a", {"items.csv": text})).findings
        if one.column == "price" and one.level == "stop"
    ]
    assert found.rows == (5,)
    sound = write(tmp_path / "b", {"items.csv": text.replace(";x", ";2")})
    assert read(sound)["items"].filter(item="FG")["description"].item() == 'Line one\nand "two";'


@pytest.mark.parametrize(
    ("head", "named"),
    [
        ("Order,ITEM,Location,Customer,Due on,QUANTITY,committed,price", 6),
        ("order,item,location,customer,due-on,quantity,committed,price", 1),
    ],
)
def test_headings_in_another_case_are_read_and_said(head: str, named: int, tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"orders.csv": PLAIN.replace(HEAD, head)})
    assert fingerprint(other) == fingerprint(write(tmp_path / "plain", {"orders.csv": PLAIN}))
    (said,) = [one.rule for one in read(other).findings if "Headings" in one.rule]
    assert said.count(",") == named - 1


def test_two_headings_for_one_column_are_not_chosen_among(tmp_path: Path) -> None:
    text = PLAIN.replace(HEAD, HEAD.replace("price", "Price").replace("committed", "PRICE"))
    assert any(one.level == "stop" for one in check(write(tmp_path, {"orders.csv": text})).findings)


def test_a_title_above_the_names_is_named(tmp_path: Path) -> None:
    stopped = [
        one
        for one in check(write(tmp_path, {"orders.csv": f"Orders of week 47,,,\n{PLAIN}"})).findings
        if one.level == "stop"
    ]
    assert [one.rule for one in stopped] == ["The column names are in line 2, not in the first line."]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_named(encoding: str, tmp_path: Path) -> None:
    folder = write(tmp_path, {"items.csv": FILES["items.csv"].encode(encoding)})
    assert f'encoding = "{encoding}"' in check(folder).text()


def test_a_section_without_a_file_is_of_the_tables_own(tmp_path: Path) -> None:
    text = PLAIN.replace(",", ";").replace("2026-11-20", "20.11.2026").replace("2026-11-27", "27.11.2026")
    said = '[tables.orders]\nseparator = ";"\ndates = "dd.mm.yyyy"\n'
    other = write(tmp_path / "other", {"orders.csv": text, "sources.toml": said})
    assert fingerprint(other) == fingerprint(write(tmp_path / "plain", {"orders.csv": PLAIN}))
    (other / "orders.csv").unlink()
    (found,) = [one for one in check(other).findings if one.level == "stop"]
    assert (found.column, found.rule) == ("tables.orders", "Nothing is delivered for this table.")
    both = said + 'source = "erp"\n'
    assert (
        "needs one of file, query" in check(write(tmp_path / "both", {"orders.csv": text, "sources.toml": both})).text()
    )

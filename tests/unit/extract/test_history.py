"""Against the weeks before: the same bytes again, and files that are not as long as usual."""

from __future__ import annotations

from pathlib import Path

from soe_lib.model.checks import check
from tests.unit.extract.company import FILES, SETTINGS, write

DAYS = ("2026-10-26", "2026-11-02", "2026-11-09")
HEAD = FILES["orders.csv"].splitlines()[0]


def orders(count: int, start: int = 0) -> str:
    return "\n".join([HEAD, *(f"{start + n},FG,M,C1,2026-11-20,1,,21" for n in range(count))]) + "\n"


def weeks(folder: Path, this_week: str, last_weeks: int = 40) -> Path:
    for n, day in enumerate(DAYS):
        changes = {"settings.toml": SETTINGS.replace("2026-11-16", day), "orders.csv": orders(last_weeks, 1000 * n)}
        write(folder / day, changes)
    write(folder / "2026-11-16", {"orders.csv": this_week})
    return folder


def test_a_usual_week_has_no_findings(tmp_path: Path) -> None:
    assert check(weeks(tmp_path, orders(50))).findings == ()


def test_half_a_file(tmp_path: Path) -> None:
    found = check(weeks(tmp_path, orders(20))).findings
    assert [(one.level, one.file) for one in found] == [("warn", "orders.csv")]
    assert "20 rows, where the median of 3 weeks is 40" in found[0].rule


def test_last_weeks_bytes(tmp_path: Path) -> None:
    found = check(weeks(tmp_path, orders(40, 2000))).findings
    assert [(one.level, one.rule) for one in found] == [
        ("stop", "Identical byte for byte to orders.csv of 2026-11-09.")
    ]


def test_last_weeks_bytes_under_a_new_name(tmp_path: Path) -> None:
    folder = weeks(tmp_path, orders(40, 2000))
    (folder / "2026-11-09" / "orders.csv").rename(folder / "2026-11-09" / "orders_old.csv")
    assert [one.rule for one in check(folder).findings] == ["Identical byte for byte to orders_old.csv of 2026-11-09."]


def test_a_table_that_may_stay_as_it_was(tmp_path: Path) -> None:
    folder = weeks(tmp_path, orders(40, 2000))
    path = folder / "2026-11-16" / "settings.toml"
    path.write_text(f'unchanged = ["orders"]\n{path.read_text()}')
    assert [one.level for one in check(folder).findings] == ["note"]


def test_another_company_in_the_slot(tmp_path: Path) -> None:
    folder = weeks(tmp_path, orders(50))
    path = folder / "2026-11-16" / "settings.toml"
    path.write_text(path.read_text().replace("Small", "Smell"))
    (found,) = check(folder).findings
    assert (found.level, found.column, found.value) == ("stop", "company", "Smell")


def test_earlier_weeks_do_not_see_later_ones(tmp_path: Path) -> None:
    assert check(weeks(tmp_path, orders(20)), "2026-11-09").findings == ()

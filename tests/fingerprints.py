"""Whether a change of the code moved a figure: packs of several companies and every published case, before and after.

Run: python -m tests.fingerprints take FOLDER [--soe COMMAND] [--real FOLDER]
     python -m tests.fingerprints compare BEFORE AFTER
`take` plans every published case and makes the packs of the demo's weeks, one after the other into one archive; with
--real, a folder that holds `frepple` and `supplygraph`, those companies as well. --soe names another checkout's command,
so that "before" can be taken from any commit. `compare` prints what differs, figure by figure, and ends with 1 where
something does: words of pages count too, since a figure is only as good as what it is said to be.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from soe_lib.pack import figures

ROOT = Path(__file__).parent.parent
PUBLISHED = ROOT / "tests" / "published"
DEMO = ROOT / "data" / "demo"
FIGURES = ("status", "objective", "margin", "steering", "accounts", "variables", "rows")
CENT = 0.005
REAL = {"frepple": ("import", "frepple"), "supplygraph": ("import", "supplygraph")}


def take(folder: Path, soe: str, real: Path | None) -> None:
    """Write the published cases' figures and the companies' packs below FOLDER."""
    folder.mkdir(parents=True)
    cases = {case.parent.name: _planned(soe, case.parent) for case in sorted(PUBLISHED.glob("*/settings.toml"))}
    (folder / "published.json").write_text(json.dumps(cases, indent=1), encoding="utf-8")
    weeks = sorted(path.name for path in DEMO.iterdir() if path.is_dir())
    _packs(soe, DEMO, folder / "demo", weeks)
    for name, command in REAL.items() if real else ():
        company = folder / "companies" / name
        _run(soe, *command, str(real / name), str(company))
        _packs(soe, company, folder / name, sorted(path.name for path in company.iterdir() if path.is_dir())[-2:])


def differences(before: Path, after: Path) -> Iterator[str]:
    """What AFTER says otherwise than BEFORE."""
    then, now = (json.loads((one / "published.json").read_text(encoding="utf-8")) for one in (before, after))
    for case in sorted(then.keys() | now.keys()):
        for figure in FIGURES:
            one, other = then.get(case, {}).get(figure), now.get(case, {}).get(figure)
            if not same(one, other):
                yield f"{case}, {figure}: {one} then, {other} now"
    for company in ("demo", *REAL):
        weeks = {path.parent.name for root in (before, after) for path in (root / company).glob("*/manifest.json")}
        for week in sorted(weeks):
            for text in figures.folders(before / company / week, after / company / week):
                yield f"{company} {week}, {text}"


def same(one: Any, other: Any) -> bool:
    """Whether two figures are one to half a cent; mappings figure by figure."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(one - other) < CENT
    return bool(one == other)


def _planned(soe: str, case: Path) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(_run(soe, "plan", "--data", str(case), "--json"))
    return {figure: answer.get(figure) for figure in FIGURES}


def _packs(soe: str, company: Path, out: Path, weeks: Sequence[str]) -> None:
    for week in weeks:
        _run(soe, "pack", "--data", str(company), "--as-of", week, "--out", str(out))


def _run(soe: str, *arguments: str) -> str:
    done = subprocess.run([*soe.split(), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"soe {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Take fingerprints, or compare two."""
    parser = argparse.ArgumentParser(prog="python -m tests.fingerprints")
    commands = parser.add_subparsers(dest="command", required=True)
    taking = commands.add_parser("take")
    taking.add_argument("folder", type=Path)
    taking.add_argument("--soe", default=f"{sys.executable} -m soe_lib.cli")
    taking.add_argument("--real", type=Path)
    comparing = commands.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    given = parser.parse_args(arguments)
    if given.command == "take":
        take(given.folder, given.soe, given.real)
        return 0
    found = list(differences(given.before, given.after))
    print("\n".join(found) or "Not one figure moved.")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())

"""Audit every pinned dependency for known vulnerabilities: `python -m tests.security.audit`; exit 0 only if all are clean.

It reads constraints.txt, the locked list. A package that could not be looked up, an audit that stopped half-way or one
that names fewer packages than the list is a failure, not a pass. Needs pip-audit (extra `audit`) and its network.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

LOCKED = Path(__file__).parents[2] / "constraints.txt"
PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)
COMMAND = [
    "-m",
    "pip_audit",
    "--requirement",
    str(LOCKED),
    "--disable-pip",
    "--require-hashes",
    "--strict",
    "--format",
    "json",
]


def pinned(text: str) -> set[tuple[str, str]]:
    """Name and version of every line of a locked list, names spelt as the index does."""
    return {(plain(name), version) for name, version in PINNED.findall(text)}


def plain(name: str) -> str:
    """A package's name as every index spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def faults(code: int, output: str, wanted: set[tuple[str, str]]) -> list[str]:
    """Why an audit does not count as passed, one sentence each.

    Parameters
    ----------
    code, output : exit code and JSON of pip-audit.
    wanted : what must have been looked up.
    """
    try:
        listed = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return [f"The audit gave no result (exit code {code}): nothing was looked up."]
    found = [f"{one['name']} could not be looked up: {one['skip_reason']}." for one in listed if "skip_reason" in one]
    for one in listed:
        for hole in one.get("vulns", ()):
            found.append(
                f"{one['name']} {one['version']} has {hole['id']}; mended in {hole.get('fix_versions') or 'none'}."
            )
    looked = {(plain(one["name"]), one.get("version", "")) for one in listed if "skip_reason" not in one}
    missing = sorted(wanted - looked)
    found += [f"{len(missing)} of {len(wanted)} packages were not looked up: {missing[:5]}."] if missing else []
    return found or ([f"The audit ended with exit code {code}."] if code else [])


def main() -> int:
    """Run the audit and print what it found."""
    wanted = pinned(LOCKED.read_text(encoding="utf-8"))
    done = subprocess.run([sys.executable, *COMMAND], capture_output=True, text=True, check=False)
    found = faults(done.returncode, done.stdout, wanted)
    print("\n".join(found) or f"{len(wanted)} packages looked up, none with a known vulnerability.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

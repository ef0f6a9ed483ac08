"""The fault harness: `python -m tests.faults.harness all`, or one of kills, stages, writes, disks, crowds, tampers.

Every fault is followed by the same three questions: does the archive verify, is each pack that was there still there,
and is the pack that was being made there whole or not at all. A run without a fault must then bring everything home.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from soe_lib.errors import PackError
from soe_lib.pack import archive, manifest
from soe_lib.pack.verify import verify
from tests.faults import company
from tests.faults.weekly import NONE, Fault, Run, outcome, start

STAGES = ("read", "stock", "render", "verify", "publish")


@dataclass
class Tally:
    """What was done and what was found."""

    faults: int = 0
    half_packs: int = 0
    lost: int = 0
    unverified: int = 0
    published: int = 0
    other: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing went wrong that must not."""
        return not (self.half_packs or self.lost or self.unverified or self.other)

    def text(self, what: str) -> str:
        """One line for a log."""
        said = (
            f"{what}: {self.faults} faults, {self.half_packs} half packs, {self.lost} lost versions, "
            f"{self.unverified} archives that did not verify, {self.published} packs published on the way"
        )
        return "\n  ".join([said, *self.other[:10]])


class Archive:
    """One company with an archive to which things are done; remembers what must be there."""

    def __init__(self, home: Path, *, out: Path | None = None, weeks: int = 1, solve: bool = True, quick: bool = True):
        self.home, self.out, self.quick = home, out or home / "out", quick
        company.workspace(home, weeks=weeks)
        if solve:
            company.solve(home)
        self.tally = Tally()
        self.known: dict[str, str] = {}
        self.stock = 50.0
        self.day = company.FIRST + timedelta(weeks=weeks - 1)

    def change(self) -> None:
        """New inputs for the same day: the next run must make the next version."""
        self.stock += 1
        company.extract(self.home / "data" / "grain", self.day, on_hand=self.stock)

    def run(self, fault: Fault = NONE, **how: object) -> list[str]:
        """One run to its end."""
        return outcome(*start(self.asked(fault, **how)))

    def asked(self, fault: Fault = NONE, **how: object) -> Run:
        """A run of this archive."""
        return Run(self.home, self.out, self.day, fault, self.quick, **how)  # type: ignore[arg-type]

    def judge(self, what: str) -> None:
        """Ask the three questions."""
        self.tally.faults += 1
        there = {}
        for folder in (*archive.packs(self.out).values(), *archive.versions(self.out)):
            told = manifest.read(folder)
            if told is None or (folder / "index.html").stat().st_size == 0:
                self.tally.half_packs += 1
                self.tally.other.append(f"half a pack in {folder.name} after {what}")
            else:
                there[f"{told['as_of']}.{told['run']}"] = manifest.file_sha256(folder / manifest.NAME)
        lost = [name for name, sha256 in self.known.items() if there.get(name) != sha256]
        self.tally.lost += len(lost)
        self.tally.other += [f"{name} lost after {what}" for name in lost]
        self.tally.published += len(there.keys() - self.known.keys())
        self.known |= there
        self.verify(what)

    def verify(self, what: str) -> None:
        """The archive must verify, unless nothing was ever published."""
        try:
            report = verify(self.out)
        except PackError:
            if self.known:
                self.tally.unverified += 1
            return
        if not report.ok:
            self.tally.unverified += 1
            self.tally.other.append(f"after {what}: {report.faults[0]}")

    def settle(self) -> None:
        """A run without a fault must publish what is due, or say that it is there."""
        told = self.run()
        if not any(line.startswith("published") or line == "up to date" for line in told):
            self.tally.other.append(f"the run after the fault did not publish: {told[-2:]}")
        self.judge("a run without a fault")
        if list(self.out.glob(f"{archive.STAGING}*")):
            self.tally.other.append("a staging folder was left behind")


def kills(archive: Archive, count: int, seed: int = 1) -> Tally:
    """kill -9 at random moments of the run."""
    rng = random.Random(seed)
    began = time.perf_counter()
    archive.settle()
    length = time.perf_counter() - began
    for number in range(count):
        archive.change()
        process, pipe = start(archive.asked())
        time.sleep(rng.uniform(0.02, 1.1) * length)
        process.kill()
        told = outcome(process, pipe)
        if (ended := next((line for line in told if line.startswith("published")), None)) and number < 3:
            length *= 0.9 if ended else 1.0
        archive.judge(f"kill {number}")
    archive.settle()
    return archive.tally


def stages(archive: Archive, count: int, seed: int = 2) -> Tally:
    """kill -9 so many times in each stage, at a random moment after it began."""
    rng = random.Random(seed)
    archive.settle()
    for stage in STAGES:
        length = 0.2
        for number in range(count):
            archive.change()
            process, pipe = start(archive.asked())
            try:
                while pipe.poll(60) and pipe.recv() != f"{stage} running":
                    pass
                began = time.perf_counter()
                if pipe.poll(rng.uniform(0.0, length)):
                    length = max(0.01, 0.8 * (time.perf_counter() - began))
            except EOFError:
                pass
            process.kill()
            outcome(process, pipe)
            archive.judge(f"kill {number} in {stage}")
    archive.settle()
    return archive.tally


def writes(archive: Archive, kind: str, every: int = 1) -> Tally:
    """The disk is full from the n-th write on, or the run is killed at it, for every n."""
    archive.settle()
    archive.change()
    told = archive.run()
    archive.judge("a run that counts")
    total = int(told[-1].split()[1])
    for number in range(1, total + 1, every):
        archive.change()
        told = archive.run(Fault(kind, number))
        if any(line.startswith("escaped") for line in told):
            archive.tally.other.append(f"write {number}: {told[-2]}")
        archive.judge(f"{kind} at write {number} of {total}")
    archive.settle()
    return archive.tally


def read_only(archive: Archive) -> Tally:
    """An archive that takes no write: the run says so and changes nothing."""
    archive.settle()
    archive.change()
    told = archive.run(Fault("read-only"))
    if not any(line.startswith("refused PackError") for line in told):
        archive.tally.other.append(f"a read-only archive was not refused: {told}")
    archive.judge("a read-only archive")
    archive.settle()
    return archive.tally


@contextmanager
def disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A small disk of its own; PackError where the machine lets nobody mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)], capture_output=True, check=False
    ).returncode:
        raise PackError("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def disks(home: Path, steps: int) -> Tally:
    """A real disk that is too small by ever less: full inside libraries and in the middle of files, too."""
    with disk(home / "disk", 64_000) as whole:
        archive = Archive(home, out=whole / "out")
        archive.settle()
        used = sum(path.stat().st_blocks * 512 for path in whole.rglob("*")) // 1024
        archive.change()
        archive.run()
        archive.judge("the second run")
        grown = sum(path.stat().st_blocks * 512 for path in whole.rglob("*")) // 1024 - used
        for number in range(steps):
            used = sum(path.stat().st_blocks * 512 for path in whole.rglob("*")) // 1024
            room = used + 8 + grown * number // steps
            subprocess.run(["mount", "-o", f"remount,size={room}k", str(whole)], check=True)
            archive.change()
            told = archive.run()
            if any(line.startswith("escaped") for line in told):
                archive.tally.other.append(f"{room} KB: {told[-2]}")
            archive.judge(f"a disk of {room} KB")
        subprocess.run(["mount", "-o", "remount,size=64000k", str(whole)], check=True)
        archive.settle()
        return archive.tally


def crowds(archive: Archive, people: int, rounds: int) -> Tally:
    """So many runs at once: exactly one publishes each version."""
    archive.settle()
    for number in range(rounds):
        archive.change()
        begun = [start(archive.asked()) for _ in range(people)]
        told = [outcome(*one) for one in begun]
        done = sum(any(line.startswith("published") for line in lines) for lines in told)
        refused = sum(any("Another run" in line or line == "up to date" for line in lines) for lines in told)
        if done != 1 or refused != people - 1:
            archive.tally.other.append(f"round {number}: {done} published and {refused} were refused, of {people}")
        archive.judge(f"round {number} of {people} runs at once")
    return archive.tally


def tampers(archive: Archive, count: int, seed: int = 3) -> tuple[int, int]:
    """One digit changed in an archived file, so many times; returns how many were tried and how many were found."""
    rng = random.Random(seed)
    archive.settle()
    files = [path for path in archive.out.rglob("*") if path.is_file() and _archived(path)]
    found = tried = 0
    while tried < count:
        path = rng.choice(files)
        whole = path.read_bytes()
        forged = _one_digit(path, whole, rng)
        if forged is None:
            continue
        tried += 1
        path.write_bytes(forged)
        found += not verify(archive.out).ok
        path.write_bytes(whole)
    archive.judge("everything put back")
    return tried, found


def _archived(path: Path) -> bool:
    """Whether a file is of a pack or a kept input: what the plan store's own files say beside the plan is its business."""
    return archive.DATED.match(path.parent.name) is not None or manifest.INPUTS in path.parts


def _one_digit(path: Path, whole: bytes, rng: random.Random) -> bytes | None:
    """The file with one digit raised by one; a kept input is packed again, as a forger would."""
    import gzip

    packed = manifest.INPUTS in path.parts
    text = gzip.decompress(whole) if packed else whole
    digits = [match.start() for match in re.finditer(rb"[0-8]", text)]
    if not digits:
        return None
    at = rng.choice(digits)
    forged = text[:at] + bytes([text[at] + 1]) + text[at + 1 :]
    return gzip.compress(forged, mtime=0) if packed else forged


def main() -> int:
    """Run what is asked for; 0 where nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["all", "kills", "stages", "writes", "disks", "crowds", "tampers"])
    parser.add_argument("--count", type=int, default=0, help="how many; the figures of the requirement when left out")
    parser.add_argument("--kernels", action="store_true", help="run the notebook in a real kernel: slower")
    asked = parser.parse_args()
    chosen = ("kills", "stages", "writes", "disks", "crowds", "tampers") if asked.what == "all" else (asked.what,)
    clean = True
    for what in chosen:
        with tempfile.TemporaryDirectory(prefix="soe-faults-") as name:
            began = time.perf_counter()
            said, good = _do(what, Path(name), asked.count, quick=not asked.kernels)
            clean &= good
            print(f"{said}  [{time.perf_counter() - began:.0f} s]", flush=True)
    return 0 if clean else 1


def _do(what: str, home: Path, count: int, *, quick: bool) -> tuple[str, bool]:
    if what == "disks":
        tally = disks(home, count or 30)
        return tally.text("disks too small"), tally.clean
    archive = Archive(home, quick=quick)
    if what == "tampers":
        tried, found = tampers(archive, count or 100)
        return f"one digit changed: {found} of {tried} found", found == tried and archive.tally.clean
    if what == "writes":
        writes(archive, "full")
        writes(archive, "kill")
        tally = read_only(archive)
    elif what == "kills":
        tally = kills(archive, count or 200)
    elif what == "stages":
        tally = stages(archive, count or 20)
    else:
        tally = crowds(archive, 20, count or 3)
    return tally.text(
        {"stages": f"kill -9, {count or 20} in each stage", "kills": "kill -9 at random"}.get(what, what)
    ), (tally.clean)


if __name__ == "__main__":
    sys.exit(main())

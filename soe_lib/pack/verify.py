"""Check an archive against what was published, and make a pack again from the archive alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from soe_lib import workspace
from soe_lib.errors import PackError, ReconciliationError, SoeError
from soe_lib.pack import archive, figures, manifest, run_notebook
from soe_lib.pack.job import MINUTES, Job, Progress, build
from soe_lib.review import words
from soe_lib.store import history, tables
from soe_lib.store.promised import as_promised


@dataclass(frozen=True)
class Report:
    """What `verify` found.

    Parameters
    ----------
    packs : how many packs were checked, replaced versions included.
    files : how many files.
    faults : what does not fit, one sentence each; none where the archive is as it was published.
    kept : how many files that the packs were made from, each counted once.
    plans : how many stored plans.
    """

    packs: int
    files: int
    faults: tuple[str, ...]
    kept: int = 0
    plans: int = 0

    @property
    def ok(self) -> bool:
        """Whether every pack is as it was published."""
        return not self.faults

    def text(self) -> str:
        """The verdict in one line, and each fault in one more."""
        counted = [(self.packs, "pack"), (self.files, "file"), (self.kept, "kept input"), (self.plans, "stored plan")]
        head = f"{', '.join(words.count(number, what) for number, what in counted if number)} checked:"
        if self.ok:
            return f"{head} all as published."
        return "\n".join(
            [f"{head} {words.count(len(self.faults), 'fault')}.", *(f"  {fault}" for fault in self.faults)]
        )


def verify(out: str | Path) -> Report:
    """Check an out folder, or one pack of it, against its manifests.

    Finds a changed, missing or added file, a changed manifest, a pack whose predecessor was changed or removed, a pack
    that was published and is gone, a changed input, and a stored plan that is not what was written.

    Errors
    ------
    PackError : there is neither a pack nor an archive at the address.
    """
    home = workspace.place(out)
    if (home / manifest.NAME).is_file():
        folders = [home]
        whole = False
    else:
        folders, whole = [*archive.packs(home).values(), *archive.versions(home)], True
    if not folders and archive.listed(home) is None:
        raise PackError(f"{home} holds no pack. Give the folder that `soe pack` writes to (--out), or one pack in it.")
    found = {folder: manifest.read(folder) for folder in folders}
    faults = [fault for folder, told in found.items() for fault in manifest.faults_of(folder, told)]
    files = sum(len(told.get("pages", ())) for told in found.values() if told)
    if not whole:
        return Report(len(folders), files, tuple(faults))
    known: dict[str, str] = {}
    for folder, told in found.items():
        listed = manifest.kept_faults(home, (told or {}).get("kept") or {}, known)
        faults += [f"{folder.name}: {fault}." for fault in listed]
    stored, unfit = _plans(home, found)
    faults += [*_chain(found), *archive.faults(home), *unfit]
    return Report(len(folders), files, tuple(faults), len(known), stored)


def _plans(out: Path, found: Mapping[Path, Mapping[str, Any] | None]) -> tuple[int, list[str]]:
    """How many stored plans were read again, and what does not fit in them."""
    named = [(folder, told) for folder, told in found.items() if told and told["plan"].get("identity")]
    if not named:
        return 0, []
    faults = []
    known: dict[str, pl.DataFrame] = {}
    for folder, told in named:
        store = told["plan"].get("store") or str(out / archive.STORE)
        try:
            rows = known[store] if store in known else history.read_plans(store)
            known[store] = rows
        except SoeError as error:
            faults.append(f"{folder.name}: {error}")
            continue
        kept = rows.filter(plan_fingerprint=told["plan"]["identity"], fingerprint=told["fingerprint"])
        if kept.is_empty():
            faults.append(f"{folder.name}: its plan is not in the plan store {store}.")
            continue
        try:
            history.load_plan(kept["as_of"][0], kept["run"][0], store=store, company=kept["company"][0])
        except (ReconciliationError, OSError) as error:
            faults.append(f"{folder.name}: {error}")
        except Exception as error:
            # The table store's own errors share no base class.
            faults.append(f"{folder.name}: its plan in {store} cannot be read ({type(error).__name__}).")
    return len(named), faults


def _chain(found: Mapping[Path, Mapping[str, Any] | None]) -> list[str]:
    """Packs whose predecessor is not in the archive as it was when they were made."""
    known = {manifest.file_sha256(folder / manifest.NAME) for folder, told in found.items() if told}
    faults = []
    for folder, told in found.items():
        for kind in ("previous", "replaces"):
            named = (told or {}).get(kind)
            if named and named["sha256"] not in known:
                faults.append(
                    f"{folder.name}: the pack it {'follows' if kind == 'previous' else 'replaces'}, "
                    f"{named['folder']} run {named['run']}, was changed or removed."
                )
    return faults


SHOWN = 40


@dataclass(frozen=True)
class Rebuilt:
    """What making a pack again came to.

    Parameters
    ----------
    folder : the published pack.
    figures : how many fingerprints of figures were compared.
    differences : where the two differ, one sentence each; none where every figure is the same.
    notes : what else differs and may be why: the code's version, the libraries'.
    """

    folder: Path
    figures: int
    differences: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every published figure was reproduced."""
        return not self.differences

    def text(self) -> str:
        """The verdict in one line, then each difference and note in one more."""
        if self.ok:
            same = words.count(self.figures, "fingerprint")
            head = f"{self.folder} is reproduced: {same} of figures and every line the same."
        else:
            head = f"{self.folder} is not reproduced: {words.count(len(self.differences), 'difference')}."
        shown = [f"  {difference}" for difference in self.differences[:SHOWN]]
        more = [f"  and {len(self.differences) - SHOWN} more."] if len(self.differences) > SHOWN else []
        return "\n".join([head, *shown, *more, *self.notes])


def rebuild(
    out: str | Path,
    as_of: str | date,
    run: int | None = None,
    *,
    timeout: float = 900.0,
    progress: Progress | None = None,
) -> Rebuilt:
    """Make a pack again from its kept inputs, notebooks and plan of record, and compare; the archive is not changed.

    Parameters
    ----------
    out : the archive. as_of : the pack's date. run : which run of that date; the one in force when left out.
    timeout : wall-clock limit of each notebook [s].

    Errors
    ------
    PackError : no such pack, one without kept inputs, an archived file that was altered, or a notebook that fails.
    DataError : the kept extract does not pass the checks of this version.
    """
    home = workspace.place(out).resolve()
    folder = _folder(home, str(as_of), run)
    told = manifest.read(folder)
    faults = manifest.faults_of(folder, told)
    if told is None or faults:
        raise PackError("\n".join([f"{folder} is not as it was published; it cannot be compared with.", *faults]))
    if not told.get("kept"):
        raise PackError(f"{folder} was made by a version that kept no inputs; it cannot be rebuilt.")
    with tempfile.TemporaryDirectory(prefix="soe-rebuild-") as name:
        work = Path(name)
        again, fresh = _make(home, told, work, timeout, progress or (lambda *_: None))
        differences = [*figures.manifests(told, again), *figures.folders(folder, fresh)]
    return Rebuilt(folder, len(told.get("figures", ())), tuple(differences), tuple(_notes(told, again)))


def _folder(out: Path, as_of: str, run: int | None) -> Path:
    """The published pack that is meant: the one in force, or a replaced version."""
    if not archive.DATED.match(as_of):
        raise PackError(f"{as_of!r} is no as-of date: write it as 2026-11-16.")
    found = out / as_of
    if run is not None and archive.run_of(found) != run:
        found = out / archive.VERSIONS / f"{as_of}.{int(run)}"
    if not (found / manifest.NAME).is_file():
        known = ", ".join(f"{day}" for day in archive.packs(out)) or "none"
        which = as_of if run is None else f"{as_of} run {run}"
        raise PackError(f"{out} has no pack {which}. There are: {known}.")
    return found


def _make(
    out: Path, told: Mapping[str, Any], work: Path, timeout: float, progress: Progress
) -> tuple[manifest.Manifest, Path]:
    """The pack again, in a folder that is thrown away; returns its manifest and its folder."""
    data = manifest.restore(out, told["kept"], work)
    from soe_lib.model.checks import read  # the room loads no solver; an extract with events asks the model

    _record(out, told, work)
    _meetings(work)
    snapshot = read(data, None if data.name == "extract" else told["as_of"])
    snapshot = as_promised(snapshot, work / archive.STORE)
    pages = run_notebook.find(work / "notebooks")
    job = Job(
        snapshot,
        pages,
        data,
        work,
        work / "templates",
        work,
        timeout,
        progress,
        float(told.get("minutes", MINUTES)),
    )
    staging = work / "staging"
    (staging / "pack").mkdir(parents=True)
    gathered = manifest.collect(snapshot, pages, job.templates)
    wanted = manifest.identity(snapshot, pages, job.templates, None, manifest.history(gathered))
    again = build(job, staging, wanted, int(told["run"]), None, time.perf_counter())
    return again, staging / "pack"


def _record(out: Path, told: Mapping[str, Any], work: Path) -> None:
    """Lay the plan that the pages compared with into a store of its own; one that was recomputed is so again."""
    record = told.get("record")
    store = told["plan"].get("store") or str(out / archive.STORE)
    if not record or not ("://" in store or (workspace.place(store) / "plans").is_dir()):
        return
    rows = history.read_plans(store)
    kept = rows.filter(plan_fingerprint=record["identity"], company=told["company"], name=record["name"])
    if not kept.is_empty():
        one = kept.row(0, named=True)
        plan = history.load_plan(one["as_of"], one["run"], store=store, company=one["company"])
        history.append(work / archive.STORE, plan)


def _meetings(work: Path) -> None:
    """Lay what earlier meetings left, as it was then, into the store of the rebuilt week."""
    for kept in sorted((work / manifest.MEETING).glob("*.parquet")):
        tables.add(work / archive.STORE, kept.stem, pl.read_parquet(kept))


def _notes(told: Mapping[str, Any], again: Mapping[str, Any]) -> list[str]:
    """What differs besides the figures."""
    notes = []
    if told.get("plan", {}).get("status") == "feasible":
        notes.append(
            f"The search for set-ups of this plan ended by time, {100.0 * told['plan']['gap']:.2f} % from the best "
            "possible: another run may find another plan within that gap."
        )
    if told["code"]["sha256"] != again["code"]["sha256"]:
        made = told["code"].get("commit") or told["code"]["version"]
        now = again["code"].get("commit") or again["code"]["version"]
        notes.append(f"The code differs: made with {made[:12]}, rebuilt with {now[:12]}.")
    libraries = [
        f"{name} {version} → {again['libraries'].get(name, 'none')}"
        for name, version in told.get("libraries", {}).items()
        if again["libraries"].get(name) != version
    ]
    return [*notes, *([f"Libraries differ: {', '.join(libraries)}."] if libraries else [])]

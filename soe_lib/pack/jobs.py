"""The weekly job: from an extract to a published pack, in one idempotent, transactional run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soe_lib import objects, workspace
from soe_lib.errors import OtherCompanyError, PackError, SoeError
from soe_lib.extract import folders
from soe_lib.pack import archive, build, chain, failed, inputs, manifest, pdf, place, site, verify
from soe_lib.pack import notebooks as found
from soe_lib.pack.build import Job, Progress
from soe_lib.store.tables import at

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot

USUAL = 900.0
"""Wall-clock limit of one notebook where nobody gives another [s]."""


@dataclass(frozen=True)
class PackResult:
    """What a run of the weekly job came to.

    Parameters
    ----------
    folder : the pack in force for the as-of date.
    manifest : its manifest.
    published : False where an identical pack was already there and nothing was added.
    message : one sentence for the command line.
    notes : what was tidied up on the way.
    """

    folder: Path
    manifest: Mapping[str, Any]
    published: bool
    message: str
    notes: tuple[str, ...] = ()

    @property
    def run(self) -> int:
        """The run number of the pack in force."""
        return int(self.manifest["run"])

    def text(self) -> str:
        """The message, where to start reading, and what was tidied up on the way."""
        return "\n".join([self.message, f"Read it: {self.folder / 'index.html'}", *self.notes])


def make_pack(
    data: str | Path,
    as_of: str | None = None,
    out: str | Path = "out",
    *,
    progress: Progress | None = None,
    notebooks: str | Path | None = None,
    timeout: float = 900.0,
    reason: str = "",
    store: str | Path | None = None,
    with_pdf: bool = False,
    minutes: float = build.MINUTES,
) -> PackResult:
    """Make the pack of one week and publish it in `out/<as-of>/`; the same inputs again add nothing.

    Parameters
    ----------
    data : a company's folder of extracts, or one extract; or an object store's address of either.
    as_of : ISO date of the extract; the newest where left out.
    out : folder of all packs, of their archive page and of the plan store; or an object store's address.
    progress : called with a step's name and "waiting", "running", "done", "failed" or "skipped".
    notebooks : folder of the notebooks; the workspace's own where left out.
    timeout : wall-clock limit of each notebook [s].
    reason : why a week is planned again; needed where a later week has a plan, kept beside the plan.
    store : folder or object store's address of the plan history; `out/plans` where left out.
    with_pdf : whether pack.pdf, all pages for paper, stands beside them; needs Chromium or Chrome.
    minutes : time budget that all solves of the pack share [min]. LPs are solved to their end; a plan with whole
        numbers that is not proven in time is published with its gap, and plans made again keep its set-ups first.

    Errors
    ------
    DataError : the extract does not pass its checks.
    PackError : a notebook fails or hangs, a check is not ok, a page is not fit to be read, the disk refuses,
        another run is under way, or the archive is another company's (OtherCompanyError). In every case nothing is
        published, and the packs in force stay as they are.
    """
    if objects.is_address(data) or objects.is_address(out):
        from soe_lib.pack import remote

        asked = {
            "progress": progress,
            "notebooks": notebooks,
            "timeout": timeout,
            "reason": reason,
            "with_pdf": with_pdf,
            "minutes": minutes,
        }
        return remote.make_pack(data, as_of, out, store=store, **asked)
    told = progress or _silent
    browser = pdf.browser() if with_pdf else ""
    started = time.perf_counter()
    told("read", "running")
    try:
        snapshot = _read(data, as_of)
    except BaseException:
        told("read", "failed")
        raise
    told("read", "done")
    folder = Path(notebooks) if notebooks is not None else workspace.root() / "notebooks"
    home = workspace.place(out).resolve()
    try:
        with place.lock(home):
            notes = place.recover(home)
            chain.extend(home)
            _same_company(home, snapshot)
            job = Job(
                snapshot=snapshot,
                pages=found.find(folder),
                data=folders.found(data).resolve(),
                out=home,
                templates=site.templates(),
                home=folder.resolve().parent,
                # A limit that somebody gave holds; the usual one leaves room for the time budget.
                timeout=max(timeout, 120.0 * minutes) if timeout == USUAL else timeout,
                progress=told,
                minutes=minutes,
                reason=reason,
                history=str(at(store)) if store is not None else "",
                browser=browser,
                times={"read": time.perf_counter() - started},
            )
            return _make(job, notes, started)
    except OSError as error:
        raise PackError(
            f"The pack could not be written in {home}: {error}. Nothing was published; mend it and run again."
        ) from error


def _same_company(home: Path, snapshot: Snapshot) -> None:
    """Refuse to put a pack into the archive of another company.

    Raises OtherCompanyError, which names both.
    """
    told = (manifest.read(folder) for folder in reversed(place.packs(home).values()))
    of = next((str(one["company"]) for one in told if one), snapshot.company)
    if of != snapshot.company:
        raise OtherCompanyError(
            f"{home} is the archive of {of}; the pack of {snapshot.company} goes to another one: give --out, such as "
            f"{home / 'NAME'}. A company that changed its name keeps the old one in settings.toml, or begins a new "
            "archive. Nothing was changed."
        )


def _silent(step: str, state: str) -> None:
    """The progress display of a run that nobody watches."""


def _read(data: str | Path, as_of: str | None) -> Snapshot:
    from soe_lib.extract import snapshot

    return snapshot.read(data, as_of)


def _make(job: Job, notes: list[str], started: float) -> PackResult:
    """Publish unless the very same pack is in force and intact."""
    target = job.out / job.snapshot.as_of.isoformat()
    before = manifest.previous(job.out, job.snapshot.as_of)
    from soe_lib.store import meeting

    meetings = meeting.known_before(job.store, company=job.snapshot.company, as_of=job.snapshot.as_of)
    gathered = inputs.collect(job.snapshot, job.pages, job.templates, meetings)
    wanted = manifest.identity(job.snapshot, job.pages, job.templates, before, inputs.history(gathered))
    wanted["beside"] = inputs.beside(gathered)
    if job.browser:
        wanted["pdf"] = True
    there = manifest.read(target) if target.exists() else None
    if there is not None and manifest.same(there, wanted):
        faults = verify.faults_of(target, there)
        if not faults:
            failed.clear(job.out)
            _write_archive(job, None)
            said = f"{target} is up to date: inputs, code and notebooks are those of run {there['run']}. Nothing added."
            return PackResult(target, there, published=False, message=said, notes=tuple(notes))
        notes = [*notes, *faults, "A fresh pack was made; the altered one is kept as a version."]
    with place.staging(job.out) as staging:
        run = _next_run(job.out, target)
        with ThreadPoolExecutor(1) as aside:
            # Compressing waits for the disk, the notebooks for the processor: side by side it costs the run nothing.
            written = aside.submit(inputs.keep, gathered, job.out, staging / "inputs")
            kept = {one.path: one.sha256 for one in gathered}
            whole = build.build(job, staging, wanted, run, _replaced(target, there), started, kept)
            written.result()
        notes = [*notes, *_publish(job, staging, target, whole, run)]
    said = f"{target} is published" + (f" as run {run}; run {run - 1} is kept." if run > 1 else ".")
    return PackResult(target, whole, published=True, message=said, notes=tuple(notes))


def _next_run(out: Path, target: Path) -> int:
    """One more than the highest run of this as-of date, replaced ones included."""
    numbers = [int(folder.name[11:]) for folder in place.versions(out) if folder.name[:10] == target.name]
    if target.exists():
        numbers.append(place.run_of(target) or max(numbers, default=0) + 1)
    return max(numbers, default=0) + 1


def _replaced(target: Path, there: Mapping[str, Any] | None) -> manifest.Link | None:
    return manifest.link(target, there) if there is not None else None


def _publish(job: Job, staging: Path, target: Path, whole: manifest.Manifest, run: int) -> list[str]:
    """Store the plan, then the one rename that makes the pack appear, then the archive page; returns what to note."""
    with job.step("publish"):
        inputs.settle(staging / "inputs", job.out)
        if (staging / "results" / "plan").is_dir():
            # A run that dies after this line leaves a stored plan without a pack: the next run completes it.
            _store(job, staging / "results" / "plan")
        _store_meeting(job, staging / "results")
        archive_pages = archive.pages(job.out, templates=job.templates, coming=whole)
        replaced = f"{target.name}.{run - 1}" if target.exists() else ""
        place.put(staging / "pack", target, replaced=replaced)
        try:
            failed.clear(job.out)
            for path, text in archive_pages.items():
                place.write(path, text)
            chain.extend(job.out)
        except OSError as error:
            return [f"The pack is published; the page of all weeks could not be written ({error}): run again."]
    return []


def _store(job: Job, plan: Path) -> None:
    """Keep the plan in the history; the very same plan again adds nothing there."""
    from soe_lib.store import history

    try:
        history.append(job.store, plan, reason=job.reason)
    except (SoeError, OSError):
        raise
    except Exception as error:
        # The table store's own errors share no base class.
        raise PackError(f"The plan could not be kept in {job.store}: {error}. Nothing was published.") from error


def _store_meeting(job: Job, results: Path) -> None:
    """Keep the week's exceptions and their options beside the plan, for `soe decide` and the next week."""
    from soe_lib.review import memory, options
    from soe_lib.store import meeting

    found = {"exceptions": memory.kept_memory(results), "options": options.kept_options(results)}
    for table, rows in found.items():
        if rows is not None:
            meeting.keep(job.store, table, rows, company=job.snapshot.company, as_of=job.snapshot.as_of)


def _write_archive(job: Job, coming: Mapping[str, Any] | None) -> None:
    """Bring the archive page up to date where a run died before it could."""
    for path, text in archive.pages(job.out, templates=job.templates, coming=coming).items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            place.write(path, text)

"""The weekly job: from an extract to a published pack, in one idempotent, transactional run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soe_lib import objects, workspace
from soe_lib.errors import OtherCompanyError, PackError, SoeError
from soe_lib.extract import folders
from soe_lib.extract.snapshot import leave
from soe_lib.model.stock_targets import safety_stocks
from soe_lib.money.trace import lineage as found
from soe_lib.operations import files
from soe_lib.pack import (
    archive,
    cover,
    display,
    figures,
    kernel,
    manifest,
    overview,
    render,
    run_notebook,
    sanitize,
    workbook,
)
from soe_lib.store import history, meeting
from soe_lib.store.plan import Plan
from soe_lib.store.promised import as_promised
from soe_lib.store.tables import at
from soe_lib.workspace import COMING

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot


Progress = Callable[[str, str], None]
AT_ONCE = 2
MINUTES = 10.0
"""Time budget of a pack: what all its solves share, the notebooks' start and the pages' rendering included [min]."""
APART = 0.25
"""Of the budget, what is kept for everything after the last search."""


@dataclass(frozen=True)
class Job:
    """One run under way; `minutes` is the time budget that its solves share, see `soe_lib.solver.budget`."""

    snapshot: Snapshot
    pages: tuple[run_notebook.Page, ...]
    data: Path
    out: Path
    templates: Path
    home: Path
    timeout: float
    progress: Progress
    minutes: float = MINUTES
    times: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    history: str = ""
    browser: str = ""

    @property
    def store(self) -> str:
        """Folder or address of the plan history."""
        return self.history or str(self.out / archive.STORE)

    @cached_property
    def deadline(self) -> float:
        """When the last search has to end, in seconds since 1970; counted from the first time that it is asked for."""
        return time.time() + 60.0 * self.minutes * (1.0 - APART) - self.times.get("read", 0.0)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Tell the progress display that a step runs, and how it ended; keep its time."""
        self.progress(name, "running")
        started = time.perf_counter()
        try:
            yield
        except BaseException:
            self.progress(name, "failed")
            raise
        self.times[name] = time.perf_counter() - started
        self.progress(name, "done")


def build(
    job: Job,
    staging: Path,
    wanted: Mapping[str, Any],
    run: int,
    replaces: manifest.Link | None,
    started: float,
    kept: Mapping[str, str] | None = None,
) -> manifest.Manifest:
    """Everything of a pack, in the staging folder, checked; returns its manifest."""
    results, pack = staging / "results", staging / "pack"
    results.mkdir()
    bodies = _run_all(job, results)
    with job.step("render"):
        said = {page.name: display.read(results / f"{page.name}.json") for page in job.pages}
        plan = cover.plan_facts(results, job.snapshot.fingerprint)
        checks = _checks(said)
        sheets = workbook.read(results / "finance")
        frame = _site(job, run, bool(sheets), [score for one in said.values() for score in one["scores"]])
        for page in job.pages:
            proof = cover.proof(plan, said[page.name], job.snapshot.currency)
            html = render.page(bodies[page.name], said[page.name] | {"proof": proof}, frame, templates=job.templates)
            (pack / f"{page.name}.html").write_text(html, encoding="utf-8")
        content = cover.compose(job.snapshot, list(said.values()), plan, checks)
        (pack / "index.html").write_text(cover.page(content, frame, templates=job.templates), encoding="utf-8")
        _trace(job, results, pack, said, sheets)
        if sheets:
            workbook.write(pack / workbook.NAME, sheets, frame, notes=content.assumptions)
        for sheet in sheets:
            if sheet.name == "stock_targets":
                files.checked(pack / "targets.csv", safety_stocks(job.snapshot, sheet.frame))
    if job.browser:
        with job.step("pdf"):
            render.write(pack, ["index", *(page.name for page in job.pages)], program=job.browser)
    with job.step("verify"):
        expected = ["index.html", *(f"{page.name}.html" for page in job.pages), *([workbook.NAME] if sheets else [])]
        if faults := sanitize.faults(pack, expected):
            listed = "\n".join(f"  {fault}." for fault in faults[:20])
            raise PackError(f"The finished pages are not fit to be published ({len(faults)} faults):\n{listed}")
        whole = manifest.compose(
            job.snapshot,
            wanted=wanted,
            run=run,
            plan={**plan, "store": job.history} if plan and job.history else plan,
            checks=checks,
            summary=cover.summary(list(said.values()), plan),
            times={**job.times, "total": time.perf_counter() - started},
            replaces=replaces,
            figures=figures.fingerprints(said, results / "finance"),
            record=figures.record(results),
            kept=kept,
        )
        return manifest.seal(pack, whole)


def _run_all(job: Job, results: Path) -> dict[str, sanitize.Body]:
    """Run the notebooks, two at a time, each as soon as the pages it reads are done; returns what they show."""
    parameters = {"data": job.data, "as_of": job.snapshot.as_of, "results": results, "store": job.store}
    for page in job.pages:
        run_notebook.check_parameters(page.path, parameters)
        job.progress(page.name, "waiting")
    if any(page.name == "balance" for page in job.pages):
        (results / COMING).touch()
    executed = results.parent / "executed"
    leave(job.snapshot, executed / run_notebook.LEFT)
    order, stop = run_notebook.graph(job.pages), threading.Event()
    order.prepare()
    by_name = {page.name: page for page in job.pages}
    # What others wait for goes first, then the longest, so that the last one to end is a short one.
    urgency = {
        page.name: (-sum(page.name in other.after for other in job.pages), -page.path.stat().st_size)
        for page in job.pages
    }
    bodies: dict[str, sanitize.Body] = {}
    fresh: list[tuple[str, Path]] = []

    def one(page: run_notebook.Page, kernels: Mapping[str, str]) -> Path:
        with job.step(page.name):
            return run_notebook.run(
                page.path,
                parameters,
                folder=executed,
                cwd=job.home,
                timeout=job.timeout,
                sentinel=results / f"{page.name}.json",
                stop=stop,
                deadline=job.deadline,
                told=lambda said: job.progress(page.name, said),
                kernels=kernels,
            )

    with kernel.server(results.parent) as kernels, ThreadPoolExecutor(AT_ONCE) as pool:
        running: dict[Future[Path], str] = {}
        try:
            while order.is_active():
                for name in sorted(order.get_ready(), key=urgency.__getitem__):
                    running[pool.submit(one, by_name[name], kernels)] = name
                render.warm()
                # Rendered while others run: this process has nothing else to do until the next one ends.
                bodies |= {name: render.body(path, templates=job.templates) for name, path in fresh}
                fresh.clear()
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    name = running.pop(future)
                    fresh.append((name, future.result()))
                    order.done(name)
        except BaseException:
            stop.set()
            raise
    return bodies | {name: render.body(path, templates=job.templates) for name, path in fresh}


def _checks(said: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """All checks of the pages; one that is not ok ends the run."""
    checks = [{**check, "page": name} for name, page in said.items() for check in page["checks"]]
    failed = [check for check in checks if not check["ok"]]
    if failed:
        listed = "\n".join(f"  {check['page']}: {check['name']}. {check['detail']}".rstrip() for check in failed)
        raise PackError(f"{len(failed)} of {len(checks)} checks failed; nothing was published.\n{listed}")
    return checks


def _trace(
    job: Job,
    results: Path,
    pack: Path,
    said: Mapping[str, Mapping[str, Any]],
    sheets: Sequence[workbook.Sheet],
) -> None:
    """Leave in the pack where its figures come from, so that they can be asked with nothing but the pack."""
    if not (results / "plan" / "rates").is_dir():
        return
    plan = Plan.load(results / "plan")
    if plan.fingerprint == job.snapshot.fingerprint:
        listed = figures.figures_of(said, {one.name: one.frame for one in sheets}, job.snapshot.currency)
        figures.write(pack / figures.NAME, found(plan, job.snapshot), listed)


def _site(job: Job, run: int, with_workbook: bool, scores: Sequence[Mapping[str, Any]]) -> render.Site:
    if not with_workbook and any(page.name == "finance_review" for page in job.pages):
        raise PackError(
            "finance_review left no frames in <results>/finance (statement.parquet, ledger.parquet, …), so there would "
            "be no workbook. Nothing was published."
        )
    return render.Site(
        company=job.snapshot.company,
        currency=job.snapshot.currency,
        as_of=job.snapshot.as_of,
        run=run,
        fingerprint=job.snapshot.fingerprint,
        created=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        pages=job.pages,
        workbook=with_workbook,
        pdf=bool(job.browser),
        trends=overview.of_week(job.out, job.snapshot.as_of, job.snapshot.company, scores),
    )


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
    minutes: float = MINUTES,
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

    Examples
    --------
    >>> made = soe.make_pack("notebooks/guide/leaf_and_bean", out=store, notebooks=pages)
    >>> made.published, made.run
    (True, 1)
    """
    how: dict[str, Any] = {
        "progress": progress or (lambda *_: None),
        "notebooks": notebooks,
        "timeout": timeout,
        "reason": reason,
        "with_pdf": with_pdf,
        "minutes": minutes,
    }
    if not objects.is_address(out):
        return _make_here(data, as_of, workspace.place(out).resolve(), store=store, **how)
    address = str(out).rstrip("/")
    with archive.copy(out, whole=False) as (home, seen):
        made = _make_here(data, as_of, home, store=store or f"{address}/{archive.STORE}", **how)
        kept = objects.opened(address)
        if made.published:
            archive.push(kept, home, seen)
        overview.put(kept, home)
        if objects.read(kept, archive.FAILED) is not None:
            kept.delete(archive.FAILED)
        folder = f"{address}/{archive.prefix_of(home, made.manifest)}"
        said = made.message.replace(str(made.folder), folder)
        return PackResult(Path(folder), made.manifest, made.published, said, made.notes)


def _make_here(
    data: str | Path,
    as_of: str | None,
    home: Path,
    *,
    progress: Progress,
    notebooks: str | Path | None,
    timeout: float,
    reason: str,
    store: str | Path | None,
    with_pdf: bool,
    minutes: float,
) -> PackResult:
    """`make_pack` into an archive on this disk."""
    browser = render.browser() if with_pdf else ""
    started = time.perf_counter()
    progress("read", "running")
    try:
        snapshot = _read(data, as_of)
    except BaseException:
        progress("read", "failed")
        raise
    progress("read", "done")
    folder = Path(notebooks) if notebooks is not None else workspace.root() / "notebooks"
    try:
        with archive.lock(home):
            notes = archive.recover(home)
            archive.extend(home)
            _same_company(home, snapshot)
            job = Job(
                snapshot=as_promised(snapshot, str(at(store)) if store is not None else str(home / archive.STORE)),
                pages=run_notebook.find(folder),
                data=folders.found(data).resolve(),
                out=home,
                templates=render.templates(),
                home=folder.resolve().parent,
                # A limit that somebody gave holds; the usual one leaves room for the time budget.
                timeout=max(timeout, 120.0 * minutes) if timeout == USUAL else timeout,
                progress=progress,
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
    told = (manifest.read(folder) for folder in reversed(archive.packs(home).values()))
    of = next((str(one["company"]) for one in told if one), snapshot.company)
    if of != snapshot.company:
        raise OtherCompanyError(
            f"{home} is the archive of {of}; the pack of {snapshot.company} goes to another one: give --out, such as "
            f"{home / 'NAME'}. A company that changed its name keeps the old one in settings.toml, or begins a new "
            "archive. Nothing was changed."
        )


def _read(data: str | Path, as_of: str | None) -> Snapshot:
    from soe_lib.model.checks import read  # the room loads no solver; an extract with events asks the model

    return read(data, as_of)


def _make(job: Job, notes: list[str], started: float) -> PackResult:
    """Publish unless the very same pack is in force and intact."""
    target = job.out / job.snapshot.as_of.isoformat()
    before = archive.previous(job.out, job.snapshot.as_of)
    meetings = meeting.known_before(job.store, company=job.snapshot.company, as_of=job.snapshot.as_of)
    gathered = manifest.collect(job.snapshot, job.pages, job.templates, meetings)
    wanted = manifest.identity(job.snapshot, job.pages, job.templates, before, manifest.history(gathered))
    wanted["beside"] = manifest.beside(gathered)
    if job.browser:
        wanted["pdf"] = True
    there = manifest.read(target) if target.exists() else None
    if there is not None and manifest.same(there, wanted):
        faults = manifest.faults_of(target, there)
        if not faults:
            archive.clear_failed(job.out)
            _write_archive(job, None)
            said = f"{target} is up to date: inputs, code and notebooks are those of run {there['run']}. Nothing added."
            return PackResult(target, there, published=False, message=said, notes=tuple(notes))
        notes = [*notes, *faults, "A fresh pack was made; the altered one is kept as a version."]
    with archive.staging(job.out) as staging:
        run = archive.next_run(job.out, target)
        with ThreadPoolExecutor(1) as aside:
            # Compressing waits for the disk, the notebooks for the processor: side by side it costs the run nothing.
            written = aside.submit(manifest.keep, gathered, job.out, staging / "inputs")
            kept = {one.path: one.sha256 for one in gathered}
            whole = build(
                job, staging, wanted, run, manifest.link(target, there) if there is not None else None, started, kept
            )
            written.result()
        notes = [*notes, *_publish(job, staging, target, whole, run)]
    said = f"{target} is published" + (f" as run {run}; run {run - 1} is kept." if run > 1 else ".")
    return PackResult(target, whole, published=True, message=said, notes=tuple(notes))


def _publish(job: Job, staging: Path, target: Path, whole: manifest.Manifest, run: int) -> list[str]:
    """Store the plan, then the one rename that makes the pack appear, then the archive page; returns what to note."""
    with job.step("publish"):
        manifest.settle(staging / "inputs", job.out)
        if (staging / "results" / "plan").is_dir():
            # A run that dies after this line leaves a stored plan without a pack: the next run completes it.
            _store(job, staging / "results" / "plan")
        _store_meeting(job, staging / "results")
        archive_pages = overview.pages(job.out, templates=job.templates, coming=whole)
        replaced = f"{target.name}.{run - 1}" if target.exists() else ""
        archive.put(staging / "pack", target, replaced=replaced)
        try:
            archive.clear_failed(job.out)
            for path, text in archive_pages.items():
                workspace.write(path, text)
            archive.extend(job.out)
        except OSError as error:
            return [f"The pack is published; the page of all weeks could not be written ({error}): run again."]
    return []


def _store(job: Job, plan: Path) -> None:
    """Keep the plan in the history; the very same plan again adds nothing there."""
    try:
        history.append(job.store, plan, reason=job.reason)
    except (SoeError, OSError):
        raise
    except Exception as error:
        # The table store's own errors share no base class.
        raise PackError(f"The plan could not be kept in {job.store}: {error}. Nothing was published.") from error


def _store_meeting(job: Job, results: Path) -> None:
    """Keep the week's exceptions and their options beside the plan, for `soe decide` and the next week."""
    from soe_lib.review.week import HandOver  # making packs loads no solver

    left = HandOver(results)
    for table, name in (("exceptions", "memory"), ("options", "options")):
        if (rows := left.read(name)) is not None:
            meeting.keep(job.store, table, rows, company=job.snapshot.company, as_of=job.snapshot.as_of)


def _write_archive(job: Job, coming: Mapping[str, Any] | None) -> None:
    """Bring the archive page up to date where a run died before it could."""
    for path, text in overview.pages(job.out, templates=job.templates, coming=coming).items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            workspace.write(path, text)

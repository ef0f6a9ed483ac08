"""Build one pack in a staging folder: run the notebooks, render the pages, inspect them, seal the manifest."""

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

from soe_lib.errors import PackError
from soe_lib.model.planning import COMING
from soe_lib.model.stock_targets import safety_stocks
from soe_lib.operations import release
from soe_lib.pack import (
    cover,
    execute,
    figures,
    inspection,
    lineage,
    manifest,
    notebooks,
    pdf,
    publish,
    render,
    site,
    trends,
    workbook,
)

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot

Progress = Callable[[str, str], None]
AT_ONCE = 2
MINUTES = 10.0
"""Time budget of a pack: what all its solves share, the notebooks' start and the pages' rendering included [min]."""
APART = 0.25
"""Of the budget, what is kept for everything after the last search."""
STORE = "plans"


@dataclass(frozen=True)
class Job:
    """One run under way; `minutes` is the time budget that its solves share, see `soe_lib.model.budget`."""

    snapshot: Snapshot
    pages: tuple[notebooks.Page, ...]
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
        return self.history or str(self.out / STORE)

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
    executed = _run_all(job, results)
    with job.step("render"):
        said = {page.name: publish.read(results / f"{page.name}.json") for page in job.pages}
        plan = cover.plan_facts(results, job.snapshot.fingerprint)
        checks = _checks(said)
        sheets = workbook.read(results / "finance")
        frame = _site(job, run, bool(sheets), [score for one in said.values() for score in one["scores"]])
        for page in job.pages:
            proof = cover.proof(plan, said[page.name], job.snapshot.currency)
            html = render.page(executed[page.name], said[page.name] | {"proof": proof}, frame, templates=job.templates)
            (pack / f"{page.name}.html").write_text(html, encoding="utf-8")
        content = cover.compose(job.snapshot, list(said.values()), plan, checks)
        (pack / "index.html").write_text(cover.page(content, frame, templates=job.templates), encoding="utf-8")
        _trace(job, results, pack, said, sheets)
        if sheets:
            workbook.write(pack / workbook.NAME, sheets, frame, notes=content.assumptions)
        for sheet in sheets:
            if sheet.name == "stock_targets":
                release.checked(pack / "targets.csv", safety_stocks(job.snapshot, sheet.frame))
    if job.browser:
        with job.step("pdf"):
            pdf.write(pack, ["index", *(page.name for page in job.pages)], program=job.browser)
    with job.step("verify"):
        _inspect(pack, job.pages, bool(sheets))
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


def _run_all(job: Job, results: Path) -> dict[str, Path]:
    """Run the notebooks, two at a time, each as soon as the pages it reads are done."""
    parameters = {"data": job.data, "as_of": job.snapshot.as_of, "results": results, "store": job.store}
    for page in job.pages:
        execute.check_parameters(page.path, parameters)
        job.progress(page.name, "waiting")
    if any(page.name == "balance" for page in job.pages):
        (results / COMING).touch()
    order, stop = notebooks.graph(job.pages), threading.Event()
    order.prepare()
    by_name = {page.name: page for page in job.pages}
    executed: dict[str, Path] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running: dict[Future[Path], str] = {}
        try:
            while order.is_active():
                for name in sorted(order.get_ready(), key=lambda name: _urgency(by_name[name], job.pages)):
                    running[pool.submit(_run_one, job, by_name[name], parameters, results, stop)] = name
                render.warm()
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    name = running.pop(future)
                    executed[name] = future.result()
                    order.done(name)
        except BaseException:
            stop.set()
            raise
    return executed


def _urgency(page: notebooks.Page, pages: Sequence[notebooks.Page]) -> tuple[int, int]:
    """What others wait for goes first."""
    return (-sum(page.name in other.after for other in pages), page.order)


def _run_one(
    job: Job, page: notebooks.Page, parameters: Mapping[str, object], results: Path, stop: threading.Event
) -> Path:
    with job.step(page.name):
        return execute.run(
            page.path,
            parameters,
            folder=results.parent / "executed",
            cwd=job.home,
            timeout=job.timeout,
            sentinel=results / f"{page.name}.json",
            stop=stop,
            deadline=job.deadline,
            told=lambda said: job.progress(page.name, said),
        )


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
    from soe_lib.model.plan import Plan
    from soe_lib.money.trace import lineage as found

    plan = Plan.load(results / "plan")
    if plan.fingerprint == job.snapshot.fingerprint:
        figures = lineage.figures_of(said, {one.name: one.frame for one in sheets}, job.snapshot.currency)
        lineage.write(pack / lineage.NAME, found(plan, job.snapshot), figures)


def _site(job: Job, run: int, with_workbook: bool, scores: Sequence[Mapping[str, Any]]) -> site.Site:
    if not with_workbook and any(page.name == "finance_review" for page in job.pages):
        raise PackError(
            "finance_review left no frames in <results>/finance (statement.parquet, ledger.parquet, …), so there would "
            "be no workbook. Nothing was published."
        )
    return site.Site(
        company=job.snapshot.company,
        currency=job.snapshot.currency,
        as_of=job.snapshot.as_of,
        run=run,
        fingerprint=job.snapshot.fingerprint,
        created=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        pages=job.pages,
        workbook=with_workbook,
        pdf=bool(job.browser),
        trends=trends.of_week(job.out, job.snapshot.as_of, job.snapshot.company, scores),
    )


def _inspect(pack: Path, pages: Sequence[notebooks.Page], with_workbook: bool) -> None:
    expected = ["index.html", *(f"{page.name}.html" for page in pages), *([workbook.NAME] if with_workbook else [])]
    faults = inspection.faults(pack, expected)
    if faults:
        listed = "\n".join(f"  {fault}." for fault in faults[:20])
        raise PackError(f"The finished pages are not fit to be published ({len(faults)} faults):\n{listed}")

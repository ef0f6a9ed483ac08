"""out/failed.html: what a run that failed leaves behind. It is linked from the archive page and replaces nothing."""

from __future__ import annotations

import contextlib
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from soe_lib.errors import DataError, PackError, ReconciliationError, SoeError, SolveError
from soe_lib.pack import manifest, place, site, verify
from soe_lib.pack.execute import one_line

NAME = "failed.html"
LINES = 60
ADVICE: tuple[tuple[type[BaseException], str], ...] = (
    (DataError, "Mend the extract where the message says so; `soe check` lists every finding with its fix."),
    (SolveError, "See with `soe conflict` which promises cannot all be kept; free one of them in the extract."),
    (ReconciliationError, "Publish nothing by hand: two readings of the same money differ. Send this page to support."),
    (PackError, "Do what the message says; where it names a command, run that to see the failure with all details."),
    (SoeError, "Do what the message says."),
)
UNEXPECTED = "This is a fault of the program. Send this page, with the version of soe_lib, to whoever looks after it."


@dataclass(frozen=True)
class Failure:
    """A run that failed, as its page and its notification tell it.

    Parameters
    ----------
    kind : the error's class. step : what the run was doing. when : time in UTC.
    lines : the error's message, line by line, made safe; it may name values of the data.
    good : as-of date of the newest pack that is as it was published; blank where there is none.
    again : the command that runs it again.
    """

    company: str
    kind: str
    step: str
    when: str
    lines: tuple[str, ...]
    good: str
    again: str
    advice: str

    @property
    def headline(self) -> str:
        """One sentence without a value of the data."""
        kept = f"The pack of {self.good} is still good" if self.good else "There is no earlier pack"
        return f"Nothing was published. {kept}."

    @property
    def steps(self) -> tuple[str, ...]:
        """What to do, in order."""
        meanwhile = (f"Until then, hold the meeting with the pack of {self.good}.",) if self.good else ()
        return (self.advice, f"Then run it again: {self.again}", *meanwhile)


def describe(error: BaseException, out: Path, *, data: str, as_of: str | None, step: str, shown: str = "") -> Failure:
    """What there is to say of a failed run; `shown` is the archive's address where `out` is but a copy of it."""
    good = newest_good(out)
    told = (manifest.read(good) if good else None) or {}
    said = [one_line(line) for line in str(error).split("\n") if line.strip()] or ["No message was given."]
    more = [f"… and {len(said) - LINES} more lines."] if len(said) > LINES else []
    dated = f" --as-of {shlex.quote(as_of)}" if as_of else ""
    return Failure(
        company=str(told.get("company", "")),
        kind=type(error).__name__,
        step=step or "start",
        when=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        lines=(*said[:LINES], *more),
        good=good.name if good else "",
        again=f"soe pack{f' --data {shlex.quote(data)}' if data else ''}{dated} --out {shlex.quote(shown or str(out))}",
        advice=next((advice for kind, advice in ADVICE if isinstance(error, kind)), UNEXPECTED),
    )


def newest_good(out: Path) -> Path | None:
    """The newest pack in force whose every file is as it was published."""
    for folder in reversed(place.packs(out).values()):
        told = manifest.read(folder)
        if told is not None and not verify.faults_of(folder, told):
            return folder
    return None


def leave(failure: Failure, out: Path) -> Path | None:
    """Write the page, and link it from the archive page; None where the disk takes neither."""
    from soe_lib.pack import archive

    templates = site.templates()
    try:
        out.mkdir(parents=True, exist_ok=True)
        place.write(out / NAME, site.render(templates, "failed.html.j2", failure=failure, here="failed"))
        for path, text in archive.pages(out, templates=templates).items():
            place.write(path, text)
    except OSError:
        return None
    return out / NAME


def clear(out: Path) -> None:
    """Remove the page after a run that succeeded."""
    with contextlib.suppress(FileNotFoundError):
        (out / NAME).unlink()

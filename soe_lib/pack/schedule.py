"""The weekly job as a scheduler runs it: where it fails, a page is left and somebody is told."""

from __future__ import annotations

import json
import os
import shlex
import smtplib
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

from soe_lib import objects, workspace
from soe_lib.errors import BusyError, DataError, OtherCompanyError, PackError, ReconciliationError, SoeError, SolveError
from soe_lib.extract import folders
from soe_lib.extract.folders import dates
from soe_lib.pack import archive, manifest, overview, render
from soe_lib.pack.job import MINUTES, PackResult, Progress, make_pack
from soe_lib.pack.run_notebook import one_line

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
    for folder in reversed(archive.packs(out).values()):
        told = manifest.read(folder)
        if told is not None and not manifest.faults_of(folder, told):
            return folder
    return None


def leave(failure: Failure, out: Path) -> Path | None:
    """Write the page, and link it from the archive page; None where the disk takes neither."""
    templates = render.templates()
    try:
        out.mkdir(parents=True, exist_ok=True)
        workspace.write(
            out / archive.FAILED, render.render(templates, "failed.html.j2", failure=failure, here="failed")
        )
        for path, text in overview.pages(out, templates=templates).items():
            workspace.write(path, text)
    except OSError:
        return None
    return out / archive.FAILED


SECONDS = 15.0


def tell(failure: Failure, environment: Mapping[str, str] | None = None) -> list[str]:
    """Send the notification wherever the environment says; returns what could not be sent, one sentence each.

    Never raises: a run that failed must still say why, whatever becomes of the message.
    """
    given = os.environ if environment is None else environment
    content = message(failure, details=given.get("SOE_NOTIFY_DETAILS", "").lower() == "yes")
    faults = []
    for name, send in (("SOE_NOTIFY_WEBHOOK", _post), ("SOE_NOTIFY_SMTP", _mail)):
        if not given.get(name):
            continue
        try:
            send(given, content)
        except Exception as error:
            # The address may hold a token: only the kind of the failure is told.
            faults.append(f"The notification by {name} could not be sent ({type(error).__name__}).")
    return faults


def message(failure: Failure, *, details: bool) -> dict[str, str]:
    """What is told: kind, step, time and the pack that is still good; the message itself only with `details`."""
    told = {
        "event": "soe pack failed",
        "kind": failure.kind,
        "step": failure.step,
        "when": f"{failure.when} UTC",
        "still_good": failure.good or "none",
        "what_to_do": "Open failed.html in the archive; it says what failed and what to do.",
    }
    return told | ({"message": "\n".join(failure.lines)} if details else {})


def _post(given: Mapping[str, str], content: Mapping[str, str]) -> None:
    address = given["SOE_NOTIFY_WEBHOOK"]
    if urlsplit(address).scheme not in {"http", "https"}:
        raise ValueError("not an http address")
    body = json.dumps(content).encode()
    asked = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(asked, timeout=SECONDS):
        pass


def _mail(given: Mapping[str, str], content: Mapping[str, str]) -> None:
    server = urlsplit(given["SOE_NOTIFY_SMTP"])
    mail = EmailMessage()
    mail["Subject"] = f"soe pack failed: {content['kind']} at {content['step']}"
    mail["From"], mail["To"] = given["SOE_NOTIFY_FROM"], given["SOE_NOTIFY_TO"]
    mail.set_content("\n".join(f"{name.replace('_', ' ')}: {text}" for name, text in content.items()) + "\n")
    secure = server.scheme == "smtps"
    kind = smtplib.SMTP_SSL if secure else smtplib.SMTP
    with kind(server.hostname or "", server.port or (465 if secure else 25), timeout=SECONDS) as sent:
        sent.ehlo()
        if not secure and sent.has_extn("starttls"):
            sent.starttls(context=ssl.create_default_context())
        if user := given.get("SOE_NOTIFY_USER"):
            sent.login(user, given[given["SOE_NOTIFY_PASSWORD"]])
        sent.send_message(mail)


DONE, STOPPED, USAGE, BUSY = 0, 1, 2, 3
"""Exit codes of `soe pack`: published or up to date; stopped, page left; wrong call; another run is under way."""


def run(
    data: str,
    as_of: str | None,
    out: str | Path,
    *,
    progress: Progress | None = None,
    timeout: float = 900.0,
    notebooks: str | Path | None = None,
    reason: str = "",
    store: str | Path | None = None,
    with_pdf: bool = False,
    minutes: float = MINUTES,
) -> PackResult:
    """`make_pack`, and where it fails OUT/failed.html and a notification before the error goes on its way.

    Parameters
    ----------
    data, as_of, out, progress, timeout, notebooks, reason, store, with_pdf, minutes : as of `make_pack`.

    Errors
    ------
    BusyError : another run is under way; no page is left, nothing failed.
    PackError, DataError, SolveError : as of `make_pack`; what could not be notified is added as a note.
    """
    at = [""]

    def told(step: str, state: str) -> None:
        if state == "running":
            at[0] = step
        if progress is not None:
            progress(step, state)

    try:
        how = {"timeout": timeout, "notebooks": notebooks, "reason": reason, "store": store, "with_pdf": with_pdf}
        how["minutes"] = minutes
        return make_pack(data, as_of, out, progress=told, **how)  # type: ignore[arg-type]
    except (BusyError, OtherCompanyError):
        raise
    except Exception as error:
        for note in _leave(error, data, as_of, out, at[0]):
            error.add_note(note)
        raise


def _leave(error: BaseException, data: str, as_of: str | None, out: str | Path, step: str) -> list[str]:
    """Leave the page and tell somebody; returns what to add to the error."""
    if objects.is_address(out):
        try:
            with archive.copy(out, whole=False) as (home, _):
                failure = describe(error, home, data=data, as_of=as_of, step=step, shown=str(out))
                leave(failure, home)
                store = objects.opened(str(out))
                store.put(archive.FAILED, (home / archive.FAILED).read_bytes())
                overview.put(store, home)
        except Exception as unreachable:
            # Whatever the object store has, the first error must be told.
            return [f"No page could be left at {out} ({type(unreachable).__name__})."]
        return [f"What to do: {out}/{archive.FAILED}", *tell(failure)]
    home = workspace.place(out).resolve()
    failure = describe(error, home, data=data, as_of=as_of, step=step)
    page = leave(failure, home)
    return [*([f"What to do: {page}"] if page else []), *tell(failure)]


TRIES = 3


@dataclass(frozen=True)
class Outcome:
    """What became of one company's run: its exit code (see `weekly`) and what was said."""

    company: str
    code: int
    said: str


def companies(data: str | Path) -> tuple[Path, ...]:
    """The company folders in a folder: those that hold an extract by its as-of date.

    Raises DataError where there is none.
    """
    home = folders.found(data)
    found = tuple(path for path in sorted(home.iterdir()) if dates(path)) if home.is_dir() else ()
    if not found:
        raise DataError(f"{home} holds no company: no folder in it has an extract named by its as-of date.")
    return found


def pack_all(
    data: str | Path,
    as_of: str | None,
    out: str | Path,
    *,
    cluster: str = "",
    timeout: float = 900.0,
    minutes: float = MINUTES,
) -> tuple[Outcome, ...]:
    """Make the pack of every company in a folder, each in its own archive OUT/<company>/.

    Each run is transactional, so a worker that is lost costs nothing but its time: another one makes the pack again.

    Parameters
    ----------
    data : folder of company folders; all workers must see it, and `out`, under the same name.
    cluster : address of a Dask scheduler, such as tcp://127.0.0.1:8786; blank: one after another in this process.
    """
    asked = [(str(path.resolve()), as_of, _archive(out, path.name), timeout, minutes) for path in companies(data)]
    if not cluster:
        return tuple(one(*each) for each in asked)
    try:
        from distributed import Client
    except ImportError as error:
        raise SoeError("A cluster needs the extra `cluster`: pip install 'soe_lib[cluster]'.") from error
    with Client(cluster, timeout=30) as client:
        begun = [client.submit(one, *each, pure=False, retries=TRIES) for each in asked]
        return tuple(client.gather(begun))


def one(data: str, as_of: str | None, out: str, timeout: float, minutes: float = MINUTES) -> Outcome:
    """One company's run, wherever it is carried out; never raises what this library raises on purpose."""
    name = Path(data).name
    try:
        made = run(data, as_of, out, timeout=timeout, minutes=minutes)
    except BusyError as error:
        return Outcome(name, BUSY, str(error))
    except SoeError as error:
        return Outcome(name, STOPPED, "\n".join([str(error), *getattr(error, "__notes__", ())]))
    return Outcome(name, DONE, made.message)


def _archive(out: str | Path, company: str) -> str:
    return f"{str(out).rstrip('/')}/{company}" if "://" in str(out) else str(workspace.place(out).resolve() / company)

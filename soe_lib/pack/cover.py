"""The cover: the decisions asked for, the money at stake, the scoreboard, and whether it can be trusted."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soe_lib.errors import PackError
from soe_lib.pack import render
from soe_lib.review import words

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot

Said = Mapping[str, Any]
DECISIONS = 5
MARGINS = 4
FINDINGS = 40
WORST = ("act", "watch", "good", "unknown")


@dataclass(frozen=True)
class Fact:
    """One line of the trust strip; the state, where there is one, gets its sign; `brief` reads without the name."""

    name: str
    text: str
    state: str = ""
    brief: str = ""


@dataclass(frozen=True)
class Listed:
    """One finding of the data check as the cover lists it."""

    level: str
    text: str


@dataclass(frozen=True)
class Cover:
    """Everything that the cover shows, computed from the pages' JSON files, the plan and the snapshot.

    Parameters
    ----------
    headline, standfirst : the two sentences at the top.
    margins : the scores whose name starts with "Margin".
    stake : the sum of the decisions' money; None where they have none or several currencies.
    decisions : at most five, most money first; further : how many more there are on the pages.
    handed_up : what is not this meeting's to decide, most money first.
    pages : what each page published.
    actions : what came of the decisions of the last meeting.
    trust, checks, findings, assumptions : why one may believe it.
    """

    headline: str
    standfirst: str
    margins: tuple[Said, ...]
    stake: float | None
    decisions: tuple[Said, ...]
    handed_up: tuple[Said, ...]
    further: int
    pages: tuple[Said, ...]
    actions: tuple[Said, ...]
    trust: tuple[Fact, ...]
    checks: tuple[Said, ...]
    findings: tuple[Listed, ...]
    assumptions: tuple[str, ...]

    @property
    def proof(self) -> tuple[Fact, ...]:
        """The judged lines of the trust strip, for the first screen."""
        return tuple(fact for fact in self.trust if fact.state)


def plan_facts(results: Path, fingerprint: str) -> dict[str, Any]:
    """What the balance page's plan says of itself: status, objective, gap, seconds, solver, margin.

    Empty where no page left a plan. Numbers that are not finite become None, which JSON can hold.

    Errors
    ------
    PackError : the plan was made from other inputs than the pack.
    """
    path = results / "plan" / "plan.json"
    if not path.is_file():
        return {}
    told = json.loads(path.read_bytes())
    facts = {**told, **told.get("solution", {})}
    if facts.get("fingerprint", fingerprint) != fingerprint:
        raise PackError(
            f"The plan in {path.parent.name} was made from other inputs ({facts['fingerprint'][:12]}) than this pack "
            f"({fingerprint[:12]}): the balance notebook read another extract. Nothing was published."
        )
    return {name: None if _endless(value) else value for name, value in facts.items()}


def _endless(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def compose(snapshot: Snapshot, pages: Sequence[Said], plan: Mapping[str, Any], checks: Sequence[Said]) -> Cover:
    """The cover's content.

    Parameters
    ----------
    pages : what each page published, in reading order (`publish.read`).
    plan : see `plan_facts`.
    checks : all checks, the pages' and the pack's own.
    """
    asked = ranked(pages)
    stake = _stake(asked, snapshot.currency)
    return Cover(
        headline=_headline(asked, stake, snapshot.currency),
        standfirst=_standfirst(pages, asked),
        margins=tuple(margins(pages)[:MARGINS]),
        stake=stake,
        decisions=tuple(asked[:DECISIONS]),
        handed_up=tuple(ranked(pages, handed_up=True)),
        further=max(0, len(asked) - DECISIONS),
        pages=tuple(pages),
        actions=tuple(action for said in pages for action in said["actions"]),
        trust=tuple(_trust(snapshot, plan, checks)),
        checks=tuple(checks),
        findings=tuple(_findings(snapshot)),
        assumptions=tuple(_assumptions(snapshot, pages)),
    )


def page(content: Cover, frame: render.Site, *, templates: Path) -> str:
    """index.html of the pack."""
    return render.render(templates, "cover.html.j2", cover=content, site=frame, here="index")


def ranked(pages: Sequence[Said], *, handed_up: bool = False) -> list[Said]:
    """The meeting's own decisions, or those it hands up: most money first; equal money by deadline, then title."""
    every = [decision for said in pages for decision in said["decisions"]]
    asked = [decision for decision in every if bool(decision["hand_up"]) == handed_up]
    return sorted(asked, key=lambda item: (-abs(item["money"] or 0.0), item["deadline"] or "9999", item["title"]))


def margins(pages: Sequence[Said]) -> list[Said]:
    """The scores that say what the plan is worth: their names start with "Margin"; each name once."""
    found = [score for said in pages for score in said["scores"] if score["name"].lower().startswith("margin")]
    return list({score["name"]: score for score in reversed(found)}.values())[::-1]


def summary(pages: Sequence[Said], plan: Mapping[str, Any]) -> dict[str, Any]:
    """What the archive page shows of this week."""
    scores = [score for said in pages for score in said["scores"]]
    lead = next((score for score in margins(pages) if score["value"] is not None), None)
    service = next((score for score in scores if score["name"].lower().startswith("service")), None)
    margin = plan.get("margin")
    states = {score["state"] for score in scores}
    return {
        "margin": margin if margin is not None else lead["value"] if lead else None,
        "service": {"value": service["value"], "shown": service["shown"]} if service else None,
        "decisions": len(ranked(pages)),
        "state": next((state for state in WORST if state in states), "unknown"),
        "scores": [{key: score[key] for key in ("name", "value", "unit", "shown", "state")} for score in scores],
    }


def _stake(asked: Sequence[Said], currency: str) -> float | None:
    """What the decisions are worth together; None without money, or where currencies differ."""
    worth = [item for item in asked if item["money"] is not None]
    if not worth or {item["currency"] or currency for item in worth} != {currency}:
        return None
    return math.fsum(abs(item["money"]) for item in worth)


def _headline(asked: Sequence[Said], stake: float | None, currency: str) -> str:
    if not asked:
        return "No decision is asked for this week"
    count = words.sentence(words.count(len(asked), "decision")).rstrip(".")
    verb = "is" if len(asked) == 1 else "are"
    return f"{count} {verb} asked for" if stake is None else f"{count}, {words.brief_money(stake, currency)} at stake"


def _standfirst(pages: Sequence[Said], asked: Sequence[Said]) -> str:
    """The finding of the page that values the plan, and the nearest deadline."""
    leading = next((said for said in pages if margins([said])), pages[0])
    deadlines = sorted(item["deadline"] for item in asked if item["deadline"])
    nearest = f" The first decision is due {words.day(date.fromisoformat(deadlines[0]))}." if deadlines else ""
    return f"{words.sentence(leading['headline'])}{nearest}"


def _trust(snapshot: Snapshot, plan: Mapping[str, Any], checks: Sequence[Said]) -> list[Fact]:
    failed = sum(1 for check in checks if not check["ok"])
    open_ = sum(1 for check in checks if check["ok"] and check.get("state"))
    passed = len(checks) - failed - open_
    found = words.count(len(snapshot.findings), "finding")
    share = f"{passed} of {len(checks)}"
    rest = f", {open_} {words.UNKNOWN}" if open_ else ""
    state = "act" if failed else "watch" if open_ else "good"
    rows = int(snapshot.files["rows"].sum())
    return [
        *_plan_trust(plan, snapshot.currency),
        Fact("Checks", f"{share} passed{rest}", state, f"{share} checks passed{rest}"),
        Fact("Data", f"{words.count(rows, 'row')} in {words.count(snapshot.files.height, 'file')}"),
        Fact("Findings", found, "watch" if snapshot.findings else "good", f"{found} in the data"),
        Fact("Inputs", snapshot.fingerprint[:12]),
    ]


def proof(plan: Mapping[str, Any], said: Said, currency: str) -> str:
    """What a page says beside its headline where a plan that it speaks of is not proven optimal; else blank."""
    short = plan and plan.get("status") == "feasible"
    own = f"This week's plan is {words.proof(plan, currency)}: its search for set-ups ended by time." if short else ""
    return " ".join(filter(None, [own, said.get("proof", "")]))


def _plan_trust(plan: Mapping[str, Any], currency: str) -> list[Fact]:
    if not plan:
        return []
    status = str(plan.get("status", "unknown"))
    proven = status.startswith("optimal")
    said = words.proof(plan, currency)
    facts = [Fact("Plan", said, "good" if proven else "watch", f"Plan {said}")]
    if plan.get("gap") is not None:
        facts.append(Fact("Gap to the best possible", _gap(float(plan["gap"]))))
    if plan.get("solver"):
        seconds = f", {words.number(plan['seconds'], decimals=1)} s" if plan.get("seconds") is not None else ""
        facts.append(Fact("Solver", f"{plan['solver']}{seconds}"))
    return facts


def _gap(gap: float) -> str:
    """A relative gap as a reader takes it in: "0.00 %", or a power of ten where that would hide it."""
    return words.percent(gap, decimals=2) if gap == 0 or gap >= 5e-5 else f"below {words.percent(1e-4, decimals=2)}"


def _findings(snapshot: Snapshot) -> list[Listed]:
    shown = snapshot.findings[:FINDINGS]
    listed = [Listed(finding.level, str(finding).removeprefix(f"{finding.level}: ")) for finding in shown]
    left_out = len(snapshot.findings) - len(listed)
    return [*listed, *([Listed("more", f"{left_out:,} further findings; see `soe check`.")] if left_out else [])]


def _assumptions(snapshot: Snapshot, pages: Sequence[Said]) -> list[str]:
    every = (text for page in pages for text in (*page["assumptions"], *filter(None, [page.get("proof")])))
    said = [*snapshot.settings.notes, *every]
    return list(dict.fromkeys(said))

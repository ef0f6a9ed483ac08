"""What a review notebook hands to the weekly pack: its headline, scores, decisions, checks and assumptions.

The last code cell of each review calls `publish`. The file it leaves, `<results>/<page>.json`, is also the proof that
the notebook ran to its end: without it nothing is published.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

from soe_lib.errors import PackError
from soe_lib.pack.notebooks import NAME, nearest
from soe_lib.pack.place import write
from soe_lib.review import words

STATES = ("good", "watch", "act", "unknown")
SCORE = {"name": "", "value": None, "unit": "", "text": "", "shown": "", "delta": "", "state": "unknown", "side": ""}
DECISION = {
    "title": "", "why": "", "money": None, "currency": "", "service": "", "deadline": "",
    "owner": "", "doing_nothing": "", "hand_up": "", "page": "", "anchor": "", "key": "", "memory": "", "options": (),
}  # fmt: skip
OPTION = dict.fromkeys(
    ("option", "margin", "goodwill", "shortage", "other", "service", "stock", "churn", "verdict", "note"), ""
)
ACTION = {
    "title": "", "option": "", "owner": "", "due": "", "promised": None, "realised": None, "state": "", "evidence": "",
}  # fmt: skip
CHECK = {"name": "", "ok": None, "detail": "", "state": ""}
NUMBERS = ("value", "money", "promised", "realised")
Entry = Mapping[str, Any] | object


def publish(
    results: str | Path,
    *,
    page: str = "",
    title: str,
    headline: str,
    scores: Iterable[Entry] = (),
    decisions: Iterable[Entry] = (),
    checks: Iterable[Entry] = (),
    assumptions: Iterable[str] = (),
    actions: Iterable[Entry] = (),
) -> None:
    """Hand a review's findings to the weekly pack; run by hand (blank `results`), show them instead.

    Parameters
    ----------
    results : the folder that the weekly pack collects from; blank when the notebook is run by hand.
    page : the notebook's name; in a pack it may be left out. title : the page's heading.
    headline : what the page found, in one or two sentences.
    scores : name, value, unit, text (what it means), state (good, watch, act, unknown), delta, shown (the figure as
        text; computed where blank). Scores whose name starts with "Margin" lead the cover.
    decisions : title, why, money and currency, service, deadline (ISO date), owner, doing_nothing (what happens then),
        hand_up (who decides, such as "S&OP", where it is not this meeting's),
        anchor (the section of the page that shows the options, see `review.words.anchor`), key (the exception's name
        from week to week), memory (how long it has been open), options (texts: option, margin, goodwill, shortage,
        other, service, stock, churn, verdict, note).
    actions : title, option, owner, due, promised, realised, state, evidence: what came of the last meeting's decisions.
    checks : name, ok, detail. One check that is not ok stops the whole pack.
    assumptions : sentences listed in the pack.

    Errors
    ------
    PackError : a field that is missing, unknown, of the wrong kind, or not a finite number.
    """
    from soe_lib.model.budget import TALLY

    said = document(
        page=page or os.environ.get("SOE_PAGE", "review"),
        title=title,
        headline=headline,
        scores=scores,
        decisions=decisions,
        checks=checks,
        assumptions=assumptions,
        actions=actions,
        proof=TALLY.text,
    )
    if not str(results).strip():
        _display(summary(said))
        return
    folder = Path(results)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / f"{said['page']}.json", json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False))


def document(
    *,
    page: str,
    title: str,
    headline: str,
    scores: Iterable[Entry] = (),
    decisions: Iterable[Entry] = (),
    checks: Iterable[Entry] = (),
    assumptions: Iterable[str] = (),
    actions: Iterable[Entry] = (),
    proof: str = "",
) -> dict[str, Any]:
    """The checked content of a page's JSON file; `proof` says how far the plans that it made are proven."""
    if not NAME.match(page):
        raise PackError(f"publish: page is {page!r}; give the notebook's name: small letters, digits and _.")
    for name, text in (("title", title), ("headline", headline)):
        if not isinstance(text, str) or not text.strip():
            raise PackError(f"publish on {page}: {name} is empty; say what the page found.")
    return {
        "page": page,
        "title": title,
        "headline": headline,
        "scores": [_score(page, entry) for entry in scores],
        "decisions": [_decision(page, entry) for entry in decisions],
        "checks": [_check(page, entry) for entry in checks],
        "assumptions": [str(text) for text in assumptions],
        "actions": [_entry(page, "action", entry, ACTION, needed=("title",)) for entry in actions],
        "proof": str(proof),
    }


def read(path: Path) -> dict[str, Any]:
    """A page's JSON file, checked again: it may have been written by other means than `publish`.

    Errors
    ------
    PackError : the file is not valid.
    """
    try:
        said = json.loads(path.read_bytes())
        if said.get("page") != path.stem:
            raise PackError(f"{path.name} says that its page is {said.get('page')!r}; it must be {path.stem!r}.")
        return document(**said)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise PackError(f"{path.name} is not what soe.publish writes ({error}). Publish with soe.publish.") from error


def shown(score: Mapping[str, Any]) -> str:
    """A score's figure as a reader sees it: "93.1 %", "EUR 40,200", "12 days"; "not known" without a figure."""
    if score["shown"]:
        return str(score["shown"])
    value, unit = score["value"], str(score["unit"])
    if value is None:
        return words.UNKNOWN
    if unit == "%":
        return words.percent(value, decimals=1)
    if len(unit) == 3 and unit.isupper():
        return words.money(value, unit)
    figure = words.number(value, decimals=0 if float(value).is_integer() or abs(value) >= 1000 else 1)
    return f"{figure}{words.HARD_SPACE}{unit}" if unit else figure


def _score(page: str, entry: Entry) -> dict[str, Any]:
    score = _entry(page, "score", entry, SCORE, needed=("name",))
    if score["state"] not in STATES:
        raise PackError(
            f"publish on {page}: score {score['name']!r} has state {score['state']!r}; use one of {', '.join(STATES)}."
        )
    return score | {"shown": shown(score)}


def _decision(page: str, entry: Entry) -> dict[str, Any]:
    decision = _entry(page, "decision", entry, DECISION, needed=("title",))
    if decision["deadline"]:
        try:
            date.fromisoformat(decision["deadline"])
        except ValueError:
            raise PackError(
                f"publish on {page}: decision {decision['title']!r} has the deadline {decision['deadline']!r}; "
                "give an ISO date such as 2026-11-18, or leave it blank."
            ) from None
    options = [_entry(page, "option", one, OPTION, needed=("option",)) for one in decision["options"]]
    return decision | {"page": decision["page"] or page, "options": options}


def _check(page: str, entry: Entry) -> dict[str, Any]:
    check = _entry(page, "check", entry, CHECK, needed=("name",))
    if not isinstance(check["ok"], bool):
        raise PackError(f"publish on {page}: check {check['name']!r} has ok = {check['ok']!r}; give True or False.")
    return check


def _entry(page: str, kind: str, entry: Entry, fields: Mapping[str, Any], *, needed: Sequence[str]) -> dict[str, Any]:
    """One score, decision or check as a plain dictionary with all its fields."""
    given = _as_dict(entry)
    if given is None:
        raise PackError(f"publish on {page}: a {kind} is a {type(entry).__name__}; give a dictionary or a dataclass.")
    for name in given:
        if name not in fields:
            hint = nearest(str(name), list(fields))
            raise PackError(f"publish on {page}: a {kind} has the unknown field {name!r}; {hint}.")
    whole = {name: _value(page, kind, name, given.get(name, default)) for name, default in fields.items()}
    for name in needed:
        if not whole[name]:
            raise PackError(f"publish on {page}: a {kind} has no {name}.")
    return whole


def _as_dict(entry: Entry) -> Mapping[str, Any] | None:
    if isinstance(entry, Mapping):
        return entry
    if callable(told := getattr(entry, "as_dict", None)):
        found = told()
        return found if isinstance(found, Mapping) else None
    if dataclasses.is_dataclass(entry) and not isinstance(entry, type):
        return dataclasses.asdict(entry)
    return None


def _value(page: str, kind: str, name: str, value: Any) -> Any:
    """A field as JSON takes it: numbers finite, dates as ISO text, everything else text."""
    if name == "options":
        return list(value or ())
    if name == "ok":
        return bool(value) if type(value).__name__ in {"bool", "bool_"} else value
    if name in NUMBERS:
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise PackError(f"publish on {page}: a {kind} has {name} = {value!r}; give a number or None.") from None
        if not math.isfinite(number):
            raise PackError(f"publish on {page}: a {kind} has {name} = {value!r}; say None where it is not known.")
        return number
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)


def summary(said: Mapping[str, Any]) -> str:
    """A compact view of what would be published, for a notebook run by hand."""
    rows = [
        *(("score", score["name"], f"{score['shown']} · {score['state']}") for score in said["scores"]),
        *(("decision", decision["title"], decision["why"]) for decision in said["decisions"]),
        *(
            ("check", check["name"], check["state"] or "ok" if check["ok"] else f"FAILED {check['detail']}")
            for check in said["checks"]
        ),
        *(("assumed", text, "") for text in said["assumptions"]),
    ]
    body = "".join(
        f'<tr><th scope="row">{kind}</th><td>{escape(name)}</td><td>{escape(text)}</td></tr>'
        for kind, name, text in rows
    )
    return f"<p><b>{escape(said['title'])}.</b> {escape(said['headline'])}</p><table>{body}</table>"


def _display(html: str) -> None:
    from IPython.display import HTML, display

    display(HTML(html))

"""Checks that every flow, constraint, column and ledger label that a block refers to exists; else says what to correct.

A name that no block brings would leave the plan unchanged and "optimal": the mistake would never show. A block lists in
`optional` the names that a company may lack.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from soe_lib.errors import FormulationError, hint, likeness
from soe_lib.model.assemble import LEDGER_LABELS, cells_of
from soe_lib.model.terms import Block, Constraint, Effect, Flow, Rate, lacking
from soe_lib.money.ledger import ACCOUNTS, KINDS

BRINGS: Mapping[str, type] = {"flows": Flow, "constraints": Constraint, "effects": Effect, "rates": Rate}
"""Method of a block → the type that it returns."""

SENSES = ("==", "<=")
MISSPELT = 0.85
"""Similarity to a standard account from which a name counts as a typing error."""


def brought(block: Block, what: str, network: object) -> list[Any]:
    """What one method of a block brings; raises FormulationError where that is no list of the right terms."""
    who, kind = called(block), BRINGS[what]
    try:
        found = getattr(block, what)(network)
        parts = [] if isinstance(found, kind) or found is None else list(found)
    except pl.exceptions.PolarsError as error:
        raise FormulationError(f"{who}.{what}: {_first_line(error)}; correct the block's expression.") from error
    except KeyError as error:
        raise FormulationError(f"{who}.{what}: {error.args[0] if error.args else error}") from error
    if found is None or isinstance(found, kind):
        said = "nothing" if found is None else f"a lone {kind.__name__}"
        raise FormulationError(f"{who}.{what} returns {said}: yield each {kind.__name__}, or return a list of them.")
    if strange := [part for part in parts if not isinstance(part, kind)]:
        raise FormulationError(f"{who}.{what} brings {strange[0]!r}: it must be a {kind.__name__}.")
    return parts


def twins(bringing: Mapping[str, Sequence[Block]], what: str) -> None:
    """Raises FormulationError where a name is brought twice."""
    if found := {name: blocks for name, blocks in bringing.items() if len(blocks) > 1}:
        name, blocks = min(found.items())
        raise FormulationError(
            f"{len(found)} {what} of the same name are brought twice, first {name!r} by "
            f"{' and by '.join(called(block) for block in blocks)}: rename one of them, or pass the block once."
        )


def check(blocks: Iterable[Block], parts: Mapping[str, Sequence[tuple[Block, Any]]], flows: Mapping[str, Flow]) -> None:
    """Raises FormulationError for the first name in some blocks that does not exist.

    Parameters
    ----------
    blocks : to check. parts : flows, constraints, effects, rates → what every block of the plan brings of them.
    flows : those with cells.
    """
    known = {what: {part.name: part for _, part in parts[what]} for what in ("flows", "constraints")}
    mine = {id(block) for block in blocks}
    own_parts = {what: [pair for pair in parts[what] if id(pair[0]) in mine] for what in BRINGS}
    for block, constraint in own_parts["constraints"]:
        _constraint(constraint, called(block))
    for block, flow in own_parts["flows"]:
        _flow(flow, called(block))
    for block, effect in own_parts["effects"]:
        both = _named(block, "flow", effect.flow, known["flows"]) and _named(
            block, "constraint", effect.on, known["constraints"]
        )
        if both and effect.flow in flows:
            rows: Constraint = known["constraints"][effect.on]
            _effect(block, effect, flows[effect.flow], rows)
            _has_rows(block, effect, rows)
    for block, rate in own_parts["rates"]:
        _account(block, rate)
        if _named(block, "flow", rate.flow, known["flows"]) and rate.flow in flows:
            _rate(block, rate, flows[rate.flow])


def bringers(parts: Iterable[tuple[Block, Any]]) -> dict[str, list[Block]]:
    """Name → the blocks that bring it."""
    found: dict[str, list[Block]] = defaultdict(list)
    for block, part in parts:
        found[part.name].append(block)
    return dict(found)


def called(block: object) -> str:
    """The name of a block in an error."""
    return f"block {type(block).__name__}"


def own(block: Block) -> bool:
    """Whether the block is a company's own; a standard block may select no cells where a company lacks the data."""
    return type(block).__module__.partition(".")[0] != "soe_lib"


def optional(block: Block) -> Collection[str]:
    """The names that a block does not need."""
    named = getattr(block, "optional", ())
    return (named,) if isinstance(named, str) else named


def _named(block: Block, kind: str, name: str, known: Mapping[str, Any]) -> bool:
    """Whether a name exists; False where it is optional in the block."""
    if name in known or name in optional(block):
        return name in known
    meant = hint(name, known) or f"There are {', '.join(sorted(known))}."
    raise FormulationError(
        f"{called(block)} refers to {kind} {name!r}, which no block brings. {meant} If the block must also plan a "
        f"company without it, list it in the block: optional = ({name!r},)."
    )


def _flow(flow: Flow, who: str) -> None:
    who = f"{who}, flow {flow.name}"
    lacking(flow.frame, flow.keys, who)
    for amount in (flow.lower, flow.upper, flow.integer if isinstance(flow.integer, str) else None):
        lacking(flow.frame, amount, who)


def _constraint(constraint: Constraint, who: str) -> None:
    who = f"{who}, constraint {constraint.name}"
    if constraint.sense not in SENSES:
        raise FormulationError(
            f"{who}: its sense is {constraint.sense!r}; write '==' or '<=' "
            "(a floor is −Σ <= −floor: change every sign)."
        )
    lacking(constraint.frame, constraint.keys, who)
    for amount in (constraint.rhs, constraint.break_price):
        lacking(constraint.frame, amount, who)


def _effect(block: Block, effect: Effect, flow: Flow, constraint: Constraint) -> None:
    who = f"{called(block)}, effect of {effect.flow} on {effect.on}"
    if strange := [key for key in effect.at if key not in constraint.keys]:
        raise FormulationError(
            f"{who}: `at` gives {strange[0]!r}, but the keys of {constraint.name} are {', '.join(constraint.keys)}. "
            f"{hint(strange[0], constraint.keys)}".strip()
        )
    cells = _selected(block, effect, flow, who)
    at = {key: effect.at.get(key, key) for key in constraint.keys}
    if effect.after:
        at = {key: column for key, column in at.items() if key != "period" or "period" in effect.at}
    lacking(cells, [column for column in at.values() if column not in ("arrival", "share")], who, "`at`")


def _has_rows(block: Block, effect: Effect, constraint: Constraint) -> None:
    if not constraint.size and own(block) and constraint.name not in optional(block):
        raise FormulationError(
            f"{called(block)}, effect of {effect.flow} on {effect.on}: {constraint.name} has no row, so the effect "
            f"would do nothing. If the block must also plan such a company, list it in the block: "
            f"optional = ({constraint.name!r},)."
        )


def _rate(block: Block, rate: Rate, flow: Flow) -> None:
    who = f"{called(block)}, rate {rate.account} on {rate.flow}"
    cells = _selected(block, rate, flow, who)
    lacking(cells, list(rate.at.values()), who, "`at`")
    booked = rate.at.get("booked", "period")
    if booked not in cells.columns:
        raise FormulationError(
            f"{who}: no period to book it in: the keys of {rate.flow} are {', '.join(flow.keys)}. Give the column with "
            'at={"booked": …}, or add one to the flow (network.first.alias("period") is the first period).'
        )
    if not isinstance(cells.schema[booked], pl.Enum):
        raise FormulationError(f"{who}: {booked!r} is not an Enum of periods; encode the frame with network.encode(…).")


def _account(block: Block, rate: Rate) -> None:
    """Raises FormulationError for an unknown kind or ledger label, a blank account, or a likely misspelt standard
    account.
    """
    who = f"{called(block)}, rate on {rate.flow}"
    if rate.kind not in KINDS:
        raise FormulationError(f"{who}: its kind is {rate.kind!r}; choose one of {', '.join(KINDS)}.")
    if not str(rate.account).strip():
        raise FormulationError(
            f"{who}: its account is blank; write a standard one ({', '.join(ACCOUNTS)}) or your own."
        )
    if strange := [label for label in rate.at if label not in LEDGER_LABELS]:
        raise FormulationError(
            f"{who}: `at` gives {strange[0]!r}, but a ledger line is booked to {', '.join(LEDGER_LABELS)}. "
            f"{hint(strange[0], LEDGER_LABELS)}".strip()
        )
    if rate.account in ACCOUNTS or rate.account in optional(block):
        return
    similar = [account for account in ACCOUNTS if likeness(rate.account, account) >= MISSPELT]
    if similar:
        raise FormulationError(
            f"{who}: {rate.account!r} is no standard account. Did you mean {similar[0]}? If it is an account of your "
            f"own, list it in the block: optional = ({rate.account!r},)."
        )


def _selected(block: Block, term: Effect | Rate, flow: Flow, who: str) -> pl.DataFrame:
    """The cells that a term acts on; raises FormulationError where a company's own selection leaves none."""
    cells = cells_of(term, flow, who)
    lacking(cells, term.per_unit, who, "`per_unit`")
    if cells.is_empty() and own(block) and term.flow not in optional(block):
        chosen = "join" if term.where is None else "where" if term.join is None else "where and join"
        raise FormulationError(
            f"{who}: its `{chosen}` leaves none of the {flow.size:,} cells of {flow.name}, so it would do nothing; "
            f"the first cell is {dict(zip(flow.keys, flow.named.select(flow.keys).row(0), strict=True))}. Correct "
            f"the selection, or list {term.flow!r} in the block's `optional`."
        )
    return cells


def _first_line(error: BaseException) -> str:
    return inspect.cleandoc(str(error)).partition("\n")[0]

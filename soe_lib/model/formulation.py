"""The program as text: flows, constraints, money, block by block, with senses, counts and units."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from soe_lib.model.axis import Floats
from soe_lib.model.terms import Amount, Block, Constraint, Effect, Flow, Rate

if TYPE_CHECKING:
    from soe_lib.model.model import Model


COLUMN = re.compile(r'col\("([^"]+)"\)')
LITERAL = re.compile(r"dyn \w+: ")
NEGATED = re.compile(r"(\w+|\([^()]*\))\.neg(?:ate|)\(\)")
ALONE = re.compile(r"\((−?[\w.]+)\)")


def amount(value: Amount) -> str:
    """A coefficient in words: a number, a column, or an expression over columns."""
    if not isinstance(value, pl.Expr):
        return value if isinstance(value, str) else f"{value:g}"
    text = LITERAL.sub("", COLUMN.sub(r"\1", str(value))).replace("[", "(").replace("]", ")")
    for _ in range(8):  # at least the nesting depth of any rate
        simpler = NEGATED.sub(r"−\1", ALONE.sub(r"\1", text))
        if simpler == text:
            break
        text = simpler
    return text.replace(" * ", " × ").replace(" - ", " − ").replace(" / ", " ÷ ")


def write(model: Model) -> str:
    """The whole program."""
    snapshot, flows, constraints = model.snapshot, model.flows, model.constraints
    columns, rows = sum(f.size for f in flows.values()), sum(b.size for b in constraints.values())
    lines = [
        f"{snapshot.company}, as of {snapshot.as_of}: maximise margin + steering [{snapshot.currency}]",
        f"{columns:,} quantities in {len(flows)} flows, {rows:,} rows in {len(constraints)} constraints, "
        f"{snapshot.periods.height} periods, {snapshot.periods['starts_on'][0]} to {snapshot.periods['ends_on'][-1]}",
    ]
    for block in model.blocks:
        lines += _block(model, block)
    return "\n".join(lines)


def _block(model: Model, block: Block) -> list[str]:
    network = model.network
    brought: list[str] = [f"  hold     {one.label}: {one}   (convex)" for one in getattr(block, "convex", ())]
    brought += [_flow(f) for f in block.flows(network) if f.size]
    brought += [_constraint(b, model) for b in block.constraints(network) if b.size]
    brought += [_effect(e) for e in block.effects(network) if e.flow in model.flows and e.on in model.constraints]
    brought += [_rate(r, model) for r in block.rates(network) if r.flow in model.flows]
    if not brought:
        return []
    idea = (type(block).__doc__ or "").strip().splitlines()
    return ["", f"{block!r}  {idea[0] if idea else ''}", *brought]


def _flow(flow: Flow) -> str:
    kind = "whole" if flow.whole.all() else "some whole" if flow.whole.any() else ">= 0"
    low, high = flow.bounds
    limits = high[np.isfinite(high) & (high > low)]
    if len(limits):
        kind += f", {'' if len(limits) == flow.size else 'some '}at most {spanned(limits)}"
    return f"  choose   {flow.name}({', '.join(flow.keys)})  {flow.size:,} × [{flow.unit}] {kind}: {flow.meaning}"


def _constraint(constraint: Constraint, model: Model) -> str:
    terms = " ".join(_term(e) for e in model.effects if e.on == constraint.name)
    price = "" if constraint.break_price is None else f"; breaking one costs {amount(constraint.break_price)}"
    return (
        f"  hold     {constraint.name}({', '.join(constraint.keys)})  {constraint.size:,} × [{constraint.unit}]: "
        f"{terms or '0'} {constraint.sense} {amount(constraint.rhs)}   ({constraint.meaning}{price})"
    )


def _term(effect: Effect) -> str:
    if effect.note:
        return f"{'' if effect.note[0] in '−+' else '+'}{effect.note}·{effect.flow}"
    number = effect.per_unit
    text = amount(number)
    sign = "" if text.startswith(("-", "−")) else "+"
    body = {"1": sign, "-1": "−"}.get(text, f"{sign}{text}·")
    return f"{body}{effect.flow}{' after lead time' if effect.after else ''}"


def _effect(effect: Effect) -> str:
    return f"  effect   {_term(effect)} on {effect.on}"


def _rate(rate: Rate, model: Model) -> str:
    """A rate in words; where it varies by cell, with the range of its money per unit."""
    rows = model.rate_frames[rate.flow].filter(pl.col("account") == rate.account, pl.col("kind") == rate.kind)
    alone = sum((r.flow, r.account, r.kind) == (rate.flow, rate.account, rate.kind) for r in model.rates) == 1
    varies = alone and isinstance(rate.per_unit, pl.Expr) and rows.height > 0
    money = f" ({spanned(rows['per_unit'].to_numpy())})" if varies else ""
    return f"  money    {rate.account} [{rate.kind}]: {rate.note or amount(rate.per_unit)}{money} per {rate.flow}"


def spanned(values: Floats) -> str:
    """The range of some figures as text: "0.7 to 3.5"; one figure where all are the same."""
    ends = [float(np.min(values)), float(np.max(values))]
    texts = [f"{end:,.2f}".replace("-", "−") if abs(end) >= 1 else f"{end:.3g}".replace("-", "−") for end in ends]
    return " to ".join(dict.fromkeys(texts))

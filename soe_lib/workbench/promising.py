"""The tab that answers a customer: by when orders can be there, what they earn, and keeping what was promised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import polars as pl

from soe_lib.model.living import Living
from soe_lib.model.record import HERE
from soe_lib.pack.display import table_html
from soe_lib.review import words
from soe_lib.store.promised import as_promised
from soe_lib.store.tables import at
from soe_lib.whatif.promises import Promise, keep_promises, promise
from soe_lib.workbench.explorer import Explorer, Runner
from soe_lib.workbench.panel import button, row
from soe_lib.workbench.view import block, fault, refused, status_line

if TYPE_CHECKING:
    from soe_lib.store.tables import Store

KIND = "promise"
FOUND = "— where it is there first —"
INTRODUCTION = (
    "By when an order can be there in this week's plan, without the changes on the left: what open orders are served "
    "with stays, forecast may give way."
)


class Promising(widgets.VBox):
    """Orders to answer, their answers, and the button that keeps them.

    Parameters
    ----------
    explorer : whose week is asked. runner : the thread that everything is worked out in.
    store : plan history beside which promises are kept; the workspace's `out/plans` when left out.
    """

    def __init__(self, explorer: Explorer, runner: Runner, store: Store = "") -> None:
        self.explorer, self.runner, self.store = explorer, runner, store
        snapshot = explorer.snapshot
        self._kept: Living | None = None
        self.listed: list[dict[str, Any]] = []
        self.answers: tuple[Promise, ...] = ()
        names = {name: tuple(snapshot[f"{name}s"][name].sort()) for name in ("item", "customer", "location")}
        wide, narrow = {"width": "17rem"}, {"width": "13rem"}
        self.fields: dict[str, Any] = {
            "item": widgets.Combobox(options=names["item"], description="Item", layout=wide),
            "quantity": widgets.FloatText(value=100.0, description="Quantity", layout=narrow),
            "customer": widgets.Combobox(options=names["customer"], description="Customer", layout=wide),
            "date": widgets.Text(value=f"{snapshot.as_of}", description="Wanted on", layout=narrow),
            "location": widgets.Dropdown(options=[FOUND, *names["location"]], description="From"),
            "price": widgets.Text(description="Price", placeholder="as the customer pays", layout=narrow),
            "order": widgets.Text(description="Order number", placeholder="is given", layout=wide),
        }
        self.displace = widgets.Checkbox(description="Other orders may wait", indent=False)
        self.parts = widgets.Checkbox(description="In parts, day after day", indent=False)
        self.ask = button("When can it be there?", "Plan it; a moment", style="primary")
        self.another = button("Another order", "Put this order on the list and state one more")
        self.clear = button("Clear the list", "Forget the orders on the list")
        self.keep = button("Keep the promise", "Keep it beside the plan history; the next plan honours it")
        self.list, self.said, self.answer = (
            widgets.HTML(),
            widgets.HTML(),
            widgets.HTML(block(f"<p>{INTRODUCTION}</p>")),
        )
        self.ask.on_click(lambda _: self._ask())
        self.another.on_click(lambda _: self._add())
        self.clear.on_click(lambda _: self._clear())
        self.keep.on_click(lambda _: self._keep())
        self.keep.disabled = True
        super().__init__([
            row(*self.fields.values()), row(self.displace, self.parts), self.list,
            row(self.ask, self.another, self.clear, self.keep), self.said, self.answer,
        ])  # fmt: skip

    @property
    def order(self) -> dict[str, Any]:
        """The order in the fields."""
        given = {name: field.value for name, field in self.fields.items()}
        return {name: value for name, value in given.items() if value not in ("", FOUND)}

    # -- the list ---------------------------------------------------------------------------------------------------

    def _add(self) -> None:
        self._list([*self.listed, self.order])

    def _clear(self) -> None:
        self._list([])

    def _list(self, orders: list[dict[str, Any]]) -> None:
        self.listed = orders
        named = (", ".join(f"{name} {value}" for name, value in one.items()) for one in orders)
        items = "".join(f"<li>{escape(one)}</li>" for one in named)
        self.list.value = block(f"<p>Answered first, in this order:</p><ol>{items}</ol>") if orders else ""

    # -- answers ----------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        self._wait("Planning…")
        orders, displace, parts = [*self.listed, self.order], self.displace.value, self.parts.value
        self.runner.ask(lambda: self._worked(orders, displace, parts), self._told, self._failed, KIND)

    def _wait(self, said: str) -> None:
        self.ask.disabled = self.keep.disabled = True
        self.said.value = status_line(said)

    def _worked(self, orders: Sequence[dict[str, Any]], displace: bool, parts: bool) -> tuple[Promise, ...]:
        with self.explorer.alone:
            self.explorer.watch.clear()
            return promise(self._living(), orders, displace=displace, parts=parts)

    def _living(self) -> Living:
        """The week's living model; one with the promises in it, where some were kept beside the plan history."""
        explorer = self.explorer
        snapshot = as_promised(explorer.snapshot, at(self.store or HERE))
        if snapshot is explorer.snapshot:
            return explorer.living
        if self._kept is None or not self._kept.home.snapshot["orders"].equals(snapshot["orders"]):
            own = explorer.living.own
            self._kept = Living(snapshot, blocks=own, record=explorer.record, options=explorer.options)
        return self._kept

    def _told(self, answers: tuple[Promise, ...]) -> None:
        self.answers = answers
        self.ask.disabled, self.said.value = False, ""
        self.keep.disabled = not all(one.promised for one in answers)
        self.answer.value = block("".join(map(html, answers)))

    def _failed(self, error: Exception) -> None:
        self.ask.disabled, self.said.value = False, refused(fault(error))

    def _keep(self) -> None:
        answers = self.answers
        self._wait("Keeping it…")
        home = at(self.store or HERE)

        def kept(count: int) -> None:
            self.ask.disabled = False
            self.said.value = status_line(
                f"{words.count(count, 'delivery', 'deliveries')} kept in {home}: the next plan honours it."
            )

        work: Callable[[], int] = lambda: keep_promises(answers, store=home)  # noqa: E731
        self.runner.ask(work, kept, self._failed, "keep a promise")


def html(answer: Promise) -> str:
    """An answer: its verdict, what could be there by when, and who gives way."""
    currency, unit = answer.currency, answer.ask.item
    shown = [f'<p class="verdict"><b>{escape(answer.verdict)}</b></p>']
    shown += [f"<p>{escape(line)}</p>" for line in answer.terms]
    by_day = answer.possible.select(
        pl.col("date").alias("By"), pl.col("possible").alias("Can be there"), pl.col("available").alias("Of it ATP")
    )
    numbers = {"Can be there": "number", "Of it ATP": "number"}
    shown.append(table_html(by_day, f"{unit}: what can be there by when", formats=numbers, rows=30))
    money = f"Money, {currency}"
    for frame, caption in (
        (answer.gives_way.rename({"money": money}), "Forecast that gives way"),
        (answer.waits.rename({"money": money}), "Orders that wait"),
    ):
        if frame.height:
            named = frame.rename(lambda name: name[:1].upper() + name[1:])
            made = dict.fromkeys(("Quantity", "Later", "Never"), "number") | {money: "money"}
            formats = {name: kind for name, kind in made.items() if name in named.columns}
            shown.append(table_html(named, caption, formats=formats, rows=30))
    return f'<div class="wide">{"".join(shown)}</div>'

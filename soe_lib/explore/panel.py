"""The controls of the workbench: dropdowns, sliders, a switch and two buttons that together say one Trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets

from soe_lib.explore.controller import Choices
from soe_lib.explore.trial import Trial
from soe_lib.review import words

NAME = {"description_width": "82px"}
WIDE = widgets.Layout(width="100%", margin="2px 0")
ALL_FAMILIES, ALL_CUSTOMERS = "All families", "All customers"
LONGEST = 14


class Controls(widgets.GridBox):
    """What a planner turns; `trial` is what it all says, `show` sets it without telling anybody.

    Parameters
    ----------
    choices : what there is to pick from.
    changed : called after any change by hand. undo, reset : called by their buttons.
    """

    def __init__(
        self, choices: Choices, changed: Callable[[], None], undo: Callable[[], None], reset: Callable[[], None]
    ) -> None:
        self._changed, self._quiet = changed, False
        days = [(words.day(day), day) for day in choices.days]
        longest = min(LONGEST, len(days))
        self.resource = _pick("Resource", [(name, name) for name in choices.resources] or [("No resource", "")])
        self.resource.value = choices.scarcest
        self.outage_days = _slide("Days down", 0, longest, 1, "d", disabled=not choices.resources)
        self.outage_from = _pick("From", days)
        self.demand = _slide("Demand, %", -30, 50, 1, "+d")
        self.family = _pick("Family", [(ALL_FAMILIES, ""), *((name, name) for name in choices.families)])
        self.customer = _pick("Customer", [(ALL_CUSTOMERS, ""), *((name, name) for name in choices.customers)])
        self.overtime_premium = _slide("Premium, %", -50, 200, 10, "+d", disabled=not choices.overtime)
        self.expediting = widgets.Checkbox(
            True, description="Expediting allowed", indent=False, layout=WIDE, disabled=not choices.expediting
        )
        self.undo = widgets.Button(description="Undo", icon="undo", tooltip="Back to the answer before", disabled=True)
        self.reset = widgets.Button(description="Reset", icon="refresh", tooltip="Back to this week's plan")
        for control in self._all:
            control.observe(self._told, names="value")
        self.undo.on_click(lambda _: undo())
        self.reset.on_click(lambda _: reset())
        buttons = widgets.HBox([self.undo, self.reset], layout=widgets.Layout(margin="2px 0"))
        super().__init__(
            [
                _card("Something is down", self.resource, self.outage_days, self.outage_from),
                _card("Demand is different", self.demand, self.family, self.customer),
                _card("Overtime and expediting", self.overtime_premium, self.expediting, buttons),
            ],
            _dom_classes=("soe-controls",),
            layout=widgets.Layout(grid_template_columns="repeat(auto-fit, minmax(250px, 1fr))", grid_gap="8px"),
        )

    @property
    def _all(self) -> list[Any]:
        return [
            self.resource, self.outage_days, self.outage_from, self.demand, self.family, self.customer,
            self.overtime_premium, self.expediting,
        ]  # fmt: skip

    @property
    def trial(self) -> Trial:
        """What the controls say."""
        return Trial(
            resource=self.resource.value,
            outage_days=self.outage_days.value if self.resource.value else 0,
            outage_from=None if self.outage_from.index == 0 else self.outage_from.value,
            demand=self.demand.value / 100,
            family=self.family.value,
            customer=self.customer.value,
            overtime_premium=self.overtime_premium.value / 100,
            expediting=self.expediting.value,
        ).essential

    def show(self, trial: Trial) -> None:
        """Set the controls to a trial; nobody is told."""
        with self._silently():
            self.outage_days.value = trial.outage_days
            if trial.outage:
                self.resource.value = trial.resource
                self.outage_from.value = trial.outage_from or self.outage_from.options[0][1]
            self.demand.value = round(trial.demand * 100)
            if trial.demand:
                self.family.value, self.customer.value = trial.family, trial.customer
            self.overtime_premium.value = round(trial.overtime_premium * 100)
            self.expediting.value = trial.expediting

    @contextmanager
    def _silently(self) -> Iterator[None]:
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False

    def _told(self, _: object) -> None:
        if not self._quiet:
            self._changed()


def _pick(name: str, options: list[tuple[str, Any]]) -> Any:
    return widgets.Dropdown(options=options, value=options[0][1], description=name, style=NAME, layout=WIDE)


def _slide(name: str, least: int, most: int, step: int, shown: str, *, disabled: bool = False) -> Any:
    return widgets.IntSlider(
        value=0, min=least, max=most, step=step, description=name, readout_format=shown, style=NAME, layout=WIDE,
        disabled=disabled,
    )  # fmt: skip


def _card(title: str, *rows: Any) -> Any:
    heading = widgets.HTML(f'<div style="font-weight:600;font-size:13px">{title}</div>')
    frame = widgets.Layout(border="1px solid var(--jp-border-color2, #d9d9d9)", padding="6px 10px", overflow="hidden")
    return widgets.VBox([heading, *rows], layout=frame)

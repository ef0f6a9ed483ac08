"""What each review page says: headline, scores, exceptions, decisions, checks and assumptions, all computed."""

from soe_lib.review.pages.balance import balance
from soe_lib.review.pages.demand import demand
from soe_lib.review.pages.finance import Finance, finance
from soe_lib.review.pages.page import Page, agenda_options
from soe_lib.review.pages.risk import risk
from soe_lib.review.pages.supply import cushion, supply

__all__ = ["Finance", "Page", "agenda_options", "balance", "cushion", "demand", "finance", "risk", "supply"]

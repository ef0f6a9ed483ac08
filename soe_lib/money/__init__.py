"""Money: one ledger from rates × quantities, for every plan, solved or not, and what finance reads from it.

rates (RateBook) · ledger (Ledger) · statement · bridge · valuation (S&OP, budget, plan of record, actuals).
Nothing in this room solves anything.
"""

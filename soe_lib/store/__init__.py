"""Store: every plan of every week, kept once, found again by as-of date and run."""

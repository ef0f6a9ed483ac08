"""Replay of a company's past weeks: plan each Monday with what was known then, carry out the week as it really was."""

"""From Snapshot to Plan: the only room that knows CVXPY, and only `express` imports it."""

"""From Snapshot to Plan: the only room that knows CVXPY, and only where it is asked for."""

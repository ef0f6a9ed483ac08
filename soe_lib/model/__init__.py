"""From Snapshot to Plan. Only this package imports CVXPY, and only when it is needed."""

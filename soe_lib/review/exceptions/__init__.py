"""Exceptions: what has come apart, what it costs, why, who should act and by when; ranked by money."""

from soe_lib.review.exceptions.issue import Issue, detector, find, registered

__all__ = ["Issue", "detector", "find", "registered"]

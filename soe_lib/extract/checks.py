from __future__ import annotations


def check_all(extract):
    return []

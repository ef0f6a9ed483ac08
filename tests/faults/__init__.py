"""Faults that the weekly run survives, by their numbers."""

"""The record of errors and their spread."""

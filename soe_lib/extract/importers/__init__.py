"""Importers of other planning systems' data: each writes an extract folder in our contract."""

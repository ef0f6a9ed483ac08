"""SupplyGraph → our contract: 33 weeks of a real FMCG company as one extract per week, every assumption said.

Layout: Wasi et al., "SupplyGraph: A Benchmark Dataset for Supply Chain Planning using Graph Neural Networks" (2024):
one wide CSV per measure (a row a day, a column a product) and two tables of the products.
"""

from __future__ import annotations

from soe_lib.extract.importers.supplygraph.convert import import_supplygraph

__all__ = ["import_supplygraph"]

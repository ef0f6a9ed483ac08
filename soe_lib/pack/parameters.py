"""A notebook's parameters, checked by the notebook itself: papermill only warns of an unknown one and goes on."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from soe_lib.errors import PackError
from soe_lib.extract.spelling import hint

INJECTED = "# Parameters"
"""How the cell begins that papermill puts behind the declared parameters."""


def assigned(source: str) -> set[str]:
    """The names that a cell assigns at its top level."""
    found: set[str] = set()
    for statement in ast.parse(source).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def refuse_unknown(cells: Sequence[str], known: Iterable[str]) -> None:
    """Raise PackError where an injected cell sets a name that is no parameter, with the nearest one.

    Parameters
    ----------
    cells : sources that were run so far, in order.
    known : the parameters that the notebook declares.
    """
    declared = set(known)
    given = {name for cell in cells if cell.startswith(INJECTED) for name in assigned(cell)}
    if unknown := sorted(given - declared):
        advice = hint(unknown[0], declared) or f"Known: {', '.join(sorted(declared))}."
        raise PackError(f"{len(unknown)} unknown parameters: {', '.join(unknown)}. {advice}")


def parameters(*known: str) -> None:
    """Stop a notebook that was given a parameter it does not have; call it first.

    Parameters
    ----------
    known : the names in the cell tagged `parameters`.

    Raises PackError naming the nearest known parameter.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None:
        refuse_unknown(shell.user_ns.get("In", []), known)

"""A misspelt parameter stops a notebook, in plain papermill too."""

from __future__ import annotations

import pytest

from soe_lib.errors import PackError
from soe_lib.pack.run_notebook import refuse_unknown

DECLARED = ("data", "as_of")


def test_a_misspelt_parameter_is_refused_with_the_nearest() -> None:
    cells = ['data: str = "x"\nas_of: str = ""', '# Parameters\nas_off = "2026-11-16"\n', "import soe_lib"]
    with pytest.raises(PackError, match=r"as_off.*as_of"):
        refuse_unknown(cells, DECLARED)


def test_known_parameters_and_other_cells_pass() -> None:
    refuse_unknown(['# Parameters\nas_of = "2026-11-16"\ndata = "d"\n', "plan = 3\nother = 4"], DECLARED)

"""The optimal face as a program of its own, worked out by hand.

Earn 1 for each unit of a and of b and lose 1 for each of c; a + b <= 10, a + c <= 8. Every plan with a + b = 10, c = 0
and a <= 8 earns 10: a and b are free, c has a reduced cost of −1, the first row has the price 1, the second has none.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from soe_lib.solver.gate import Gate
from soe_lib.solver.program import Program
from soe_lib.solver.tie_break import optimal_face

INF = np.inf


def program() -> Program:
    return Program(
        matrix=sp.csc_array(np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])),
        cost=np.array([-1.0, -1.0, 1.0]),
        row_lower=np.array([-INF, -INF]),
        row_upper=np.array([10.0, 8.0]),
        lower=np.zeros(3),
        upper=np.full(3, INF),
        integer=np.zeros(3, bool),
        columns={"abc": slice(0, 3)},
        rows={"rows": slice(0, 2)},
    )


def test_what_is_pinned_leaves_the_program() -> None:
    made, x = program(), np.array([3.0, 7.0, 0.0])
    face = optimal_face(made, made.lower, made.upper, x, np.array([1.0, 0.0]), np.array([0.0, 0.0, -1.0]), np.ones(3))
    assert face.free.tolist() == [0, 1]
    assert face.held[2] == 0.0
    assert face.program.row_lower.tolist() == [10.0, -INF]  # the priced row is tight, the other stays a limit
    assert face.program.row_upper.tolist() == [10.0, 8.0]


def test_rounding_does_not_shut_the_first_optimum_out() -> None:
    made, x = program(), np.array([8.0 + 1e-8, 2.0, 0.0])
    face = optimal_face(made, made.lower, made.upper, x, np.array([1.0, 0.0]), np.array([0.0, 0.0, -1.0]), np.ones(3))
    assert face.program.row_lower[0] == face.program.row_upper[0] == x[0] + x[1]
    assert face.program.row_upper[1] == x[0]


def test_the_weights_choose_the_corner() -> None:
    gate = Gate(program())
    assert gate.answer(np.array([1.0, 2.0, 1.0])).x.tolist() == [8.0, 2.0, 0.0]  # a is cheaper, up to 8
    assert gate.answer(np.array([2.0, 1.0, 1.0])).x.tolist() == [0.0, 10.0, 0.0]
    assert gate.answer(np.array([2.0, 1.0, 1.0])).objective == 10.0


def test_a_chain_of_tight_rows_leaves_nothing_to_choose() -> None:
    # a = 4; a + b = 10; b + c + d = 9 and c + d = 3: a is alone, so b is, and of c and d either may be made.
    made = Program(
        matrix=sp.csc_array(
            np.array([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
        ),
        cost=np.zeros(4),
        row_lower=np.array([4.0, 10.0, 9.0, -INF]),
        row_upper=np.array([4.0, 10.0, 9.0, 3.0]),
        lower=np.zeros(4),
        upper=np.full(4, INF),
        integer=np.zeros(4, bool),
        columns={"abcd": slice(0, 4)},
        rows={"rows": slice(0, 4)},
    )
    x, price = np.array([4.0, 6.0, 1.0, 2.0]), np.array([0.0, 0.0, 0.0, 1.0])
    face = optimal_face(made, made.lower, made.upper, x, price, np.zeros(4), np.array([1.0, 1, 1, 2]))
    assert face.free.tolist() == [2, 3]
    assert face.whole(np.array([3.0, 0.0])).tolist() == [4.0, 6.0, 3.0, 0.0]
    assert face.program.row_upper.tolist() == [3.0, 3.0]
    assert face.whole(Gate(face.program).answer().x).tolist() == [4.0, 6.0, 3.0, 0.0]  # c is cheaper than d


def test_a_row_with_slack_holds_nothing() -> None:
    made, x = program(), np.array([3.0, 7.0, 0.0])
    # Without a price on a + b <= 10, neither row says where a or b must be.
    face = optimal_face(made, made.lower, made.upper, x, np.zeros(2), np.array([0.0, -1.0, -1.0]), np.ones(3))
    assert face.free.tolist() == [0]

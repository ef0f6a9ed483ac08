"""One planning problem, stated four times: by soe_lib, by hand on HiGHS's arrays, in linopy, in Pyomo.

Each module has `run(snapshot) -> Timed`. All four start from the same checked tables; the three that are
not soe_lib share `problem.state`, which reads nothing of soe_lib but these tables.
"""

"""How a program is solved: the only room that knows HiGHS."""

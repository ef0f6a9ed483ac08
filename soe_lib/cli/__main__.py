"""`python -m soe_lib.cli …`."""

from soe_lib.cli import main

main()

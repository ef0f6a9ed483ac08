"""`soe …`: thin commands over the public functions.

Exit codes: 0 done, 1 stopped by data or proof, 2 usage, 3 another run is making a pack in the same archive.
"""

from soe_lib.cli import packs, plans, promises
from soe_lib.cli.options import main

__all__ = ["main", "packs", "plans", "promises"]

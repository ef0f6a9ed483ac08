"""The workbench: try an answer by hand, see in seconds what it is worth."""

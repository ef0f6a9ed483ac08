"""One file per kind of answer; each registers one function."""

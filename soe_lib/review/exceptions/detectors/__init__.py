"""One file per kind of exception; each registers one function."""

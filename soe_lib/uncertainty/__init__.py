"""Records and distributions of forecast and supply errors, independent of any model."""

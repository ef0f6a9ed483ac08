"""The extract room: reads files into a checked, frozen Snapshot of one as-of date."""

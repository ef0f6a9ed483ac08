"""The extract room: from files to a checked, frozen Snapshot of what was known on one as-of date."""

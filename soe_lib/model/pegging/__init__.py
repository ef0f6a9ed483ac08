"""Which supply serves which demand: moves of a plan, matched first due first through bill of materials and lanes."""

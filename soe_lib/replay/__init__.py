"""A company's weeks lived again: each Monday plan with what was known, carry out one week of what happened, go on."""

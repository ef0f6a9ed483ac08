"""What is known of the errors of the forecast and of supply: records, spreads, and nothing of any model."""

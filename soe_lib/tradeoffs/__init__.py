"""What is given up for what: frontiers, breaking points, the price of fairness, the cheapest stable plan."""

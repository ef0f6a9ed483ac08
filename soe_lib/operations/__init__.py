"""From a decided plan to the orders that operations carry out."""

"""Standard-cost variances: sales, material, labour, overheads, and the operating statement that closes."""

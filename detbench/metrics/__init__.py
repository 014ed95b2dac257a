"""What the numbers mean: overlap, matching, average precision and the protocols that combine them."""

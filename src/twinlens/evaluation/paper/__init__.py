"""Protocol A: the paper, replicated."""

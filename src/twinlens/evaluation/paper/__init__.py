"""Protocol A: the experiment of the source paper, replicated with its leak and without."""

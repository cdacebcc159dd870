"""FRAME: metrics of free-text rationales held to axioms (Chan et al. 2022, arXiv 2207.00779)."""

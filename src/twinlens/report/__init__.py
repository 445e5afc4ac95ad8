"""Reports of results: tables, plots, result grids and self-contained pages."""

from twinlens.report.estimate import Estimate

__all__ = ["Estimate"]

"""The report of a run: one HTML file that stands alone."""

from training.report.page import write_report

__all__ = ["write_report"]

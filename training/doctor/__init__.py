"""The doctor: what a set of images is like before a GAN is trained on it.

inspection.py     a look at every file: format, mode, size
findings.py       what is found, as a pydantic model: the schema of the JSON
examination.py    a path ──► findings and pictures
advice.py         findings ──► plain words; and the few lines that `fit` prints
sheets.py         contact sheets
page.py           the HTML
text.py           the text
"""

from training.doctor.advice import quick_findings
from training.doctor.examination import Examination, examine
from training.doctor.findings import Findings

__all__ = ["Examination", "Findings", "examine", "quick_findings"]

"""What a page says that Python prints, Python prints."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.markdown import DOCS, ROOT

PAIR = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    (page, code, output)
    for page in sorted((DOCS / "explanation").glob("*.md"))
    for code, output in PAIR.findall(page.read_text(encoding="utf-8"))
]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize(("page", "code", "output"), EXAMPLES, ids=lambda value: getattr(value, "stem", "")[:12])
def test_an_example_prints_what_the_page_says(page: Path, code: str, output: str) -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == output, done.stderr

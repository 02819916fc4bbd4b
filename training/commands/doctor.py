"""`doctor`: look at images before training on them: counts, sizes, duplicates, what cannot be read, and what to do."""

import argparse
import json
import shutil
import sys
from pathlib import Path

WIDTH = 120
"""Characters of a line where there is no terminal."""
ABOUT = "look at images before training on them"


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its arguments."""
    parser.add_argument("path", type=Path, metavar="PATH", help="a folder of images, a zip, an .npz or an IDX file")
    parser.add_argument("--resolution", type=int, choices=(32, 64, 128), default=64, help="px (default: %(default)s)")
    parser.add_argument("--channels", type=int, choices=(1, 3, 4), default=3, help="grey, RGB, RGBA (default: 3)")
    parser.add_argument("--labels", metavar="KEY", help='count classes: a key of dataset.jsonl, or "folders"')
    parser.add_argument("--json", metavar="FILE", help="write everything as JSON; - for standard output, and no text")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with contact sheets")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="where runs are kept, and the cache that `fit` "
                        "will take (default: %(default)s)")  # fmt: skip
    parser.set_defaults(run=run_doctor)


def run_doctor(options: argparse.Namespace) -> int:
    """Examine, and write what was asked for."""
    from training.cache import replacing
    from training.doctor import examine
    from training.doctor.page import write_page
    from training.doctor.text import text_of
    from training.progress import DecodingDisplay

    with DecodingDisplay() as display:
        examination = examine(
            options.path.resolve(), options.resolution, options.channels, (options.out / "cache").resolve(),
            options.labels, display,
        )  # fmt: skip
    content = json.dumps(examination.findings.model_dump(), indent=2) + "\n"  # pydantic refuses names that are no UTF-8
    if options.json == "-":
        sys.stdout.write(content)
    else:
        print(text_of(examination.findings, width=shutil.get_terminal_size((WIDTH, 24)).columns), end="")
        if options.json:
            with replacing(Path(options.json)) as file:
                file.write(content.encode())
    if options.html:
        write_page(options.html, examination)
    return 0

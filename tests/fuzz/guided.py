"""A coverage-guided fuzzer (Atheris, libFuzzer) on one of our decoders: `python -m tests.fuzz.NAME -runs=20000`.

Each module of this folder that is named after a decoder has `SAMPLES`, valid inputs to begin with, and `load`, which
imports the decoder and returns what is to be tried with any bytes: it lets through what the decoder may raise, and
nothing else. Options are libFuzzer's.
"""

import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

Try = Callable[[bytes], None]

OPTIONS = ("-max_len=8192", "-timeout=20", "-rss_limit_mb=4096", "-verbosity=0", "-print_final_stats=1", "-seed=1")


def fuzz(
    load: Callable[[], Try], samples: Iterable[bytes], instrumented: Iterable[str], words: Iterable[str] = ()
) -> None:
    """Try inputs until an error or until `-runs` are done, and end the process.

    Args:
        load: see above; the packages `instrumented` must not have been imported before.
        samples: inputs to begin with.
        instrumented: modules whose branches guide the search.
        words: of the decoder's language, to be put in anywhere; without quotation marks and backslashes.
    """
    import atheris

    imports: AbstractContextManager[Any] = atheris.instrument_imports(include=list(instrumented))
    with imports:
        attempt = load()
    corpus = Path(tempfile.mkdtemp(prefix="fuzz-"))
    for number, sample in enumerate(samples):
        (corpus / str(number)).write_bytes(sample)
    dictionary = Path(tempfile.mkdtemp(prefix="fuzz-")) / "words"
    dictionary.write_text("".join(f'"{word}"\n' for word in words) or '"\\x00"\n')  # an empty one is an error
    atheris.Setup([sys.argv[0], *OPTIONS, f"-dict={dictionary}", *sys.argv[1:], str(corpus)], attempt)
    atheris.Fuzz()

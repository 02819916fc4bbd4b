"""What importing cannot find it asks; what is no generator it refuses."""

from collections.abc import Callable
from dataclasses import dataclass

from training.errors import Failed


class Refused(Failed):
    """The file cannot become a bundle; says why, and what would help."""


@dataclass(frozen=True)
class Question:
    """Something that could not be found: what was seen, the flag that tells it, and the answers there are.

    Without `answers` anything may be answered.
    """

    text: str
    flag: str
    answers: tuple[str, ...] = ()


Ask = Callable[[Question], str]


def refuse_to_guess(question: Question) -> str:
    """The `Ask` where nobody can be asked.

    Raises:
        Refused: names the flag and the answers.
    """
    answers = f" {' or '.join(question.answers)}" if question.answers else ""
    raise Refused(f"{question.text}; say it with {question.flag}{answers}")

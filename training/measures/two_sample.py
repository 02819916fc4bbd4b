"""Two-sample tests on features: the kernel distance, and whether a classifier tells real from generated."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.measures.images import Floats, Indices

Doubles = NDArray[np.float64]

RIDGE: Final = 0.1
"""Of the classifier: the weight of its squared norm, of the mean of the Gram matrix's diagonal."""


class Kernels:
    """The polynomial kernel (x · y / d + 1)³ among and between two sets of features, float32 [n, d] each."""

    def __init__(self, real: Floats, fake: Floats) -> None:
        self._real, self._fake, self._between = _kernel(real, real), _kernel(fake, fake), _kernel(real, fake)

    def distance(self, keep: Indices | None = None) -> float:
        """The unbiased squared maximum mean discrepancy (Gretton 2012, eq. 3), with the kernel of Bińkowski 2018.

        Its expectation is 0 for two draws of one distribution, whatever their size, so it may be negative. It is what
        the Kernel Inception Distance is on other features; the numbers do not compare with those of that.

        Args:
            keep: the rows of both sets that count; all without it.
        """
        between = self._between if keep is None else self._between[np.ix_(keep, keep)]
        within = mean_of_others(self._real, keep) + mean_of_others(self._fake, keep)
        return within - 2 * float(between.mean(dtype=np.float64))


def mean_of_others(pairs: NDArray[Any], keep: Indices | None = None) -> float:
    """The mean of a matrix [n, n] without its diagonal, of all rows and columns or of those that are kept."""
    some = pairs if keep is None else pairs[np.ix_(keep, keep)]
    n = len(some)
    return float(some.sum(dtype=np.float64) - np.trace(some, dtype=np.float64)) / (n * (n - 1))


def classifier_accuracy(real: Floats, fake: Floats) -> float:
    """How often a linear classifier on features is right about images that it was not fitted to, 0 … 1.

    The classifier two-sample test (Lopez-Paz and Oquab 2017, 1610.06545): 0.5 where the two cannot be told apart. A
    ridge regression onto +1 and −1 is fitted to the even images and asked about the odd ones, and the other way round.

    Args:
        real: float32 [n, d], in random order.
        fake: float32 [n, d], in random order.
    """
    accuracies = []
    for fit, ask in ((0, 1), (1, 0)):
        x, y = _labelled(real[fit::2], fake[fit::2])
        asked, truth = _labelled(real[ask::2], fake[ask::2])
        mean = x.mean(0)
        gram = (x - mean) @ (x - mean).T
        dual = np.linalg.solve(gram + RIDGE * np.trace(gram) / len(x) * np.eye(len(x)), y - y.mean())
        answers = (asked - mean) @ ((x - mean).T @ dual) + y.mean()
        accuracies.append(float(((answers > 0) == (truth > 0)).mean()))
    return float(np.mean(accuracies))


def _labelled(real: Floats, fake: Floats) -> tuple[Doubles, Doubles]:
    x = np.concatenate([real, fake]).astype(np.float64)
    return x, np.repeat([1.0, -1.0], [len(real), len(fake)])


def _kernel(a: Floats, b: Floats) -> Doubles:
    kernel: Doubles = ((a.astype(np.float64) @ b.T.astype(np.float64)) / a.shape[1] + 1) ** 3
    return kernel

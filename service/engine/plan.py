"""Which batches to run for a number of waiting rows: those whose measured times sum to least."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from service.engine.protocol import BatchSize

HURRY: Final = 3.0
"""How many times as long a small request may take with rows of larger ones in its batch as alone: filling it up costs
the small one little, and the large ones would wait for nothing if it ran half empty."""

Cost = tuple[float, int, int]
"""Seconds, then batches, then padded rows: what is compared, in that order."""


@dataclass(frozen=True)
class Plan:
    """The cheapest batches for any number of rows, by the measured times of `sizes` (ascending, not empty)."""

    sizes: tuple[BatchSize, ...]

    def seconds(self, rows: int) -> float:
        """The measured seconds of the batches that `rows` take."""
        whole, rest = self._parted(rows)
        return whole * self.bulk.seconds + self._table[rest][0][0]

    def first(self, rows: int) -> BatchSize:
        """The largest of the batches that `rows`, at least one, take: smaller ones may fill up while it runs."""
        whole, rest = self._parted(rows)
        sizes = ([self.bulk] if whole else []) + ([self._table[rest][1]] if rest else [])
        return max(sizes, key=lambda size: size.rows)

    def hurried(self, rows: int, most: BatchSize) -> BatchSize:
        """The largest size up to `most` whose batch takes at most `HURRY` times as long as the batches of `rows`."""
        limit = HURRY * self.seconds(rows)
        return max(
            (size for size in self.sizes if size.rows <= most.rows and size.seconds <= limit),
            key=lambda size: size.rows,
            default=self.first(rows),
        )

    def _parted(self, rows: int) -> tuple[int, int]:
        """So many bulk batches, and a rest that the table holds: far from the end nothing else is cheaper."""
        whole = max(0, -(-(rows - len(self._table) + 1) // self.bulk.rows))
        return whole, rows - whole * self.bulk.rows

    @cached_property
    def bulk(self) -> BatchSize:
        """The size that costs least a row."""
        return min(self.sizes, key=lambda size: (size.seconds / size.rows, -size.rows))

    @cached_property
    def _table(self) -> list[tuple[Cost, BatchSize]]:
        """For 0, 1, 2 … rows: the cost, and the largest batch of those that have it."""
        table: list[tuple[Cost, BatchSize]] = [((0.0, 0, 0), self.sizes[0])]
        for rows in range(1, 2 * self.sizes[-1].rows + 1):
            options = []
            for size in self.sizes:
                (seconds, batches, padding), largest = table[max(0, rows - size.rows)]
                cost = (seconds + size.seconds, batches + 1, padding + max(0, size.rows - rows))
                options.append((cost, max(size, largest, key=lambda s: s.rows) if batches else size))
            table.append(min(options, key=lambda option: (option[0], -option[1].rows)))
        return table

"""Looking at the store: which versions might be served, and which were tried and are not good."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bundle.errors import BundleError, InvalidBundle
from bundle.store import Skipped, Store
from service.engine.protocol import BadImages, EngineError

TRY_AGAIN: Final = 30.0
"""Seconds after which a refused version is tried again, since memory or a disk may be back; each time twice as many."""
LONGEST: Final = 3600.0
"""Seconds between two tries at most."""

REASONS: Final = ("bundle", "engine", "images", "unexpected")
"""Why a version is refused, in a word: its files, its graph, what it draws, or what nobody foresaw."""

Fingerprint = tuple[tuple[str, int, int, int], ...]
"""Of each file of a folder its name, size and times of change, of content and of rights, in ns."""


@dataclass(frozen=True)
class Candidate:
    """A folder that may hold a version to serve, as it looks now."""

    name: str
    version: int
    path: Path
    fingerprint: Fingerprint


@dataclass(frozen=True)
class Refusal:
    """Why a version is not served, how its folder looked then, how often it was tried, and when it is again."""

    candidate: Candidate
    reason: str
    tries: int
    until: float


def reason_of(error: Exception) -> str:
    """The one of `REASONS` for which an error of loading a version stands."""
    if isinstance(error, BadImages):
        return "images"
    if isinstance(error, EngineError):
        return "engine"
    return "bundle" if isinstance(error, BundleError) else "unexpected"


class StoreWatch:
    """A store, and what was found wrong with its versions. Methods that read the disk are for threads.

    Polling, because a store may be a network mount that announces nothing.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self.store, self._clock = store, clock
        self._refused: dict[Path, Refusal] = {}
        self._strangers: list[Skipped] = []
        self.versions: dict[str, list[int]] = {}
        """Of each name those that were in the store at the last look, good or not, ascending."""

    def look(self, served: Mapping[str, int]) -> list[Candidate]:
        """The versions above the served ones that were not refused as they are, highest first under each name.

        Args:
            served: the version of each name that is served.
        """
        strangers: list[Skipped] = []
        candidates, present = [], set[Path]()
        self.versions = {}
        try:
            strangers += self.store.strangers()
            for name in self.store.names():
                for candidate in self._versions(name, served.get(name, 0), strangers):
                    present.add(candidate.path)
                    if self._is_new(candidate):
                        candidates.append(candidate)
        except InvalidBundle as error:
            strangers, candidates = [Skipped(self.store.root, str(error))], []
        self._strangers = strangers
        self._refused = {path: refusal for path, refusal in self._refused.items() if path in present}
        return candidates

    def refuse(self, candidate: Candidate, reason: str) -> None:
        """A version is not good; it is tried again when its files change, or after a while."""
        before = self._refused.get(candidate.path)
        tries = 1 + (before.tries if before and before.candidate.fingerprint == candidate.fingerprint else 0)
        until = self._clock() + min(TRY_AGAIN * 2.0 ** (tries - 1), LONGEST)
        self._refused[candidate.path] = Refusal(candidate, reason, tries, until)

    def prune(self, served: Mapping[str, int]) -> None:
        """Forget what was wrong with versions below those that are served now."""
        self._refused = {
            path: refusal
            for path, refusal in self._refused.items()
            if refusal.candidate.version > served.get(refusal.candidate.name, 0)
        }

    def fail(self, reason: str) -> None:
        """The store could not be looked at, or not to its end."""
        self._strangers = [*self._strangers, Skipped(self.store.root, reason)]

    @property
    def skipped(self) -> list[Skipped]:
        """What is in the store and not served: strange folders, then versions above the served ones, highest first."""
        refused = sorted(self._refused.values(), key=lambda r: (r.candidate.name, -r.candidate.version))
        return [*self._strangers, *(Skipped(refusal.candidate.path, refusal.reason) for refusal in refused)]

    def _versions(self, name: str, above: int, strangers: list[Skipped]) -> Iterator[Candidate]:
        try:
            versions = self.store.versions(name)
        except InvalidBundle as error:
            strangers.append(Skipped(self.store.root / name, str(error)))
            return
        self.versions[name] = versions
        if not versions and not above:
            reason = "it holds no version: no folder named by a whole number from 1"
            strangers.append(Skipped(self.store.root / name, reason))
        for version in reversed(versions):
            if version > above:
                path = self.store.root / name / str(version)
                yield candidate_of(name, version, path)

    def _is_new(self, candidate: Candidate) -> bool:
        before = self._refused.get(candidate.path)
        return before is None or before.candidate.fingerprint != candidate.fingerprint or before.until <= self._clock()


def candidate_of(name: str, version: int, path: Path) -> Candidate:
    """A version as it looks now."""
    return Candidate(name, version, path, fingerprint(path))


def fingerprint(folder: Path) -> Fingerprint:
    """How a folder looks; files that come and go meanwhile are left out."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            told = path.stat()
        except OSError:
            continue
        found.append((path.relative_to(folder).as_posix(), told.st_size, told.st_mtime_ns, told.st_ctime_ns))
    return tuple(found)

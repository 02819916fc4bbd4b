"""The store: a folder of bundles, `ROOT/NAME/VERSION/`.

Reading checks every digest. Publishing writes beside, flushes to the disk and renames, so that a reader
finds a whole bundle or none.
"""

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from bundle.errors import InvalidBundle, UnknownBundle, VersionExists
from bundle.manifest import NAME_PATTERN, SCHEMA_VERSION, Manifest

EXTRA = "assets.extra"
MANIFEST = f"{EXTRA}/manifest.json"
MAX_MANIFEST_BYTES = 4_000_000
"""A manifest is a few kilobytes; a larger file is not read into memory."""
UNFINISHED = ".publishing-"
"""The beginning of the name of a folder that is being written; readers pass it over."""


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files were read and agree with its manifest.

    `digest` is the SHA-256 of the manifest's bytes; as the manifest holds the digest of every other file,
    it identifies the bundle to the last bit.
    """

    path: Path
    manifest: Manifest
    digest: str


@dataclass(frozen=True)
class Skipped:
    """A folder in the store that is not served, and why."""

    path: Path
    reason: str


class Store:
    """The bundles under one folder. It keeps no state: each call looks at the disk."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        """The names of the folders that can be models, sorted; empty if the store's folder does not exist.

        Raises:
            InvalidBundle: the store's folder cannot be read.
        """
        return sorted(p.name for p in _folders(self.root) if is_name(p.name))

    def versions(self, name: str) -> list[int]:
        """The version numbers under a name, ascending, good or not.

        Raises:
            InvalidBundle: the model's folder cannot be read.
        """
        return sorted(int(p.name) for p in _folders(self.root / name) if _is_version(p.name))

    def open(self, name: str, version: int | None = None) -> Bundle:
        """The bundle of that name and version, its digests checked; without a version the highest good one.

        Raises:
            UnknownBundle: there is none of that name and version.
            InvalidBundle: it is there and not good.
        """
        if not is_name(name):
            raise UnknownBundle(f"{name!r} is no model name, so {self.root} holds none of it")
        if version is not None:
            if version not in self.versions(name):
                raise UnknownBundle(f"{self.root} holds no version {version} of {name!r}")
            return open_bundle(self.root / name / str(version))
        best, skipped = self.best(name)
        if best is not None:
            return best
        if skipped:
            raise InvalidBundle(f"no version of {name!r} is good: {skipped[0].reason}")
        raise UnknownBundle(f"{self.root} holds no model {name!r}")

    def scan(self) -> tuple[list[Bundle], list[Skipped]]:
        """The highest good version of every model, and every folder that was passed over, with its reason.

        Versions below the one served are not opened and not reported.
        """
        try:
            served, skipped, names = [], list(self.strangers()), self.names()
        except InvalidBundle as error:
            return [], [Skipped(self.root, str(error))]
        for name in names:
            best, bad = self.best(name)
            skipped += bad
            if best is not None:
                served.append(best)
            elif not bad:
                skipped.append(
                    Skipped(self.root / name, "it holds no version: no folder named by a whole number from 1")
                )
        return served, skipped

    def best(self, name: str, below: int | None = None) -> tuple[Bundle | None, list[Skipped]]:
        """The highest good version of a model, if there is one, and the versions above it, with what is wrong.

        With `below`, only versions lower than that are looked at.
        """
        skipped: list[Skipped] = []
        try:
            versions = self.versions(name)
        except InvalidBundle as error:
            return None, [Skipped(self.root / name, str(error))]
        for version in reversed(versions):
            if below is not None and version >= below:
                continue
            path = self.root / name / str(version)
            try:
                return open_bundle(path), skipped
            except InvalidBundle as error:
                skipped.append(Skipped(path, str(error)))
        return None, skipped

    def strangers(self) -> Iterator[Skipped]:
        """What lies in the store and can be no model, or that there is no store.

        Raises:
            InvalidBundle: the store's folder cannot be read.
        """
        if not self.root.is_dir():
            yield Skipped(self.root, "the store's folder does not exist")
        for path in sorted(_folders(self.root)):
            if not is_name(path.name) and not path.name.startswith("."):
                yield Skipped(path, f"{path.name!r} is no model name: lower-case letters, digits, '.', '_', '-'")

    def publish(self, name: str, version: int | None, write: Callable[[Path, int], Manifest]) -> Bundle:
        """Publish a new version, whole or not at all.

        Args:
            name: the model's name.
            version: its number, or None for one above the highest there is.
            write: called with an empty folder and the version; it puts the SavedModel and all extra files there and
                returns the manifest, whose `files` it need not fill.

        Raises:
            VersionExists: the version is there already, or appeared meanwhile.
            ValueError: no valid name or version.
            InvalidBundle: what was written cannot be read back as a bundle; nothing is left behind.
            OSError: the disk is full, or the store cannot be written; nothing is left behind.
        """
        if not is_name(name):
            raise ValueError(f"{name!r} is no model name: lower-case letters, digits, '.', '_', '-', at most 63")
        if version is None:
            version = max(self.versions(name), default=0) + 1
        if version < 1:
            raise ValueError(f"a version is a whole number from 1, got {version}")
        final = self.root / name / str(version)
        if final.exists():
            raise VersionExists(f"{final} exists; a published version is never overwritten")
        final.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=final.parent))
        try:
            manifest = write(beside, version)
            _write_manifest(beside, manifest.model_copy(update={"name": name, "version": version}))
            _read_manifest(beside)  # what a reader would refuse is not published
            beside.chmod(0o755)  # mkdtemp's 0700 would hide it from a service of another user
            sync_tree(beside)
            _rename(beside, final)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            with contextlib.suppress(OSError):
                final.parent.rmdir()  # only when empty
            raise
        _sync(final.parent)
        return open_bundle(final)


def open_bundle(path: Path) -> Bundle:
    """Read a bundle's manifest and check every file against it.

    Raises:
        InvalidBundle: what is wrong: no manifest, an unreadable one, a file missing, altered or not listed, or a folder
            that is not the name and version the manifest says.
    """
    manifest, digest = _read_manifest(path)
    _check_place(path, manifest)
    try:
        found = digests(path)
    except OSError as error:
        raise InvalidBundle(f"it cannot be read: {error}") from error
    for file, expected in manifest.files.items():
        if file not in found:
            raise InvalidBundle(f"{file} is missing")
        if found[file] != expected:
            raise InvalidBundle(f"{file} was altered: its digest is {found[file]}, the manifest says {expected}")
    if extra := sorted(found.keys() - manifest.files.keys()):
        raise InvalidBundle(f"{extra[0]} is not in the manifest")
    return Bundle(path, manifest, digest)


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file in a bundle's folder but the manifest, by its relative POSIX path, sorted.

    Raises:
        InvalidBundle: something in it is neither a file (or a link to one) nor a folder.
    """
    names = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_symlink() or not p.is_dir()}
    for name, path in names.items():
        if not path.is_file():  # a pipe would block its reader, and what a link to a folder holds is not looked at
            raise InvalidBundle(f"{name} is neither a file nor a folder")
    return {name: file_digest(names[name]) for name in sorted(names) if name != MANIFEST}


def file_digest(path: Path) -> str:
    """The SHA-256 of a file as `sha256:` and 64 hexadecimal digits."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _read_manifest(path: Path) -> tuple[Manifest, str]:
    try:
        if (path / MANIFEST).exists() and not (path / MANIFEST).is_file():
            raise OSError("it is no file")  # to open a pipe would wait for ever
        with (path / MANIFEST).open("rb") as file:
            content = file.read(MAX_MANIFEST_BYTES + 1)
    except FileNotFoundError:
        raise InvalidBundle(f"it has no {MANIFEST}: not a bundle, or one half copied") from None
    except OSError as error:
        raise InvalidBundle(f"{MANIFEST} cannot be read: {error}") from error
    if len(content) > MAX_MANIFEST_BYTES:
        raise InvalidBundle(f"{MANIFEST} is larger than {MAX_MANIFEST_BYTES} bytes")
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise InvalidBundle(
            f"{MANIFEST} is not a manifest of schema {SCHEMA_VERSION}: {place}: {first['msg']}"
        ) from None
    return manifest, f"sha256:{hashlib.sha256(content).hexdigest()}"


def _check_place(path: Path, manifest: Manifest) -> None:
    if (path.parent.name, path.name) != (manifest.name, str(manifest.version)):
        raise InvalidBundle(
            f"the manifest says {manifest.name}/{manifest.version}, the folder {path.parent.name}/{path.name}"
        )


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    file = folder / MANIFEST
    file.parent.mkdir(exist_ok=True)
    whole = manifest.model_copy(update={"files": digests(folder)})
    file.write_text(whole.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _rename(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        if target.exists():
            raise VersionExists(f"{target} was published by someone else meanwhile") from error
        raise


def sync_tree(folder: Path) -> None:
    """Flush every file and folder of a tree to the disk."""
    for path in (*folder.rglob("*"), folder):
        _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_name(name: str) -> bool:
    """Whether a model can be called so."""
    return re.fullmatch(NAME_PATTERN, name) is not None


def _folders(root: Path) -> list[Path]:
    try:
        return [p for p in root.iterdir() if p.is_dir()] if root.is_dir() else []
    except OSError as error:
        raise InvalidBundle(f"it cannot be read: {error}") from error


def _is_version(name: str) -> bool:
    return name.isascii() and name.isdecimal() and str(int(name)) == name and int(name) >= 1

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bundle.errors import InvalidBundle, UnknownBundle
from bundle.manifest import Manifest
from bundle.store import MANIFEST, MAX_MANIFEST_BYTES, Store, digests, file_digest, is_name, open_bundle

Write = Callable[[Path, int], Manifest]
Damage = Callable[[Path], object]


@pytest.fixture
def published(store: Store, write: Write) -> Store:
    for version in (1, 2, 3):
        store.publish("avatars", version, write)
    return store


def edit_manifest(folder: Path, **changes: object) -> None:
    file = folder / MANIFEST
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def altered(folder: Path) -> None:
    (folder / "saved_model.pb").write_bytes(b"graph x")


def link_to_a_folder(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    (folder / "more").symlink_to(folder.parent / "elsewhere")


def truncated(folder: Path) -> None:
    content = (folder / MANIFEST).read_bytes()
    (folder / MANIFEST).write_bytes(content[: len(content) // 2])


def folder_for_a_file(folder: Path) -> None:
    (folder / "saved_model.pb").unlink()
    (folder / "saved_model.pb").mkdir()


def pipe_for_the_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    os.mkfifo(folder / MANIFEST)


def folder_for_the_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    (folder / MANIFEST).mkdir()


DAMAGES: dict[str, tuple[Damage, str]] = {
    "altered": (altered, "saved_model.pb was altered: its digest is sha256:"),
    "truncated file": (lambda f: os.truncate(f / "variables/variables.index", 2), "variables/variables.index was alt"),
    "missing": (lambda f: (f / "variables/variables.index").unlink(), "variables/variables.index is missing"),
    "a folder missing": (lambda f: shutil.rmtree(f / "variables"), "variables/variables.data-00000-of-00001 is miss"),
    "extra": (lambda f: (f / "assets.extra/notes.txt").touch(), "assets.extra/notes.txt is not in the manifest"),
    "half copied": (lambda f: (f / MANIFEST).unlink(), "it has no assets.extra/manifest.json"),
    "truncated manifest": (truncated, "not a manifest of schema 1: the whole: Invalid JSON"),
    "empty manifest": (lambda f: os.truncate(f / MANIFEST, 0), "not a manifest of schema 1"),
    "no text": (lambda f: (f / MANIFEST).write_bytes(b"\xff\xfe\x00"), "not a manifest of schema 1"),
    "deep nesting": (lambda f: (f / MANIFEST).write_text("[" * 100_000), "not a manifest of schema 1"),
    "a list": (lambda f: (f / MANIFEST).write_text("[]"), "not a manifest of schema 1"),
    "huge manifest": (lambda f: os.truncate(f / MANIFEST, MAX_MANIFEST_BYTES + 1), "is larger than 4000000 bytes"),
    "other schema": (lambda f: edit_manifest(f, schema_version=2), "schema 1: schema_version: Input should be 1"),
    "unknown field": (lambda f: edit_manifest(f, colour="blue"), "schema 1: colour: Extra inputs"),
    "path outside": (lambda f: edit_manifest(f, files={"../x": "sha256:" + "0" * 64}), "not a path inside the bundle"),
    "another name": (lambda f: edit_manifest(f, name="faces"), "the manifest says faces/3, the folder avatars/3"),
    "another version": (lambda f: edit_manifest(f, version=8), "the manifest says avatars/8, the folder avatars/3"),
    "a folder for a file": (folder_for_a_file, "saved_model.pb is missing"),
    "a folder for the manifest": (folder_for_the_manifest, "assets.extra/manifest.json cannot be read"),
    "broken link": (lambda f: (f / "x").symlink_to("nowhere"), "x is neither a file nor a folder"),
    "link to a folder": (link_to_a_folder, "more is neither a file nor a folder"),
    "link to itself": (lambda f: (f / "loop").symlink_to("."), "loop is neither a file nor a folder"),
    "a pipe for the manifest": (pipe_for_the_manifest, "assets.extra/manifest.json cannot be read: it is no file"),
    "pipe": (lambda f: os.mkfifo(f / "pipe"), "pipe is neither a file nor a folder"),
}


def test_what_is_published_is_read_again(store: Store, write: Write, manifest: Manifest) -> None:
    bundle = store.publish("avatars", 1, write)
    assert bundle == store.open("avatars") == store.open("avatars", 1) == open_bundle(bundle.path)
    assert bundle.path == store.root / "avatars" / "1"
    assert bundle.manifest.model_copy(update={"files": {}}) == manifest
    assert list(bundle.manifest.files) == [
        "assets.extra/MODEL_CARD.md", "saved_model.pb", "variables/variables.data-00000-of-00001",
        "variables/variables.index",
    ]  # fmt: skip
    assert bundle.digest == file_digest(bundle.path / MANIFEST)


def test_a_digest_is_the_sha256_of_a_files_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b").write_bytes(b"abc")  # the test vector of FIPS 180-2
    expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digests(tmp_path) == {"a/b": expected}


@pytest.mark.parametrize(("damage", "reason"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_bundle_is_refused_with_the_reason(published: Store, damage: Damage, reason: str) -> None:
    damage(published.root / "avatars" / "3")
    with pytest.raises(InvalidBundle) as refusal:
        published.open("avatars", 3)
    assert reason in str(refusal.value)


@pytest.mark.parametrize(("damage", "reason"), DAMAGES.values(), ids=DAMAGES)
def test_the_highest_good_version_is_served(published: Store, damage: Damage, reason: str) -> None:
    damage(published.root / "avatars" / "3")
    assert published.open("avatars").manifest.version == 2
    served, skipped = published.scan()
    assert [bundle.manifest.version for bundle in served] == [2]
    assert [(s.path.name, reason in s.reason) for s in skipped] == [("3", True)]


def test_two_bad_versions_are_both_reported(published: Store) -> None:
    altered(published.root / "avatars/3")
    altered(published.root / "avatars/2")
    served, skipped = published.scan()
    assert [bundle.manifest.version for bundle in served] == [1]
    assert [s.path.name for s in skipped] == ["3", "2"]


def test_a_model_without_a_good_version_is_invalid_not_unknown(published: Store) -> None:
    for version in "123":
        altered(published.root / "avatars" / version)
    with pytest.raises(InvalidBundle, match=r"no version of 'avatars' is good: .* was altered"):
        published.open("avatars")
    assert published.scan()[0] == []


@pytest.mark.parametrize("version", [0, 4, -1])
def test_a_version_that_is_not_there_is_unknown(published: Store, version: int) -> None:
    with pytest.raises(UnknownBundle, match=f"no version {version} of 'avatars'"):
        published.open("avatars", version)


@pytest.mark.parametrize("name", ["faces", "../models/avatars", "..", ".", "", "avatars/3", "Avatars", "avatars\n"])
@pytest.mark.parametrize("version", [None, 1])
def test_a_name_that_is_not_there_or_escapes_is_unknown(published: Store, name: str, version: int | None) -> None:
    (published.root / "Avatars").mkdir()
    shutil.copytree(published.root / "avatars", published.root / "avatars\n")
    with pytest.raises(UnknownBundle):
        published.open(name, version)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("a", True), ("7", True), ("a.b_c-d", True), ("a" * 63, True), ("a..b", True),
        ("", False), ("a" * 64, False), ("A", False), (".a", False), ("-a", False), ("a/b", False), ("é", False),
        ("a\n", False), ("a\0", False), ("a b", False),
    ],
)  # fmt: skip
def test_a_model_is_named_by_lower_case_letters_digits_and_three_signs(name: str, answer: bool) -> None:
    assert is_name(name) is answer


def test_only_whole_numbers_from_one_are_versions(published: Store) -> None:
    for other in ("0", "01", "-1", "1.5", "latest", "٣", ".publishing-abc", "9" * 40):
        (published.root / "avatars" / other).mkdir()
    (published.root / "avatars" / "7").write_text("a file")
    assert published.versions("avatars") == [1, 2, 3, int("9" * 40)]
    assert published.open("avatars").manifest.version == 3


def test_versions_are_numbers_not_words(store: Store, write: Write) -> None:
    for version in (9, 10, 2):
        store.publish("avatars", version, write)
    assert store.versions("avatars") == [2, 9, 10]
    assert store.open("avatars").manifest.version == 10


def test_a_scan_reports_every_folder_it_passes_over(published: Store, write: Write) -> None:
    published.publish("faces", None, write)
    for folder in ("Cats", "empty", ".git"):
        (published.root / folder).mkdir()
    (published.root / "README.md").touch()
    served, skipped = published.scan()
    assert [(b.manifest.name, b.manifest.version) for b in served] == [("avatars", 3), ("faces", 1)]
    assert [(s.path.name, s.reason.split(":")[0]) for s in skipped] == [
        ("Cats", "'Cats' is no model name"),
        ("empty", "it holds no version"),
    ]


def test_a_store_that_does_not_exist_is_empty_and_says_so(store: Store) -> None:
    served, skipped = store.scan()
    assert (served, store.names(), store.versions("avatars")) == ([], [], [])
    assert [s.reason for s in skipped] == ["the store's folder does not exist"]
    with pytest.raises(UnknownBundle, match="no model 'avatars'"):
        store.open("avatars")


def test_a_link_to_a_file_is_followed_and_its_content_checked(published: Store, tmp_path: Path) -> None:
    file = published.root / "avatars/3/saved_model.pb"
    shutil.move(file, tmp_path / "blob")
    file.symlink_to(tmp_path / "blob")
    assert published.open("avatars").manifest.version == 3
    (tmp_path / "blob").write_bytes(b"something else")
    assert published.open("avatars").manifest.version == 2


@pytest.mark.parametrize("mask", ["models", "models/avatars", "models/avatars/3", "models/avatars/3/saved_model.pb"])
def test_what_may_not_be_read_is_reported_and_the_rest_is_served(unprivileged: Path, write: Write, mask: str) -> None:
    store = Store(unprivileged / "models")
    for version in (1, 2, 3):
        store.publish("avatars", version, write)
    store.publish("faces", 1, write)
    locked = unprivileged / mask
    locked.chmod(0)
    try:
        served, skipped = store.scan()
        with pytest.raises(InvalidBundle, match="cannot be read"):
            store.open("avatars", 3)
    finally:
        locked.chmod(0o755)
    expected = {"models": {}, "models/avatars": {"faces": 1}}.get(mask, {"avatars": 2, "faces": 1})
    assert {b.manifest.name: b.manifest.version for b in served} == expected
    assert len(skipped) == 1
    assert "cannot be read" in skipped[0].reason


@pytest.fixture
def unprivileged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a user to whom permissions apply, who this process is during the test."""
    folder = tmp_path_factory.mktemp("unprivileged")
    if os.geteuid() != 0:
        yield folder
        return
    if sys.platform == "win32":
        pytest.skip("permissions are of POSIX")
    nobody = 65534
    for parent in (folder.parent, folder.parent.parent):
        parent.chmod(parent.stat().st_mode | 0o011)
    os.chown(folder, nobody, nobody)
    os.seteuid(nobody)
    yield folder
    os.seteuid(0)

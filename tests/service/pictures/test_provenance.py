import json
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.pictures.animation import encode_animation
from service.pictures.exif import write_exif
from service.pictures.gif import encode_gif
from service.pictures.mp4 import mp4_available
from service.pictures.png import SIGNATURE, encode_png
from service.pictures.provenance import KEYWORDS, VALUE_BYTES, comment_of, exif_of, read_provenance
from service.pictures.stills import encode_still

TEXT = {
    "figment:request": "/generate?n=2&seed=7&model=avatars&version=1",
    "figment:seeds": "7,8",
    "figment:labels": "0,3",
    "figment:model": "avatars/1",
    "figment:digest": "sha256:" + "ab" * 32,
    "figment:precision": "float32",
}
STILLS = ["png", "webp", "jpeg", "avif"]
ANIMATIONS = ["animated webp", "apng", "gif"] + ["mp4"] * mp4_available()
KINDS = STILLS + ANIMATIONS


def file_of(kind: str, text: dict[str, str] = TEXT, seed: int = 0, channels: int = 3) -> bytes:
    frames = np.random.default_rng(seed).integers(0, 256, (2, 8, 8, channels), dtype=np.uint8)
    if kind in STILLS:
        return encode_still(frames[0], kind, text=text)
    return encode_animation(frames, kind.removeprefix("animated "), 10, text)


FILES = {kind: file_of(kind) for kind in KINDS}


def png_of(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with chunks behind its header."""
    png = encode_png(np.zeros((1, 1), np.uint8))
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return png[:33] + b"".join(parts) + png[33:]


def webp_of(exif: bytes) -> bytes:
    body = b"WEBP" + b"EXIF" + struct.pack("<I", len(exif)) + exif + bytes(len(exif) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        {"figment:request": "/generate?seed=日本 🎨"},
        {"figment:seeds": "7"},
        {**TEXT, "figment:seeds": "7" * 20_000},
        {"figment:request": "/x", "figment:model": "ü/1"},
    ],
)
def test_what_was_written_is_read(kind: str, channels: int, text: dict[str, str]) -> None:
    assert read_provenance(file_of(kind, text, channels=channels)) == text


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_says_nothing_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="does not say what made it"):
        read_provenance(file_of(kind, {}))


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG", b"BM" + bytes(100), b"%PDF-1.7", bytes(1000)])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="this is no PNG, APNG, WebP, JPEG, AVIF, GIF or MP4 file"):
        read_provenance(content)


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_keywords_are_dropped(kind: str) -> None:
    assert read_provenance(file_of(kind, {**TEXT, "figment:secret": "x", "Title": "y"})) == TEXT


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_anywhere_is_read_or_refused(kind: str) -> None:
    content = FILES[kind]
    read = 0
    for end in range(len(content)):
        try:
            found = read_provenance(content[:end])
        except ValueError:
            continue
        assert found.items() <= TEXT.items()
        read += 1
    if kind not in ("webp", "animated webp", "avif"):  # theirs is at the end, or its directory in front
        assert read > 10


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "jpeg"])
def test_the_longest_value_is_read_and_a_longer_one_refused(kind: str) -> None:
    text = {"figment:seeds": "7" * VALUE_BYTES}
    assert read_provenance(file_of(kind, text)) == text
    with pytest.raises(ValueError, match="figment:seeds is longer than 65,536 bytes"):
        read_provenance(file_of(kind, {"figment:seeds": "7" * (VALUE_BYTES + 1)}))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_printable_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="figment:model holds characters that are not printable"):
        read_provenance(file_of(kind, {"figment:model": "a\x1b[2J"}))


def test_lone_surrogates_are_refused() -> None:
    comment = r'{"figment:model": "\ud800"}'
    with pytest.raises(ValueError, match="not printable"):
        read_provenance(webp_of(write_exif("", comment)))


@pytest.mark.parametrize(
    "comment",
    ["", "{", "[1]", '"figment:request"', '{"figment:request": 7}', "[" * 500_000, '{"a":' * 50_000, "9" * 10_000],
)
def test_comments_that_are_no_mapping_of_texts_say_nothing(comment: str) -> None:
    frames = np.zeros((1, 1, 1, 1), np.uint8)
    for content in (webp_of(write_exif("a photograph", comment)), encode_gif(frames, [1], comment)):
        with pytest.raises(ValueError, match="does not say what made it"):
            read_provenance(content)


def test_a_request_that_stands_alone_is_read() -> None:
    assert read_provenance(webp_of(write_exif("/images/7.png", "?"))) == {"figment:request": "/images/7.png"}
    gif = encode_gif(np.zeros((1, 1, 1, 1), np.uint8), [1], "/images/7.gif")
    assert read_provenance(gif) == {"figment:request": "/images/7.gif"}


@pytest.mark.parametrize(
    "chunk",
    [
        (b"tEXt", b"figment:seeds\0" + b"1,2"),
        (b"zTXt", b"figment:seeds\0\0" + zlib.compress(b"1,2")),
        (b"iTXt", b"figment:seeds\0\0\0\0\0" + b"1,2"),
        (b"iTXt", b"figment:seeds\0\1\0en\0seeds\0" + zlib.compress(b"1,2")),
    ],
)
def test_all_texts_of_png_are_read_wherever_they_are(chunk: tuple[bytes, bytes]) -> None:
    png = png_of(chunk)
    assert read_provenance(png) == {"figment:seeds": "1,2"}
    start, end = 33, 33 + 12 + len(chunk[1])
    moved = png[:start] + png[end:-12] + png[start:end] + png[-12:]
    assert read_provenance(moved) == {"figment:seeds": "1,2"}


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_a_bomb_is_refused_before_it_is_inflated(kind: bytes) -> None:
    deflated = zlib.compressobj(9)
    bomb = b"".join(deflated.compress(bytes(2**20)) for _ in range(32)) + deflated.flush()
    head = b"figment:request\0\0" if kind == b"zTXt" else b"figment:request\0\1\0\0\0"
    png = png_of((kind, head + bomb))
    tracemalloc.start()
    with pytest.raises(ValueError, match="figment:request is longer than 65,536 bytes"):
        read_provenance(png)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20 + 3 * len(bomb)


def test_a_bomb_under_another_name_is_left_alone() -> None:
    bomb = zlib.compress(bytes(2**24))
    seeds = (b"tEXt", b"figment:seeds\0" + b"1")
    assert read_provenance(png_of((b"zTXt", b"Comment\0\0" + bomb), seeds)) == {"figment:seeds": "1"}


def test_a_damaged_stream_is_refused() -> None:
    with pytest.raises(ValueError, match="figment:request is damaged"):
        read_provenance(png_of((b"zTXt", b"figment:request\0\0no zlib")))


def test_a_chunk_with_a_wrong_check_value_is_not_believed() -> None:
    png = FILES["png"].replace(b"avatars/1", b"avatars/2", 1)
    assert read_provenance(png) == {name: value for name, value in TEXT.items() if name != "figment:model"}


def test_of_two_with_a_keyword_the_first_counts() -> None:
    chunks = [(b"tEXt", b"figment:seeds\0" + seeds) for seeds in (b"1", b"2")]
    assert read_provenance(png_of(*chunks)) == {"figment:seeds": "1"}


def test_pixels_are_not_decoded() -> None:
    header = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 6, 0, 0, 0)
    ihdr = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    assert read_provenance(SIGNATURE + ihdr + FILES["png"][33:]) == TEXT


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """A valid file in which bytes were changed, taken out, repeated and put in."""
    kind = draw(st.sampled_from(KINDS))
    content = bytearray(FILES[kind])
    for _ in range(draw(st.integers(1, 8))):
        place = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 12))
        match draw(st.sampled_from(["change", "take out", "repeat", "put in", "cut"])):
            case "change":
                content[place : place + length] = draw(st.binary(min_size=length, max_size=length))
            case "take out":
                del content[place : place + length]
            case "repeat":
                content[place:place] = content[place : place + 20 * length]
            case "put in":
                content[place:place] = draw(st.sampled_from([bytes(4), b"\xff" * 4, b"\0\0\0\1", b"Exif", b"\x7f"]))
            case _ if draw(st.integers(0, 9)) == 0:
                del content[place:]
    return kind, bytes(content)


@settings(max_examples=300, deadline=None)
@given(mutated())
def test_any_damage_is_read_or_refused_in_a_sentence(file: tuple[str, bytes]) -> None:
    _, content = file
    try:
        found = read_provenance(content)
    except ValueError as error:
        sentence = str(error)
        assert sentence.startswith(("this is no", "the picture"))
        return
    assert found
    assert set(found) <= set(KEYWORDS)
    assert all(value.isprintable() and len(value.encode()) <= VALUE_BYTES for value in found.values())


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([content[:16] for content in FILES.values()]), st.binary(max_size=300))
def test_any_bytes_behind_a_beginning_are_refused(start: bytes, rest: bytes) -> None:
    with pytest.raises(ValueError, match="does not say what made it"):
        read_provenance(start + rest)


def test_the_comment_is_ascii_in_the_mappings_order() -> None:
    assert comment_of({"b": "ü", "a": "x"}) == r'{"b": "\u00fc", "a": "x"}'
    assert json.loads(comment_of(TEXT)) == TEXT
    assert comment_of({}) == ""
    assert exif_of({}) == b""


@pytest.mark.parametrize("make", [comment_of, exif_of])
def test_a_zero_character_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match="figment:request' holds a zero character"):
        make({"figment:request": "a\0b"})


def test_only_so_many_comments_are_read() -> None:
    head = b"GIF89a" + bytes(7)
    ours = b"\x21\xfe\x0d/images/7.png\0"
    assert read_provenance(head + b"\x21\xfe\1x\0" * 15 + ours + b";" + bytes(9)) == {
        "figment:request": "/images/7.png"
    }
    with pytest.raises(ValueError, match="does not say what made it"):
        read_provenance(head + b"\x21\xfe\1x\0" * 16 + ours + b";" + bytes(9))


def test_a_directory_of_many_entries_is_refused_in_no_time() -> None:
    entries = struct.pack("<HHII", 0x10E, 2, 2**20, 0) * 65_535
    with pytest.raises(ValueError, match="does not say what made it"):
        read_provenance(webp_of(b"II*\0\x08\0\0\0\xff\xff" + entries + bytes(100)))

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from service.pictures.exif import read_exif, write_exif

TEXTS = [("/generate?n=4", '{"a": "b"}'), ("", "{}"), ("/", "x"), ("/日本 🎨", "c" * 10_001), ("abc", "")]


@pytest.mark.parametrize(("description", "comment"), TEXTS)
def test_both_texts_come_back(description: str, comment: str) -> None:
    assert read_exif(write_exif(description, comment)) == (description, comment)
    assert read_exif(b"Exif\0\0" + write_exif(description, comment)) == (description, comment)


@pytest.mark.parametrize(("description", "comment"), TEXTS)
def test_pillow_reads_what_was_written(description: str, comment: str) -> None:
    exif = Image.Exif()
    exif.load(write_exif(description, comment))
    found = exif.get(ExifTags.Base.ImageDescription, "")
    assert found.encode("latin-1").decode("utf-8") == description  # Pillow reads texts as Latin-1
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    assert inner[ExifTags.Base.UserComment] == b"ASCII\0\0\0" + comment.encode()
    assert inner[ExifTags.Base.ExifVersion] == b"0232"


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize(
    "comment",
    [b"ASCII\0\0\0{}", bytes(8) + b"{}  \0", "utf-16", b"ASCII\0\0\0{}" + bytes(3)],
)
def test_what_other_programs_wrote_is_read(endian: str, comment: bytes | str) -> None:
    if comment == "utf-16":
        comment = b"UNICODE\0" + "{}".encode("utf-16-le" if endian == "<" else "utf-16-be")
    exif = Image.Exif()
    exif.endian = endian
    exif[ExifTags.Base.Make] = "somebody"
    exif[ExifTags.Base.ImageDescription] = "/images/7.png"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    assert read_exif(exif.tobytes()) == ("/images/7.png", "{}")


def test_a_comment_in_another_encoding_is_left_out() -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"JIS\0\0\0\0\0{}"
    assert read_exif(exif.tobytes()) == ("", "")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([b"", b"II*\0", b"MM\0*", b"Exif\0\0II*\0"]))
def test_any_bytes_are_read_without_an_error(data: bytes, start: bytes) -> None:
    description, comment = read_exif(start + data)
    assert len(description) <= len(data)
    assert len(comment) <= len(data)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_damage_is_read_without_an_error(data: st.DataObject) -> None:
    exif = bytearray(write_exif("/generate", '{"a": "b"}'))
    for _ in range(data.draw(st.integers(1, 6))):
        exif[data.draw(st.integers(0, len(exif) - 1))] = data.draw(st.integers(0, 255))
    description, comment = read_exif(bytes(exif[: data.draw(st.integers(0, len(exif)))]))
    assert len(description) + len(comment) <= 2 * len(exif)

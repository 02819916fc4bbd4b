"""`service.pictures.exif`: reads any bytes without an error, and what it wrote itself."""

from tests.fuzz.guided import Try, fuzz
from tests.fuzz.samples import COMMENT, exif

SAMPLES = (exif(), b"Exif\0\0" + exif(), b"MM\0*\0\0\0\x08\0\0")


def load() -> Try:
    """What must hold for any bytes."""
    from service.pictures.exif import read_exif, write_exif

    def attempt(data: bytes) -> None:
        description, comment = read_exif(data)
        assert isinstance(description, str)
        assert isinstance(comment, str)
        text = data[:200].decode("utf-8", "ignore").rstrip("\0")
        assert read_exif(write_exif(text, COMMENT)) == (text, COMMENT)

    return attempt


if __name__ == "__main__":
    fuzz(load, SAMPLES, ["service.pictures.exif"])

"""`service.pictures.provenance`: reads any file, or says why not."""

from tests.fuzz.guided import Try, fuzz
from tests.fuzz.samples import pictures

SAMPLES = pictures()


def load() -> Try:
    """What must hold for any bytes."""
    from service.pictures.provenance import KEYWORDS, VALUE_BYTES, read_provenance

    def attempt(data: bytes) -> None:
        try:
            found = read_provenance(data)
        except ValueError:
            return
        assert found
        for keyword, value in found.items():
            assert keyword in KEYWORDS
            assert value.isprintable()
            assert len(value.encode()) <= VALUE_BYTES

    return attempt


if __name__ == "__main__":
    fuzz(load, SAMPLES, ["service.pictures"])

"""`service.pictures.containers`: walks over any bytes, without an error."""

from tests.fuzz.guided import Try, fuzz
from tests.fuzz.samples import pictures

SAMPLES = pictures()


def load() -> Try:
    """What must hold for any bytes."""
    from service.pictures import containers

    walks = (containers.webp_exif, containers.jpeg_exif, containers.gif_comments, containers.mp4_comments,
             containers.avif_exif)  # fmt: skip

    def attempt(data: bytes) -> None:
        assert containers.kind_of(data) in ("png", "webp", "jpeg", "gif", "avif", "mp4", "")
        for kind, text in containers.png_texts(data):
            assert kind in containers.PNG_TEXTS
            assert len(text) <= containers.TEXT_MAX
        for walk in walks:
            for found in walk(data):
                assert len(found) <= max(containers.TEXT_MAX, len(data))

    return attempt


if __name__ == "__main__":
    fuzz(load, SAMPLES, ["service.pictures.containers"])

"""`service.pictures.uploads`: makes of any file a picture of a model's shape, or says why not."""

import warnings

from tests.fuzz.guided import Try, fuzz
from tests.fuzz.samples import pictures

SAMPLES = pictures()


def load() -> Try:
    """What must hold for any bytes."""
    from service.pictures.uploads import read_picture

    def attempt(data: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for channels in (1, 3, 4):
                try:
                    picture = read_picture(data, 8, 4, channels)
                except ValueError:
                    return
                assert picture.shape == (8, 4, channels)

    return attempt


if __name__ == "__main__":
    fuzz(load, SAMPLES, ["service.pictures.uploads"])

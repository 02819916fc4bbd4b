"""`bundle.points`: reads any text as a point, or says why not, and writes what it read."""

from tests.fuzz.guided import Try, fuzz

SAMPLES = (b"7", b"-1", b"ada", b"4294967295", b"4294967296", b"z:AAAAPwAAgD8", b"z:AACAfw", b"z:", "\u0663".encode())


def load() -> Try:
    """What must hold for any bytes."""
    import numpy as np

    from bundle.points import latents_of_points, parse_point

    def attempt(data: bytes) -> None:
        try:
            point = parse_point(data.decode("utf-8", "surrogateescape"))
        except ValueError:
            return
        assert parse_point(str(point)) == point
        try:
            latents = latents_of_points([point], 2, 1.5)
        except ValueError:
            return
        assert latents.shape == (1, 2)
        assert np.isfinite(latents).all()

    return attempt


if __name__ == "__main__":
    fuzz(load, SAMPLES, ["bundle.points", "bundle.seeds"])

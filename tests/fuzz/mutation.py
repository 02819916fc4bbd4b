"""Valid bytes made wrong, by a seed: what parsers of lengths, text and markers stumble over."""

import random
from collections.abc import Iterator, Sequence

NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
TEXTS = (b"\0", b"\r\n", b"\r\n\r\n", b"\n", b"%00", b"../", b"\xff\xfe", b"\xf0\x9f\x98\x80", b'"', b"{" * 50, b"--")


def mutated(samples: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """So many wrong inputs, the same ones for the same seed."""
    chosen = random.Random(seed)
    for _ in range(count):
        data = bytearray(chosen.choice(samples))
        for _ in range(chosen.choice((1, 1, 2, 4, 16))):
            _mutate(data, samples, chosen)
        yield bytes(data)


def _mutate(data: bytearray, samples: Sequence[bytes], chosen: random.Random) -> None:
    """One change in place."""
    place = chosen.randrange(len(data) + 1)
    kind = chosen.randrange(7)
    if kind == 0 and data:
        data[place % len(data)] ^= 1 << chosen.randrange(8)
    elif kind == 1:
        width = chosen.choice((1, 2, 4))
        number = chosen.choice(NUMBERS) & (256**width - 1)
        data[place : place + width] = number.to_bytes(width, chosen.choice(("big", "little")))
    elif kind == 2:
        del data[place:]
    elif kind == 3:
        del data[place : place + chosen.randrange(1, 32)]
    elif kind == 4:
        data[place:place] = chosen.choice(TEXTS)
    elif kind == 5:
        data[place:place] = data[place : place + chosen.randrange(1, 64)]
    else:
        other = chosen.choice(samples)
        data[place:] = other[chosen.randrange(len(other) + 1) :]

"""Compressed bytes are read aside within bounds, and what cannot be read is nothing."""

import gzip
import zlib
from itertools import pairwise

import pytest

from gateway.http.decoding import MOST, Decoder

TEXT = b"data: {}\n\n" * 100


@pytest.mark.parametrize(
    ("coding", "encoded"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("deflate", zlib.compress(TEXT)),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_pieces_are_decoded_as_they_come(coding, encoded, size):
    decoder = Decoder(coding)
    bounds = [*range(0, len(encoded), size), len(encoded)]
    assert b"".join(decoder.feed(encoded[a:b]) for a, b in pairwise(bounds)) == TEXT


@pytest.mark.parametrize("coding", ["br", "zstd", "x"])
def test_of_an_unknown_coding_nothing_is_read(coding):
    assert Decoder(coding).feed(TEXT) == b""


def test_what_is_damaged_is_read_no_further():
    decoder = Decoder("gzip")
    assert decoder.feed(b"\x1f\x8b not gzip") == b""
    assert decoder.feed(gzip.compress(TEXT)) == b""


def test_a_bomb_is_not_read_to_its_end():
    bomb = gzip.compress(b"\0" * (20 * MOST))
    decoder = Decoder("gzip")
    assert len(decoder.feed(bomb)) == MOST
    assert decoder.feed(bomb) == b""

"""Any film to one convention, and the exact way back.

Takes a path; gives `float32 [height, width]`, 0 = black = air, 1 = white. `Frame` is the square
that a net sees and the inverse of that step. What the net makes of it is left to the engines.
"""

from tbspot.images.film import Facts, Film
from tbspot.images.frame import Frame, resize
from tbspot.images.reading import SUFFIXES, is_film, read_pixels, read_with_facts

__all__ = [
    "SUFFIXES",
    "Facts",
    "Film",
    "Frame",
    "is_film",
    "read_pixels",
    "read_with_facts",
    "resize",
]

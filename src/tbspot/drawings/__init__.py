"""Drawn films: chest-like phantoms with known truth, for the demo, the tests and experiments.

Takes counts, a size and a seed; gives films and whole data sets in TBX11K's layout. The parts:
anatomy.py (the chest), lesions.py (TB), opacities.py (other findings), exposure.py (from
attenuation to film, shortcuts included), film.py (one film), dataset.py (the folder), into_films.py
(lesions drawn into films of people without TB).
"""

from tbspot.drawings.dataset import Shortcut, draw_dataset
from tbspot.drawings.exposure import Style
from tbspot.drawings.film import CLASSES, DrawnFilm, draw_film

__all__ = ["CLASSES", "DrawnFilm", "Shortcut", "Style", "draw_dataset", "draw_film"]

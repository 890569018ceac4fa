"""tbspot: find tuberculosis on a chest film, from image labels alone.

Research software, not a medical device.
"""

from importlib.metadata import version

__version__ = version("tbspot")

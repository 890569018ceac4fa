"""tbspot: find tuberculosis on a chest film, from image labels alone.

The names below are the library; everything else is private and may change. Each is imported when
it is first asked for, so that `import tbspot` costs next to nothing. Research software, not a
medical device.
"""

from __future__ import annotations

# As typing's, whose import would take longer than all the rest; type checkers know the name.
# Jedi (Jupyter, Spyder) believes a plain `False`, and then completes nothing that stands below.
TYPE_CHECKING = bool()  # noqa: UP018
if TYPE_CHECKING:
    from tbspot.errors import DataError as DataError
    from tbspot.errors import MissingExtraError as MissingExtraError
    from tbspot.errors import ModelError as ModelError
    from tbspot.errors import TbspotError as TbspotError
    from tbspot.errors import UnreadableFilmError as UnreadableFilmError
    from tbspot.evaluation.findings import evaluate as evaluate
    from tbspot.images.film import Film as Film
    from tbspot.images.given import read_film as read_film
    from tbspot.locating.finding import Finding as Finding
    from tbspot.locating.model import Model as Model
    from tbspot.locating.model import load_model as load_model
    from tbspot.records.evaluation import Evaluation as Evaluation
    from tbspot.samples.reading import Reading as Reading
    from tbspot.samples.sample import Sample as Sample
    from tbspot.samples.sample import TruthBox as TruthBox
    from tbspot.training.run import distill as distill
    from tbspot.training.run import train as train
    from tbspot.training.settings import Strength as Strength
    from tbspot.training.settings import TrainingSettings as TrainingSettings

    __version__: str

# Where each public name is at home.
HOMES = {
    "DataError": "errors",
    "Evaluation": "records.evaluation",
    "Film": "images.film",
    "Finding": "locating.finding",
    "MissingExtraError": "errors",
    "Model": "locating.model",
    "ModelError": "errors",
    "Reading": "samples.reading",
    "Sample": "samples.sample",
    "Strength": "training.settings",
    "TbspotError": "errors",
    "TrainingSettings": "training.settings",
    "TruthBox": "samples.sample",
    "UnreadableFilmError": "errors",
    "distill": "training.run",
    "evaluate": "evaluation.findings",
    "load_model": "locating.model",
    "read_film": "images.given",
    "train": "training.run",
}
__all__ = [
    "DataError",
    "Evaluation",
    "Film",
    "Finding",
    "MissingExtraError",
    "Model",
    "ModelError",
    "Reading",
    "Sample",
    "Strength",
    "TbspotError",
    "TrainingSettings",
    "TruthBox",
    "UnreadableFilmError",
    "__version__",
    "distill",
    "evaluate",
    "load_model",
    "read_film",
    "train",
]


if not TYPE_CHECKING:  # or a checker would take any name for one of ours

    def __getattr__(name: str) -> object:
        if name == "__version__":
            from importlib.metadata import version

            value: object = version("tbspot")
        elif name in HOMES:
            from importlib import import_module

            value = getattr(import_module(f"tbspot.{HOMES[name]}"), name)
        else:
            raise AttributeError(f"module 'tbspot' has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})

"""Something to do as soon as a module is there, without importing it."""

from __future__ import annotations

import importlib.machinery
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType

__all__ = ["after_import"]

logger = logging.getLogger(__name__)

Action = Callable[[], None]


def after_import(actions: Mapping[str, Action]) -> None:
    """Run each action once its top-level module is imported, at once where it is already. What an action raises is logged."""
    for name in [name for name in actions if name in sys.modules]:
        _run(name, actions[name])
    waiting = {name: action for name, action in actions.items() if name not in sys.modules}
    if waiting:
        sys.meta_path.insert(0, _Finder(waiting))


class _Finder:
    """Lets the other finders find a module, and has the one who runs it tell when that is done."""

    def __init__(self, waiting: dict[str, Action]) -> None:
        self._waiting = waiting

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in self._waiting:
            return None
        action = self._waiting[name]
        spec = next(filter(None, (_asked(finder, name, path, target) for finder in sys.meta_path if finder is not self)), None)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_and_tell(module: ModuleType) -> None:
            execute(module)
            if self._waiting.pop(name, None) is not None:  # who only looks for a module imports none
                _run(name, action)

        spec.loader.exec_module = execute_and_tell  # type: ignore[method-assign]
        return spec


def _asked(
    finder: object, name: str, path: Sequence[str] | None, target: ModuleType | None
) -> importlib.machinery.ModuleSpec | None:
    find = getattr(finder, "find_spec", None)
    return None if find is None else find(name, path, target)


def _run(name: str, action: Action) -> None:
    try:
        action()
    except Exception as error:  # a version that we do not know: the script runs all the same
        logger.warning("Steps of %s can't be found: %s. Mark them: see crossprof.steps.", name, error)

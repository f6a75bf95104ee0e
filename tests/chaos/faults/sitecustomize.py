"""Python imports this at the start of every process that finds it on PYTHONPATH: it plants a fault point.

KDSTUDY_FAULT is the JSON of {"target", "when", "count", "program", "file", "fired"}, as `points.Point` says;
without it, and in processes that do not run `program`, nothing happens. `fired` is a file that the process
makes with its number in it right before it kills itself: of many workers one dies.
"""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any


class Planter(MetaPathFinder):
    """Plants the fault as soon as its module has been imported, and imports nothing by itself."""

    def __init__(self, fault: dict[str, Any]) -> None:
        self.fault, (self.module, _, self.name) = fault, fault["target"].partition(":")
        self.calls = itertools.count(1)

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != self.module:
            return None
        sys.meta_path.remove(self)
        spec: Any = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def load_and_plant(module: Any) -> None:
            load(module)
            self.plant(module)

        spec.loader.exec_module = load_and_plant
        return spec

    def plant(self, module: Any) -> None:
        *owners, name = self.name.split(".")
        owner = getattr(module, owners[0]) if owners else module
        original = getattr(owner, name)

        def call(*values: Any, **more: Any) -> Any:
            if self.fault["file"] and values[0].name != self.fault["file"]:
                return original(*values, **more)
            number = next(self.calls)
            if inspect.isgeneratorfunction(getattr(original, "__wrapped__", None)):
                return self.around(original(*values, **more), number)
            self.die("before", number)
            answer = original(*values, **more)
            self.die("after", number)
            return answer

        setattr(owner, name, call)

    @contextmanager
    def around(self, original: Any, number: int) -> Iterator[Any]:
        with original as value:
            yield value
            self.die("before", number)
        self.die("after", number)

    def die(self, when: str, number: int) -> None:
        if (when, number) == (self.fault["when"], self.fault["count"]):
            with suppress(FileExistsError), open(self.fault["fired"], "x") as fired:
                fired.write(str(os.getpid()))
                fired.flush()
                os.kill(os.getpid(), signal.SIGKILL)


if "KDSTUDY_FAULT" in os.environ:
    fault = json.loads(os.environ["KDSTUDY_FAULT"])
    if fault["program"] in [Path(argument).name for argument in sys.orig_argv]:
        planter = Planter(fault)
        if planter.module in sys.modules:
            planter.plant(sys.modules[planter.module])
        else:
            sys.meta_path.insert(0, planter)

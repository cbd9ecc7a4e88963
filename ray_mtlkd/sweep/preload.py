"""What a worker of this machine imports before it has a trial; Ray imports this module by name as the worker starts."""

import importlib

from ray_mtlkd.imports import importing

with importing():
    importlib.import_module("ray_mtlkd.sweep.trial")

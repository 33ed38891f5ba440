"""Entry point: imports only what is needed, then serves.

Every `pulumi up` waits until this process prints its port, so every import matters.
"""

import sys
from importlib.machinery import PathFinder
from types import ModuleType


def main() -> None:
    """Run the provider until the engine ends it; the engine's address is the last argument."""
    try:
        _skip_package_code("pulumi", "pulumi.runtime", "pulumi.runtime.proto")
        from .server import run  # noqa: PLC0415 - only now can the generated protos be imported cheaply
    except ImportError as error:
        sys.exit(f"pulumi-resource-command: {error}; it needs Python >= 3.11 with pulumi and asyncssh: run `make up`")
    run(sys.argv[1:])


def _skip_package_code(*packages: str) -> None:
    """Make the modules in these packages importable without running the packages' __init__.py.

    The generated protos need nothing from the Pulumi SDK that contains them, and importing it takes most of a second.
    """
    path: list[str] | None = None
    for name in packages:
        spec = PathFinder.find_spec(name, path)
        if spec is None or spec.submodule_search_locations is None:
            raise ImportError(f"the package {name} is not installed")
        path = list(spec.submodule_search_locations)
        module = ModuleType(name)
        module.__path__ = path
        module.__spec__ = spec
        sys.modules[name] = module

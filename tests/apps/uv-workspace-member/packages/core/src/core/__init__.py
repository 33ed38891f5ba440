from importlib.metadata import version


def versions():
    return {name: version(name) for name in ("core", "itsdangerous")}

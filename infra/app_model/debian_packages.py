"""The Debian packages that known dependencies need, to be built or to run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infra.app_model.build_plan import Decision
from infra.app_model.dependencies.install import Install
from infra.protocol.specs import DeploySpec

COMPILER = ("gcc", "libc6-dev", "python3-dev")
"""What every C extension needs that has no wheel."""


@dataclass(frozen=True)
class Need:
    """What a package from the registry needs of the system.

    Attributes:
        package: Its normalised name.
        debian: The Debian packages. All of them are in Debian 12 and 13, and in Ubuntu 22.04 and 24.04.
        why: Why its wheel does not do.
    """

    package: str
    debian: tuple[str, ...]
    why: str


NO_WHEEL = "it has no wheel for Linux, and is compiled"
LOADS = "it loads a library that its wheel does not bring"
CALLS = "it calls a program"

NEEDS = (
    # Left out on purpose, as their wheels bring all they need: Pillow, lxml, cryptography, psycopg2-binary,
    # psycopg[binary], numpy, pandas, scipy, cffi, greenlet, gevent, shapely, pyproj, h5py, pyzmq, bcrypt, argon2-cffi,
    # opencv-python-headless, reportlab, pymssql, confluent-kafka, pymupdf. pdfkit: Debian 13 has no wkhtmltopdf.
    Need("psycopg2", ("libpq-dev", *COMPILER), NO_WHEEL),
    Need("psycopg", ("libpq5",), LOADS),
    Need("psycopg-c", ("libpq-dev", *COMPILER), NO_WHEEL),
    Need("mysqlclient", ("default-libmysqlclient-dev", "pkg-config", *COMPILER), NO_WHEEL),
    Need("python-ldap", ("libldap2-dev", "libsasl2-dev", *COMPILER), NO_WHEEL),
    Need("django-auth-ldap", ("libldap2-dev", "libsasl2-dev", *COMPILER), "it needs python-ldap, which is compiled"),
    Need(
        "xmlsec",
        ("libxmlsec1-dev", "libxml2-dev", "pkg-config", *COMPILER),
        "it has to be built against the same libxml2 as lxml",
    ),
    Need(
        "python3-saml", ("libxmlsec1-dev", "libxml2-dev", "pkg-config", *COMPILER), "it needs xmlsec, which is compiled"
    ),
    Need("pyaudio", ("portaudio19-dev", *COMPILER), NO_WHEEL),
    Need("sounddevice", ("libportaudio2",), LOADS),
    Need("soundfile", ("libsndfile1",), LOADS),
    Need("pyodbc", ("unixodbc",), LOADS),
    Need("uwsgi", COMPILER, NO_WHEEL),
    Need("pygraphviz", ("graphviz", "libgraphviz-dev", "pkg-config", *COMPILER), NO_WHEEL),
    Need("graphviz", ("graphviz",), CALLS),
    Need("pydot", ("graphviz",), CALLS),
    Need("pycairo", ("libcairo2-dev", "pkg-config", *COMPILER), NO_WHEEL),
    Need("pygobject", ("libgirepository1.0-dev", "libcairo2-dev", "pkg-config", *COMPILER), NO_WHEEL),
    Need("dbus-python", ("libdbus-1-dev", "libglib2.0-dev", "pkg-config", *COMPILER), NO_WHEEL),
    Need("pyicu", ("libicu-dev", "pkg-config", "g++", *COMPILER), NO_WHEEL),
    Need("python-magic", ("libmagic1",), LOADS),
    Need("weasyprint", ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fonts-dejavu-core"), LOADS),
    Need("cairosvg", ("libcairo2",), LOADS),
    Need("cairocffi", ("libcairo2",), LOADS),
    Need("opencv-python", ("libgl1", "libglib2.0-0"), LOADS),
    Need("opencv-contrib-python", ("libgl1", "libglib2.0-0"), LOADS),
    Need("pdf2image", ("poppler-utils",), CALLS),
    Need("pytesseract", ("tesseract-ocr",), CALLS),
    Need("ocrmypdf", ("tesseract-ocr", "ghostscript"), CALLS),
    Need("pydub", ("ffmpeg",), CALLS),
    Need("ffmpeg-python", ("ffmpeg",), CALLS),
    Need("openai-whisper", ("ffmpeg",), CALLS),
    Need("moviepy", ("ffmpeg",), CALLS),
    Need("wand", ("libmagickwand-dev",), LOADS),
    Need("pyzbar", ("libzbar0",), LOADS),
    Need("gitpython", ("git",), CALLS),
    Need("pandoc", ("pandoc",), CALLS),
    Need("pypandoc", ("pandoc",), CALLS),
)
BY_NAME = {need.package: need for need in NEEDS}


BRINGS_LIBPQ = re.compile(r"psycopg[ \t]*\[[^\]]*\b(?:binary|c)\b")
"""The extras with which psycopg needs nothing of the system."""


def choose(install: Install, spec: DeploySpec) -> tuple[tuple[str, ...], tuple[Decision, ...]]:
    """The packages, and why.

    Args:
        install: How its dependencies are installed.
        spec: The settings: they may have the packages already, or leave some out by a ``-`` in front.
    """
    settled = {name.removeprefix("-") for name in spec.packages}
    found: list[str] = []
    decisions = []
    for name in sorted(install.packages):
        need = BY_NAME.get(name)
        if need is None or (name == "psycopg" and _brings_libpq(install)):
            continue
        new = [package for package in need.debian if package not in settled and package not in found]
        if new:
            found += new
            reason = f"the app depends on {name}: {need.why}"
            decisions.append(Decision("Debian packages", " ".join(new), reason, "launchpad:packages"))
    return tuple(found), tuple(decisions)


def _brings_libpq(install: Install) -> bool:
    """Whether psycopg comes with its library, or is built against one that another entry brings."""
    return bool({"psycopg-binary", "psycopg-c"} & set(install.packages) or BRINGS_LIBPQ.search(install.content))

"""An app that keeps rows in SQLite and uploads in $DATA_DIR, to see whether all of them are there later."""

from __future__ import annotations

APP = """
import hashlib
import os
import sqlite3
from pathlib import Path

from flask import Flask, jsonify, request

app = Flask(__name__)
DATA = Path(os.environ["DATA_DIR"])
MARKER = (Path(__file__).parent / "marker").read_text().strip()


def database():
    connection = sqlite3.connect(DATA / "db.sqlite3")
    connection.execute("create table if not exists notes (text text)")
    return connection


@app.get("/")
def index():
    return f"{MARKER}\\n"


@app.get("/healthz")
def healthz():
    return "ok\\n"


@app.get("/secret")
def secret():
    return hashlib.sha256(os.environ["SECRET_KEY"].encode()).hexdigest()


@app.post("/notes")
def add():
    with database() as connection:
        connection.execute("insert into notes values (?)", (request.get_data(as_text=True),))
    return "stored\\n"


@app.post("/files/<name>")
def upload(name):
    (DATA / "uploads").mkdir(exist_ok=True)
    (DATA / "uploads" / name).write_bytes(request.get_data())
    return "stored\\n"


@app.get("/kept")
def kept():
    rows = [row[0] for row in database().execute("select text from notes order by rowid")]
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((DATA / "uploads").iterdir())}
    return jsonify({"rows": rows, "files": files})
"""

import os
import sqlite3
from pathlib import Path

from celery import Celery
from flask import Flask, request
from redis import Redis

UPLOADS = Path(__file__).parent / "uploads"

app = Flask(__name__)
app.config["UPLOAD_FOLDER"] = UPLOADS
queue = Celery("letters", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
cache = Redis.from_url(os.environ["REDIS_URL"])


def database():
    connection = sqlite3.connect("letters.db")
    connection.execute("CREATE TABLE IF NOT EXISTS letters (name TEXT)")
    return connection


@queue.task
def write(name):
    with database() as connection:
        connection.execute("INSERT INTO letters VALUES (?)", (name,))
    return f"written to {name}"


@app.route("/write/<name>")
def enqueue(name):
    return write.delay(name).id


@app.route("/jobs/<id>")
def job(id):
    result = write.AsyncResult(id)
    return f"{result.status} {result.result}"


@app.route("/upload/<name>", methods=["GET", "POST"])
def upload(name):
    (UPLOADS / name).write_text(request.args["text"])
    return "kept"


@app.route("/")
def index():
    with database() as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM letters")]
    files = sorted(path.name for path in UPLOADS.iterdir())
    return f"{cache.incr('visits')} visits, letters {names}, files {files}"

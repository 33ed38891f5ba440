import sqlite3

from flask import Flask, redirect, request

app = Flask(__name__)


def connect():
    connection = sqlite3.connect("notes.db")
    connection.execute("CREATE TABLE IF NOT EXISTS notes (note TEXT)")
    return connection


@app.route("/")
def index():
    with connect() as connection:
        notes = connection.execute("SELECT note FROM notes").fetchall()
    return "<title>Notes</title>" + "".join(f"<p>{note}</p>" for (note,) in notes)


@app.route("/add", methods=["POST"])
def add():
    with connect() as connection:
        connection.execute("INSERT INTO notes VALUES (?)", (request.form["note"],))
    return redirect("/")


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)

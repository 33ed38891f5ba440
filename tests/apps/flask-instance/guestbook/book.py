from flask import Blueprint, redirect, render_template, request, url_for

from .db import get_db

bp = Blueprint("book", __name__)


@bp.route("/")
def index():
    return render_template("book.html", entries=get_db().execute("SELECT words FROM entry").fetchall())


@bp.route("/sign", methods=["POST"])
def sign():
    get_db().execute("INSERT INTO entry VALUES (?)", (request.form["words"],))
    get_db().commit()
    return redirect(url_for("book.index"))

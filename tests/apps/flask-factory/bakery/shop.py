from flask import Blueprint, render_template, request

pages = Blueprint("shop", __name__)
LOAVES = {"rye": 3, "spelt": 4}


@pages.get("/")
def index():
    return render_template("index.html", loaves=LOAVES)


@pages.post("/total")
def total():
    return f"{LOAVES[request.form['loaf']] * int(request.form['count'])} euro"

from bottle import post, request, route, run, static_file


@route("/")
def index():
    return '<title>Bottle</title><link rel="stylesheet" href="/static/bottle.css"><b>Hello</b>!'


@route("/static/<name>")
def static(name):
    return static_file(name, root="./static")


@post("/greet")
def greet():
    return f"Hello {request.forms.name}!"


run(host="localhost", port=8080)

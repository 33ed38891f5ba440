import os

import waitress


def repeat(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    words = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return [words or b"Say something."]


def main():
    waitress.serve(repeat, host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", 8080)))

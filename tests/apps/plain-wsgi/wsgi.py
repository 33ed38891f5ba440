def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    if environ["REQUEST_METHOD"] == "POST":
        return [b"you sent ", environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))]
    return ["Hello, WSGI! ä\n".encode()]

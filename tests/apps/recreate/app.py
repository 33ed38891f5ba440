"""An app that cannot run twice: it holds a lock for as long as it lives."""

import fcntl
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

lock = open(os.path.join(os.environ.get("DATA_DIR", "."), "lock"), "w")
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(open("marker", "rb").read())


HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()

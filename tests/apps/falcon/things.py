from wsgiref.simple_server import make_server

import falcon


class Quote:
    def on_get(self, request, response):
        response.media = {"quote": "Less is more."}

    def on_post(self, request, response):
        response.media = {"quote": request.get_media()["quote"]}
        response.status = falcon.HTTP_201


app = falcon.App()
app.add_route("/", Quote())

if __name__ == "__main__":
    with make_server("", 8000, app) as httpd:
        print("Serving on port 8000...")
        httpd.serve_forever()

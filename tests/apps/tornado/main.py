import asyncio
import os

import tornado
import tornado.web


class MainHandler(tornado.web.RequestHandler):
    def get(self):
        self.render("index.html", name="world")

    def post(self):
        self.render("index.html", name=self.get_argument("name"))


def make_app():
    here = os.path.dirname(__file__)
    return tornado.web.Application(
        [(r"/", MainHandler)],
        template_path=os.path.join(here, "templates"),
        static_path=os.path.join(here, "static"),
    )


async def main():
    app = make_app()
    app.listen(8888)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

from flask import Flask


def create_app():
    app = Flask(__name__)
    from . import shop

    app.register_blueprint(shop.pages)
    return app

from fastapi import FastAPI

from app.routers import weather


def create_app() -> FastAPI:
    app = FastAPI(title="Weather")
    app.include_router(weather.router, prefix="/weather")
    return app

from core import versions
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def read():
    return versions()


@app.post("/")
def echo(word: dict[str, str]):
    return word

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
items = {}


class Item(BaseModel):
    name: str
    price: float


@app.get("/")
async def root():
    return {"message": "Hello World"}


@app.post("/items/{item_id}")
async def update_item(item_id: int, item: Item):
    items[item_id] = item
    return item


@app.get("/items/{item_id}")
async def read_item(item_id: int):
    return items[item_id]

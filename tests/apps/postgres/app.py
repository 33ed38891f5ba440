"""Keeps words in PostgreSQL, as the variables say where it is."""

import asyncio
import os
from pathlib import Path

import asyncpg
import dj_database_url
import psycopg
import psycopg2
import sqlalchemy
from flask import Flask, jsonify, request
from sqlalchemy.ext.asyncio import create_async_engine

app = Flask(__name__)
URL = os.environ["DATABASE_URL"]
MARKER = (Path(__file__).parent / "marker").read_text().strip()
ASK = "SELECT current_user || '@' || current_database()"


@app.get("/")
def index():
    return f"{MARKER}\n"


@app.get("/healthz")
def healthz():
    with psycopg.connect(URL) as connection:
        connection.execute("SELECT count(*) FROM words")
    return "ok\n"


@app.get("/words")
def words():
    with psycopg.connect("") as connection:  # by the PG variables
        return jsonify([word for (word,) in connection.execute("SELECT word FROM words ORDER BY id")])


@app.post("/words")
def add():
    with psycopg.connect(URL) as connection:
        connection.execute("INSERT INTO words (word) VALUES (%s)", (request.get_data(as_text=True),))
    return "kept\n"


@app.get("/libraries")
def libraries():
    """Who and where each library is that was given the URL."""
    return jsonify(
        {
            "psycopg": psycopg.connect(URL).execute(ASK).fetchone()[0],
            "psycopg2": by_psycopg2(URL),
            "django": by_psycopg2(**of_django(dj_database_url.parse(URL))),
            "sqlalchemy psycopg2": by_sqlalchemy(URL),
            "sqlalchemy psycopg": by_sqlalchemy(URL.replace("postgresql:", "postgresql+psycopg:")),
            "sqlalchemy asyncpg": asyncio.run(by_sqlalchemy_asyncpg()),
            "asyncpg": asyncio.run(by_asyncpg()),
        }
    )


def by_psycopg2(*words, **options):
    cursor = psycopg2.connect(*words, **options).cursor()
    cursor.execute(ASK)
    return cursor.fetchone()[0]


def of_django(settings):
    """What Django's backend passes on to psycopg2 (django/db/backends/postgresql/base.py)."""
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    return {**{names[name]: settings[name] for name in names if settings[name]}, **settings.get("OPTIONS", {})}


def by_sqlalchemy(url):
    with sqlalchemy.create_engine(url).connect() as connection:
        return connection.execute(sqlalchemy.text(ASK)).scalar()


async def by_sqlalchemy_asyncpg():
    engine = create_async_engine(URL.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.connect() as connection:
        found = (await connection.execute(sqlalchemy.text(ASK))).scalar()
    await engine.dispose()
    return found


async def by_asyncpg():
    connection = await asyncpg.connect(URL)
    try:
        return await connection.fetchval(ASK)
    finally:
        await connection.close()

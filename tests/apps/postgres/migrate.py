"""Makes the table, and leaves a word that says that it ran."""

import os

import psycopg

with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS words (id serial PRIMARY KEY, word text NOT NULL)")
    connection.execute("INSERT INTO words (word) SELECT 'first' WHERE NOT EXISTS (SELECT FROM words)")

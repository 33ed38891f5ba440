"""Takes a built release to the public, keeps the record of it and answers questions about it."""

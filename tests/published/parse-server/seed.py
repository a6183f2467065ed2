"""Puts books into an empty database, each by an author of its own.

usage: seed.py PORT SIZE
"""

import json
import sys
import urllib.request

port, size = int(sys.argv[1]), int(sys.argv[2])


def post(kind, body):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/parse/classes/{kind}",
        json.dumps(body).encode(),
        {"X-Parse-Application-Id": "published", "X-Parse-Master-Key": "published", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["objectId"]


for number in range(size):
    author = {"__type": "Pointer", "className": "Author", "objectId": post("Author", {"name": f"Author {number}"})}
    post("Book", {"title": f"Book {number}", "author": author})

"""A server whose answers take a known time, and that notes how long each took, in milliseconds."""

import http.server
import random
import sys
import threading
import time

PORT_FILE, SERVED_FILE = sys.argv[1:]
LOCK = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: a client that delays its acknowledgement would add 40 ms.
    wbufsize = 65536
    disable_nagle_algorithm = True

    def do_GET(self):
        began = time.perf_counter()
        time.sleep(random.choice([0.018, 0.020, 0.022]))
        body = b"hello"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        took = (time.perf_counter() - began) * 1000
        with LOCK, open(SERVED_FILE, "a", encoding="utf-8") as served:
            served.write(f"{took:.3f}\n")

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Tools hang up when their time is over."""
    request_queue_size = 128


server = Server(("127.0.0.1", 0), Handler)
with open(PORT_FILE, "w", encoding="utf-8") as port:
    port.write(str(server.server_address[1]))
server.serve_forever()

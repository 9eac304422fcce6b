"""A webhook receiver with Python's standard library only. It verifies each request, answers 204 at once, and then
handles each event once.

    WEBHOOK_SECRET='a secret of mine' python3 examples/webhook_receiver.py
    codebuddy webhooks create http://127.0.0.1:8080/hook --secret 'a secret of mine'

It keeps accepted events and their ids in memory, which is enough for a script. If no event may be lost, replace `take`:
insert the event into a table with `webhook-id` as its key, and answer after the commit.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY_BYTES = 512 * 1024  # payloads have at most 256 KiB
MAX_REMEMBERED = 10_000
MAX_AGE_SECONDS = 300

seen = {}  # the ids of accepted events, oldest first
seen_lock = threading.Lock()
waiting = queue.Queue(maxsize=1000)


def work(event):
    """Handle an event here. Called for one event at a time, after the answer."""
    print(event["sequence"], event["type"], event["id"], flush=True)


def is_genuine(body, headers, secret):
    """Whether the request was signed with the secret in the last five minutes."""
    message_id = headers.get("webhook-id") or ""
    timestamp = headers.get("webhook-timestamp") or ""
    if not message_id or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(time.time() - int(timestamp)) > MAX_AGE_SECONDS:
        return False
    expected = hmac.new(signing_key(secret), f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    # During a rotation there are two signatures.
    for entry in (headers.get("webhook-signature") or "").split(" "):
        version, _, text = entry.partition(",")
        try:
            signature = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        if version == "v1" and hmac.compare_digest(signature, expected):
            return True
    return False


def signing_key(secret):
    """`whsec_` and base64, or plain text."""
    if secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"))
    return secret.encode()


def take(message_id, body):
    """Queues an event, unless it is a duplicate. Raises queue.Full if too many wait."""
    with seen_lock:
        if message_id in seen:
            return
        waiting.put_nowait((message_id, body))
        seen[message_id] = True
        while len(seen) > MAX_REMEMBERED:
            del seen[next(iter(seen))]


def work_off():
    while (item := waiting.get()) is not None:
        message_id, body = item
        try:
            work(json.loads(body))
        except Exception:
            # The event was accepted, so the sender does not retry. If it is sent again by hand, it must not count as a
            # duplicate.
            with seen_lock:
                seen.pop(message_id, None)
            print(f"{message_id} failed. To send it again: codebuddy deliveries retry", file=sys.stderr)
            traceback.print_exc()


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10  # seconds without a byte

    def do_POST(self):
        length = self.headers.get("content-length") or ""
        if not (length.isascii() and length.isdigit()):
            return self.answer(411, close=True)
        if int(length) > MAX_BODY_BYTES:
            # The body is not read, so the connection cannot be reused.
            return self.answer(413, close=True)
        body = self.rfile.read(int(length))
        if not is_genuine(body, self.headers, secret):
            return self.answer(401)
        try:
            take(self.headers["webhook-id"], body)
        except queue.Full:
            # The sender retries after this time.
            return self.answer(503, {"retry-after": "5"})
        self.answer(204)

    def refuse(self):
        self.answer(405, {"allow": "POST"}, close=True)

    do_GET = do_HEAD = do_PUT = do_PATCH = do_DELETE = refuse

    def answer(self, status, headers=None, close=False):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("content-length", "0")
        if close:
            self.send_header("connection", "close")
        self.end_headers()

    def log_message(self, *_):
        pass


secret = os.environ.get("WEBHOOK_SECRET", "")
if not secret:
    # With an empty secret, anyone could sign.
    print("WEBHOOK_SECRET is not set. `codebuddy webhooks create` prints the secret.", file=sys.stderr)
    sys.exit(2)
try:
    if not signing_key(secret):
        raise ValueError
except ValueError:
    print("WEBHOOK_SECRET must be whsec_ and base64, or plain text.", file=sys.stderr)
    sys.exit(2)

host = os.environ.get("HOST", "127.0.0.1")
server = ThreadingHTTPServer((host, int(os.environ.get("PORT", "8080"))), Receiver)
worker = threading.Thread(target=work_off)
worker.start()
# shutdown() waits for serve_forever(), which the signal has interrupted.
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
signal.signal(signal.SIGINT, lambda *_: threading.Thread(target=server.shutdown).start())
print(f"listening on http://{host}:{server.server_address[1]}/hook", flush=True)
server.serve_forever()
# Finish the accepted events before the process ends. server_close() would wait for idle connections.
server.socket.close()
waiting.put(None)
worker.join()

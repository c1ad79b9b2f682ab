#!/usr/bin/env python3
"""A caching proxy that lets apt inside the hosts reach the Debian mirror and nothing else.

apt_proxy.py --listen ADDRESS:PORT --cache FOLDER --mirror PREFIX=UPSTREAM...
Prints "listening PORT" once it answers. A request under PREFIX is fetched from UPSTREAM; any other gets 403.
"""
import argparse
import email.utils
import os
import re
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# What apt asks for has none of these surprises; everything else is refused rather than understood.
PLAIN_URL = re.compile(r"http://[A-Za-z0-9.-]+(/[A-Za-z0-9._~+%:=-]+)+")
UPSTREAM_TIMEOUT_SECONDS = 30
# InRelease names everything else by hash, so a list five minutes old is still one consistent list.
INDEX_FRESH_SECONDS = 300
CHUNK = 1 << 17


def main():
    options = parse_options()
    address, port = options.listen.rsplit(":", 1)
    os.makedirs(options.cache, exist_ok=True)
    remove_old_parts(options.cache)
    server = ThreadingHTTPServer((address, int(port)), Handler)
    server.daemon_threads = True
    server.store = Store(options.cache, [mirror.split("=", 1) for mirror in options.mirror])
    print(f"listening {server.server_address[1]}", flush=True)
    server.serve_forever()


def parse_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", required=True)
    parser.add_argument("--cache", required=True)
    parser.add_argument("--mirror", action="append", required=True)
    return parser.parse_args()


def remove_old_parts(folder):
    """What an interrupted proxy left. Another one may be downloading, so the young ones stay."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.startswith(".part-") and time.time() - os.stat(path).st_mtime > 3600:
            os.unlink(path)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without it the head and the body wait for each other's acknowledgement, 40 ms a file.
    disable_nagle_algorithm = True
    wbufsize = CHUNK

    def do_GET(self):
        upstream = self.server.store.upstream(self.path)
        if upstream is None:
            return self.refuse(403, "only the Debian mirror is reachable from here")
        try:
            self.answer(self.server.store.download(self.path, upstream))
        except (OSError, TimeoutError):
            self.close_connection = True

    def answer(self, download):
        status = download.wait_for_head()
        if status != 200:
            return self.refuse(status, download.reason)
        if self.has_already(download.modified):
            self.send_response(304)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.send_response(200)
        self.send_header("Content-Length", str(download.length))
        if download.modified:
            self.send_header("Last-Modified", email.utils.formatdate(download.modified, usegmt=True))
        self.end_headers()
        for piece in download.pieces():
            self.wfile.write(piece)

    def has_already(self, modified):
        since = email.utils.parsedate_tz(self.headers.get("If-Modified-Since", ""))
        return bool(since and modified and email.utils.mktime_tz(since) >= modified)

    def refuse(self, status, reason):
        body = (reason + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, template, *values):
        print(self.address_string(), template % values, flush=True)


class Store:
    """The files on disk and the downloads under way: one download per address, however many ask."""

    def __init__(self, folder, mirrors):
        self.folder = folder
        self.mirrors = mirrors
        self.lock = threading.Lock()
        self.running = {}
        self.fetched_at = {}

    def upstream(self, url):
        if not PLAIN_URL.fullmatch(url) or "/../" in url or "/./" in url or "%2f" in url.lower():
            return None
        for prefix, upstream in self.mirrors:
            if url.startswith(prefix + "/"):
                return upstream + url[len(prefix):]
        return None

    def download(self, url, upstream):
        path = os.path.join(self.folder, url.removeprefix("http://").replace("/", "|"))
        with self.lock:
            download = self.running.get(url)
            if download is None:
                fresh = os.path.exists(path) and self.is_fresh(url)
                download = Download(path, upstream)
                if fresh:
                    download.take_from_disk()
                else:
                    self.running[url] = download
                    threading.Thread(target=self.fetch, args=(url, download), daemon=True).start()
            return download

    def is_fresh(self, url):
        if "/by-hash/" in url or "/pool/" in url:
            return True
        return time.monotonic() - self.fetched_at.get(url, -INDEX_FRESH_SECONDS) < INDEX_FRESH_SECONDS

    def fetch(self, url, download):
        try:
            if download.fetch():
                self.fetched_at[url] = time.monotonic()
        finally:
            with self.lock:
                del self.running[url]


class Download:
    """One file on its way: readers follow the growing file, so that a big package never keeps apt silent."""

    def __init__(self, path, upstream):
        self.path = path
        self.upstream = upstream
        self.changed = threading.Condition()
        self.status = None
        self.reason = ""
        self.length = 0
        self.modified = None
        self.written = 0
        self.reading_from = path
        self.broken = False

    def take_from_disk(self):
        facts = os.stat(self.path)
        self.announce(200, facts.st_size, int(facts.st_mtime))
        self.written = facts.st_size

    def fetch(self):
        try:
            with urllib.request.urlopen(self.upstream, timeout=UPSTREAM_TIMEOUT_SECONDS) as response:
                self.keep(response)
            return True
        except urllib.error.HTTPError as error:
            self.fail(error.code, error.reason)
        except Exception as error:  # whatever went wrong, the readers must not wait for ever
            print("upstream", self.upstream, repr(error), flush=True)
            if self.status is None and os.path.exists(self.path):
                self.take_from_disk()
            else:
                self.fail(502, f"the mirror did not answer: {error}")
        return False

    def keep(self, response):
        handle, self.reading_from = tempfile.mkstemp(dir=os.path.dirname(self.path), prefix=".part-")
        try:
            with os.fdopen(handle, "wb", buffering=0) as part:
                modified = email.utils.parsedate_tz(response.headers.get("Last-Modified", ""))
                modified = email.utils.mktime_tz(modified) if modified else None
                length = response.headers.get("Content-Length")
                if length is not None:
                    self.announce(200, int(length), modified)
                while chunk := response.read(CHUNK):
                    part.write(chunk)
                    self.progress(len(chunk))
            if length is None:
                self.announce(200, self.written, modified)
            if self.written != self.length:
                raise OSError(f"{self.written} of {self.length} bytes arrived")
            if modified:
                os.utime(self.reading_from, (modified, modified))
            with self.changed:
                os.replace(self.reading_from, self.path)
                self.reading_from = self.path
        except BaseException:
            os.unlink(self.reading_from)
            raise

    def announce(self, status, length, modified):
        with self.changed:
            self.status, self.length, self.modified = status, length, modified
            self.changed.notify_all()

    def progress(self, amount):
        with self.changed:
            self.written += amount
            self.changed.notify_all()

    def fail(self, status, reason):
        with self.changed:
            self.broken = True
            if self.status is None:
                self.status, self.reason = status, reason
            self.changed.notify_all()

    def wait_for_head(self):
        with self.changed:
            self.changed.wait_for(lambda: self.status is not None)
            return self.status

    def pieces(self):
        with self.changed:
            file = open(self.reading_from, "rb")
        with file:
            sent = 0
            while sent < self.length:
                with self.changed:
                    self.changed.wait_for(lambda: self.written > sent or self.broken)
                piece = file.read(min(CHUNK, self.length - sent))
                if not piece:
                    raise OSError("the mirror broke off")
                sent += len(piece)
                yield piece


main()

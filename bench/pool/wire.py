"""As much of a PostgreSQL client as the memory measurements need: log in (plain or TLS, trust or SCRAM), simple queries.
Messages and SCRAM as in PostgreSQL's documentation, chapter "Frontend/Backend Protocol", and RFC 5802."""

import base64
import functools
import hashlib
import hmac
import os
import socket
import ssl
import struct

PROTOCOL = 196608
SSL_REQUEST = 80877103
# A reply that takes longer counts as a pooler that hangs.
PATIENCE_SECONDS = 30


class Refused(Exception):
    """The other side's ErrorResponse, or a connection that it closed."""


class Connection:
    """`address` is a host and port, or the path of a Unix socket."""

    def __init__(self, address, user, database, password=None, tls=None):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        else:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.connect(address)
        if tls:
            self.socket.sendall(struct.pack("!ii", 8, SSL_REQUEST))
            if self.socket.recv(1) != b"S":
                raise Refused("no TLS")
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.unread = b""
        parameters = f"user\0{user}\0database\0{database}\0\0".encode()
        self.socket.sendall(struct.pack("!ii", 8 + len(parameters), PROTOCOL) + parameters)
        self.log_in(password)

    def log_in(self, password):
        kind, body = self.message()
        (how,) = struct.unpack_from("!i", body)
        if how == 10:
            self.scram(password)
            kind, body = self.message()
            (how,) = struct.unpack_from("!i", body)
        if kind != b"R" or how != 0:
            raise Refused(f"authentication {how} is not known here")
        self.until_ready()

    def scram(self, password):
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n=,r={nonce}"
        initial = f"n,,{first}".encode()
        self.send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(initial)) + initial)
        challenge = self.message()[1][4:].decode()
        fields = dict(part.split("=", 1) for part in challenge.split(","))
        salted = salt(password, fields["s"], int(fields["i"]))
        proofless = f"c=biws,r={fields['r']}"
        signed = f"{first},{challenge},{proofless}".encode()
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        self.send(b"p", f"{proofless},p={base64.b64encode(proof).decode()}".encode())
        verifier = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        if self.message()[1][4:] != b"v=" + base64.b64encode(verifier):
            raise Refused("the server does not know the password either")

    def query(self, text):
        """Runs it to its end; the first column of the last row, or None."""
        self.send(b"Q", text.encode() + b"\0")
        return self.until_ready()

    def close(self):
        self.send(b"X", b"")
        self.socket.close()

    def send(self, kind, body):
        self.socket.sendall(kind + struct.pack("!i", 4 + len(body)) + body)

    def until_ready(self):
        found = None
        while True:
            kind, body = self.message()
            if kind == b"Z":
                return found
            if kind == b"D":
                (length,) = struct.unpack_from("!i", body, 2)
                found = body[6 : 6 + length].decode() if length >= 0 else None

    def message(self):
        kind = self.take(1)
        body = self.take(struct.unpack("!i", self.take(4))[0] - 4)
        if kind == b"E":
            raise Refused(body.replace(b"\0", b" ").decode())
        return kind, body

    def take(self, count):
        while len(self.unread) < count:
            more = self.socket.recv(65536)
            if not more:
                raise Refused("the connection was closed")
            self.unread += more
        taken, self.unread = self.unread[:count], self.unread[count:]
        return taken


@functools.cache
def salt(password, salt64, iterations):
    """The costly step, whose result is the same for every login with one secret."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt64), iterations)


def scram_secret(password, iterations=4096):
    """What PostgreSQL and a pooler's user list store."""
    salt64 = base64.b64encode(os.urandom(16)).decode()
    salted = salt(password, salt64, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return (
        f"SCRAM-SHA-256${iterations}:{salt64}${base64.b64encode(stored).decode()}:{base64.b64encode(server).decode()}"
    )


def tls_client(certificate):
    """Trusts this one certificate."""
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = True
    return context

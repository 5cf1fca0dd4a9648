"""wire: the link protocol as whoever stands between two ends sees it: frames, sealed records, TLS
records, and which message of the conversation each of them is.

A message is named after what it carries and who says it: HELLO_C, SHARE_S, ... PROOF_C, then
FIRST_C (the first thing said after the proof) and MORE_C. C is the end that dials.
"""
import base64
import hashlib
import struct

HELLO, SHARE, CONFIRM, GOODBYE, PROOF, KEEPALIVE, MARKS = 1, 2, 3, 4, 5, 6, 7
NAMES = {HELLO: 'HELLO', SHARE: 'SHARE', CONFIRM: 'CONFIRM', GOODBYE: 'GOODBYE', PROOF: 'PROOF'}
PASSWORD, TLS, TLS_PASSWORD, INVITE = 1, 2, 3, 4
HANDSHAKE = {  # the records of TLS 1.3 before the first frame, as both ends send them
    'C': ['CLIENT_HELLO', 'CERTIFICATE_C', 'VERIFY_C', 'FINISHED_C'],
    'S': ['SERVER_HELLO', 'EXTENSIONS', 'REQUEST', 'CERTIFICATE_S', 'VERIFY_S', 'FINISHED_S'],
}


def frame(kind, body=b''):
    return struct.pack('>I', kind << 24 | len(body)) + body


def goodbye(code, retry=0):
    return frame(GOODBYE, field(1, code) + (field(2, retry) if retry else b''))


# --- Protocol Buffers, as much as is needed

def varint(n):
    out = b''
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def proof_fields(raw):
    """{name: (from, to)}: where the values lie in a frame PROOF."""
    at, where = 4, {}
    names = {1: 'key', 2: 'network', 3: 'boot', 4: 'serial', 5: 'signature',
             6: 'cluster id'}
    while at < len(raw):
        tag = raw[at]
        n = 8 if tag & 7 == 1 else raw[at + 1]
        at += 1 if tag & 7 == 1 else 2
        where[names[tag >> 3]] = (at, at + n)
        at += n
    return where


# --- hello

HELLO_FIELDS = {'magic': (0, 4), 'version_min': (4, 5), 'version_max': (5, 6),
                'capabilities': (6, 10), 'required': (10, 14), 'method': (14, 15),
                'generation': (15, 17), 'random': (17, 49)}


def with_hello(raw, **values):
    """The frame HELLO with other values in the fields named."""
    body = bytearray(raw[4:])
    for name, value in values.items():
        start, end = HELLO_FIELDS[name]
        body[start:end] = value.to_bytes(end - start, 'big') if isinstance(value, int) else value
    return frame(HELLO, bytes(body))


def hello(method, generation, random):
    return frame(HELLO, b'ILS\0\1\1' + struct.pack('>IIBH', 0x80000000, 0, method, generation) +
                 random)


# --- messages

class Message:
    def __init__(self, side, name, raw):
        self.side, self.name, self.raw = side, name, raw

    @property
    def kind(self):
        return self.name.rsplit('_', 1)[0]


class Frames:
    """Cuts what one end says into messages. sealed: after CONFIRM come records (port 7502)."""

    def __init__(self, side, sealed):
        self.side, self.sealed, self.bytes, self.confirmed, self.after = side, sealed, b'', False, 0

    def feed(self, data):
        self.bytes += data
        while True:
            records = self.sealed and self.confirmed
            head = 2 if records else 4
            if len(self.bytes) < head:
                return
            n = int.from_bytes(self.bytes[:2], 'big') if records else \
                int.from_bytes(self.bytes[1:4], 'big')
            if len(self.bytes) < head + n:
                return
            raw, self.bytes = self.bytes[:head + n], self.bytes[head + n:]
            yield Message(self.side, self._name(raw, records), raw)

    def _name(self, raw, record):
        kind = None if record else raw[0]
        self.confirmed = self.confirmed or kind == CONFIRM
        if kind in NAMES and kind != PROOF:
            return '%s_%s' % (NAMES[kind], self.side)
        name = ('PROOF', 'FIRST', 'MORE')[min(self.after, 2)]
        self.after += 1
        return '%s_%s' % (name, self.side)


class Records:
    """Cuts what one end of TLS says into records. `then`: the messages after the handshake."""

    def __init__(self, side, then):
        self.side, self.bytes, self.n = side, b'', 0
        self.names = HANDSHAKE[side] + ['%s_%s' % (name, side) for name in then]

    def feed(self, data):
        self.bytes += data
        while len(self.bytes) >= 5:
            n = 5 + int.from_bytes(self.bytes[3:5], 'big')
            if len(self.bytes) < n:
                return
            raw, self.bytes = self.bytes[:n], self.bytes[n:]
            if raw[0] == 20:  # change of cipher: means nothing in TLS 1.3
                yield Message(self.side, 'CIPHER_' + self.side, raw)
                continue
            name = self.names[self.n] if self.n < len(self.names) else 'MORE_' + self.side
            self.n += 1
            yield Message(self.side, name, raw)


def client_random(raw):
    """Of a ClientHello, record header and all."""
    return raw[11:43] if len(raw) >= 43 and raw[0] == 22 else None


# --- invites

def token_to(token, port):
    """The same invite, to be used at 127.0.0.1 and that port."""
    text = token.strip().upper().split('-', 1)[1].replace('-', '')
    raw = base64.b32decode(text + '=' * (-len(text) % 8))
    where = b'127.0.0.1:%d' % port
    raw = raw[:65] + bytes([1, len(where)]) + where
    label = b'invite token'
    whole = bytes([len(label)]) + label + struct.pack('>Q', len(raw)) + raw
    raw += hashlib.blake2b(whole, digest_size=32).digest()[:4]
    return 'ILS1-' + base64.b32encode(raw).decode().rstrip('=')

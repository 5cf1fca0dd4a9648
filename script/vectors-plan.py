#!/usr/bin/env python3
"""Writes the test vectors of segments, manifests and heads, from PROTOCOL.md alone.

    script/vectors-plan.py > test/plan/vectors.txt

Standard library only, and no code in common with the C implementation: BLAKE2b comes from hashlib,
Ed25519 (RFC 8032) is written out below. Each line of the output is `name hexadecimal`.
"""
import hashlib

# --- Ed25519, slow and plain

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def edwards_add(a, b):
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + t, P - 2, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - t, P - 2, P) % P
    return x, y


def edwards_mul(k, point):
    result = (0, 1)
    while k:
        if k & 1:
            result = edwards_add(result, point)
        point = edwards_add(point, point)
        k >>= 1
    return result


def base_point():
    y = 4 * pow(5, P - 2, P) % P
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (P - x if x & 1 else x), y


def point_bytes(point):
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, 'little')


def sha512_int(*parts):
    return int.from_bytes(hashlib.sha512(b''.join(parts)).digest(), 'little')


def secret_of(seed):
    h = hashlib.sha512(seed).digest()
    a = int.from_bytes(h[:32], 'little') & ((1 << 254) - 8) | 1 << 254
    return a, h[32:]


def public_of(seed):
    return point_bytes(edwards_mul(secret_of(seed)[0], base_point()))


def sign(seed, message):
    a, prefix = secret_of(seed)
    r = sha512_int(prefix, message) % L
    point = point_bytes(edwards_mul(r, base_point()))
    k = sha512_int(point, public_of(seed), message) % L
    return point + ((r + k * a) % L).to_bytes(32, 'little')


# --- the protocol's words

def labelled(label, *parts):
    h = hashlib.blake2b(digest_size=32)
    h.update(bytes([len(label)]) + label.encode())
    for part in parts:
        h.update(len(part).to_bytes(8, 'big') + part)
    return h.digest()


def mix64(v):
    m = 2**64 - 1
    v = ((v ^ v >> 30) * 0xbf58476d1ce4e5b9) & m
    v = ((v ^ v >> 27) * 0x94d049bb133111eb) & m
    return v ^ v >> 31


def varint(v):
    out = b''
    while v > 127:
        out += bytes([v % 128 + 128])
        v //= 128
    return out + bytes([v])


def record(kind, body):
    return bytes([kind]) + varint(len(body)) + body


def failover(rule, strip=0, digits=b''):
    return bytes([rule, strip]) + digits


class Segment:
    def __init__(self):
        self.bytes, self.domains, self.spans = b'', {}, []

    def add(self, what, kind, body):
        start = len(self.bytes)
        self.bytes += record(kind, body)
        self.spans.append((what, start, len(self.bytes)))

    def usn(self, n):
        self.add('usn', 0x01, varint(n))

    def domain(self, host):
        self.domains[host] = len(self.bytes)
        self.add('domain', 0x02, host)

    def source(self, text):
        self.add('source', 0x03, text)

    def uri(self, user, host, value=None, delete=False):
        body = self.domains[host].to_bytes(2, 'big')
        if value is not None:
            body += bytes([len(value)]) + value
        kind = 0x31 if delete else 0x11 if value is None else 0x21
        self.add('uri', kind, body + user)

    def number(self, kind, digits, value=None):
        body = b'' if value is None else len(value).to_bytes(2, 'big') + value
        self.add('number', (0x10 if value is None else 0x20) + kind, body + digits)


def show(name, value):
    if isinstance(value, int):
        value = value.to_bytes(8, 'big')
    print(name, value.hex())


def main():
    seed = bytes(range(32))
    key = public_of(seed)
    print('# made by script/vectors-plan.py; PROTOCOL.md explains every field')
    show('seed', seed)
    show('key', key)
    show('peer_id', labelled('peer', key)[:16])
    for v in (0, 1, 2, 1000, 2**32, 2**64 - 1):
        show('mix64_%d' % v, mix64(v))

    a = Segment()
    a.usn(1000)
    a.domain(b'tokyo.example.com')
    a.uri(b'alice', b'tokyo.example.com')                                          # USN 1000
    a.source(b'csv')
    a.uri(b'bob', b'tokyo.example.com', failover(3, 0, b'+81355501234'))           # 1001
    a.domain(b'osaka.example.com')
    a.uri(b'carol', b'osaka.example.com')                                          # 1002
    a.number(2, b'5551234', failover(2, 3, b'+8135550'))                           # 1003
    a.usn(2000)
    a.number(3, b'+81355509999', failover(1))                                      # 2000
    b = Segment()
    b.usn(2001)
    b.domain(b'osaka.example.com')
    b.uri(b'carol', b'osaka.example.com', delete=True)                             # 2001
    b.domain(b'tokyo.example.com')
    b.uri(b'alice', b'tokyo.example.com', failover(1))                             # 2002

    lines = b''
    for name, segment in (('a', a), ('b', b)):
        show('segment_' + name, segment.bytes)
        show('segment_name_' + name, labelled('segment', segment.bytes))
        lines += len(segment.bytes).to_bytes(4, 'big') + labelled('segment', segment.bytes)
    show('lines', lines)
    root = labelled('manifest', lines)
    show('root', root)
    there = (1001, 1003, 2000, 2002)
    live, total = len(there), sum(mix64(usn) for usn in there) % 2**64
    show('live', live)
    show('sum', total)

    name, route = 'tokyo'.encode(), b'tokyo.example.com'
    head = bytes([1]) + key
    head += (1).to_bytes(8, 'big')                       # number: the dial plan
    head += (2**32 + 0x89abcdef).to_bytes(8, 'big')      # epoch
    head += (2002).to_bytes(8, 'big')                    # usn
    head += (3).to_bytes(8, 'big')                       # beat
    head += (10).to_bytes(4, 'big')                      # interval
    head += root + (2).to_bytes(4, 'big')
    head += (len(a.bytes) + len(b.bytes)).to_bytes(8, 'big')
    head += live.to_bytes(8, 'big') + total.to_bytes(8, 'big')
    head += (5).to_bytes(8, 'big')                       # peak
    head += (0).to_bytes(4, 'big')                       # flags
    head += bytes([len(name)]) + name + bytes([len(route)]) + route
    show('head_hash', labelled('head', head))
    signature = sign(seed, labelled('head', head))
    show('signature', signature)
    show('head', head + signature)


if __name__ == '__main__':
    main()

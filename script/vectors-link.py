#!/usr/bin/env python3
"""Computes the test vectors of the link protocol from fixed inputs, independently of the C code.

    script/vectors-link.py >test/link/vectors.txt

Standard library only: BLAKE2b and SHA-512 come from hashlib; curve, cipher, signature and message
encoding are written out here from RFC 9496, 8439, 8032 and the .proto. Nothing is constant-time.
"""
import hashlib
import hmac

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def le(n, size):
    return n.to_bytes(size, "little")


def be(n, size):
    return n.to_bytes(size, "big")


def from_le(b):
    return int.from_bytes(b, "little")


def H(label, *parts):
    data = bytes([len(label)]) + label.encode()
    for part in parts:
        data += be(len(part), 8) + part
    return hashlib.blake2b(data, digest_size=32).digest()


# The Edwards curve -x^2 + y^2 = 1 + d x^2 y^2, points as (X, Y, Z, T)

NEUTRAL = (0, 1, 1, 0)


def add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def mul(n, p):
    result = NEUTRAL
    while n:
        if n & 1:
            result = add(result, p)
        p = add(p, p)
        n >>= 1
    return result


def negative(x):
    return x % P & 1


def absolute(x):
    return P - x % P if negative(x) else x % P


def sqrt_ratio(u, v):
    """(whether u/v is a square, sqrt(u/v) or sqrt(i*u/v), not negative): RFC 9496, 4.2"""
    r = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * r * r % P
    u %= P
    flipped = check == -u % P
    if flipped or check == -u * SQRT_M1 % P:
        r = r * SQRT_M1 % P
    return check == u or flipped, absolute(r)


# Ed25519

BASE_Y = 4 * pow(5, -1, P) % P
BASE_X = sqrt_ratio(BASE_Y**2 - 1, D * BASE_Y**2 + 1)[1]  # the even one
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def ed_encode(p):
    z = pow(p[2], -1, P)
    x, y = p[0] * z % P, p[1] * z % P
    return le(y | (x & 1) << 255, 32)


def ed_decode(b):
    n = from_le(b)
    y, sign = n & (2**255 - 1), n >> 255
    ok, x = sqrt_ratio(y * y - 1, D * y * y + 1)
    assert ok and y < P
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def ed_secret(seed):
    h = hashlib.sha512(seed).digest()
    return from_le(h[:32]) & (2**254 - 8) | 2**254, h[32:]


def ed_public(seed):
    return ed_encode(mul(ed_secret(seed)[0], BASE))


def ed_hash(*parts):
    return from_le(hashlib.sha512(b"".join(parts)).digest()) % L


def ed_sign(seed, message):
    a, prefix = ed_secret(seed)
    r = ed_hash(prefix, message)
    point = ed_encode(mul(r, BASE))
    s = (r + ed_hash(point, ed_public(seed), message) * a) % L
    return point + le(s, 32)


def ed_verify(key, message, signature):
    k = ed_hash(signature[:32], key, message)
    left = ed_encode(mul(from_le(signature[32:]), BASE))
    right = add(ed_decode(signature[:32]), mul(k, ed_decode(key)))
    return left == ed_encode(right)


# ristretto255, RFC 9496, section 4

INVSQRT_A_MINUS_D = sqrt_ratio(1, -1 - D)[1]
SQRT_AD_MINUS_ONE = P - sqrt_ratio(-D - 1, 1)[1]  # the negative root: RFC 9496, 4.1


def ristretto_encode(p):
    x, y, z, t = p
    u1, u2 = (z + y) * (z - y) % P, x * y % P
    inverse = sqrt_ratio(1, u1 * u2 * u2)[1]
    den1, den2 = inverse * u1 % P, inverse * u2 % P
    z_inverse = den1 * den2 * t % P
    if negative(t * z_inverse):
        x, y = y * SQRT_M1 % P, x * SQRT_M1 % P
        den_inverse = den1 * INVSQRT_A_MINUS_D % P
    else:
        den_inverse = den2
    if negative(x * z_inverse):
        y = -y
    return le(absolute(den_inverse * (z - y)), 32)


def ristretto_decode(b):
    s = from_le(b)
    if s >= P or negative(s):
        return None
    u1, u2 = (1 - s * s) % P, (1 + s * s) % P
    v = (-D * u1 * u1 - u2 * u2) % P
    ok, inverse = sqrt_ratio(1, v * u2 * u2)
    den_x, den_y = inverse * u2 % P, inverse * inverse * u2 * v % P
    x, y = absolute(2 * s * den_x), u1 * den_y % P
    t = x * y % P
    return (x, y, 1, t) if ok and not negative(t) and y else None


def elligator(t):
    r = SQRT_M1 * t * t % P
    u = (r + 1) * (1 - D * D) % P
    v = (-1 - r * D) * (r + D) % P
    square, s = sqrt_ratio(u, v)
    c = -1
    if not square:
        s, c = -absolute(s * t) % P, r
    n = (c * (r - 1) * (D - 1) ** 2 - v) % P
    w0, w1 = 2 * s * v % P, n * SQRT_AD_MINUS_ONE % P
    w2, w3 = (1 - s * s) % P, (1 + s * s) % P
    return w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P


def from_hash(uniform):
    halves = [from_le(half) & (2**255 - 1) for half in (uniform[:32], uniform[32:])]
    return add(elligator(halves[0]), elligator(halves[1]))


def ristretto_mul(scalar, point):
    return ristretto_encode(mul(scalar, ristretto_decode(point)))


# ChaCha20-Poly1305, RFC 8439


def chacha20_block(key, counter, nonce):
    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574]
    start += [from_le(key[i:i + 4]) for i in range(0, 32, 4)]
    start += [counter] + [from_le(nonce[i:i + 4]) for i in range(0, 12, 4)]
    s = list(start)

    def turn(a, b, c, d):
        for x, y, z, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) % 2**32
            v = s[z] ^ s[x]
            s[z] = (v << bits | v >> 32 - bits) % 2**32

    for _ in range(10):
        for i in range(4):
            turn(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            turn(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return b"".join(le((a + b) % 2**32, 4) for a, b in zip(s, start))


def aead_seal(key, counter, plain, extra):
    nonce = bytes(4) + le(counter, 8)
    cipher = b""
    for i in range(0, len(plain), 64):
        stream = chacha20_block(key, 1 + i // 64, nonce)
        cipher += bytes(a ^ b for a, b in zip(plain[i:i + 64], stream))
    one_time = chacha20_block(key, 0, nonce)
    r = from_le(one_time[:16]) & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    text = extra + bytes(-len(extra) % 16) + cipher + bytes(-len(cipher) % 16)
    text += le(len(extra), 8) + le(len(cipher), 8)
    tag = 0
    for i in range(0, len(text), 16):
        tag = (tag + from_le(text[i:i + 16] + b"\1")) * r % (2**130 - 5)
    return cipher + le((tag + from_le(one_time[16:])) % 2**128, 16)


# CPace, draft-irtf-cfrg-cpace-21


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def lv_cat(*parts):
    return b"".join(varint(len(part)) + part for part in parts)


def sha512(data):
    return hashlib.sha512(data).digest()


def generator(prs, ci, sid):
    dsi = b"CPaceRistretto255"
    padding = bytes(max(0, 128 - len(lv_cat(prs)) - len(lv_cat(dsi)) - 1))
    return ristretto_encode(from_hash(sha512(lv_cat(dsi, prs, padding, ci, sid))))


def isk_ir(sid, k, ya, ada, yb, adb):
    return sha512(lv_cat(b"CPaceRistretto255_ISK", sid, k) + lv_cat(ya, ada) + lv_cat(yb, adb))


# Frames and messages


def frame(kind, body):
    return bytes([kind]) + be(len(body), 3) + body


def field(number, value, fixed=False, keep=False):
    """One protobuf field of proto3: bytes, or an integer as varint or fixed64."""
    if isinstance(value, bytes):
        return bytes([number << 3 | 2]) + varint(len(value)) + value if value or keep else b""
    if fixed:
        return bytes([number << 3 | 1]) + le(value, 8) if value else b""
    return bytes([number << 3]) + varint(value) if value else b""


def hello(random):
    return (b"ILS\0" + bytes([1, 1]) + be(0x80000000, 4) + be(0, 4) + bytes([1]) + be(1, 2)
            + random)


def self_check():
    """The published vectors, so that a mistake made here is not taken for one made in C."""
    seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
    assert ed_sign(bytes.fromhex(seed), b"r").hex().startswith("92a009a9f0d4cab8720e820b5f642540")
    coffee = sha512(b"Ristretto is traditionally a short shot of espresso coffee")
    assert ristretto_encode(from_hash(coffee)).hex().startswith("3066f82a1a747d45120d1740f1435853")
    assert ristretto_encode(BASE).hex().startswith("e2f2ae0a6abc4e71a884a961c500515f")
    ci = b"\x0bA_initiator\x0bB_responder"
    sid = bytes.fromhex("7e4b4791d6a8ef019b936c79fb7f2c57")
    assert generator(b"Password", ci, sid).hex().startswith("222b6b195fe84b1652badb6f6a3ae3d2")


def messages(v, network):
    key, root, head = v["proof_key"], H("manifest", b"example"), b"a signed head"
    name_a, name_b = H("segment", b"a"), H("segment", b"bb")
    mark = (field(1, key) + field(2, 1) + field(3, 0x0000000112345678, fixed=True)
            + field(4, 1000) + field(5, 7) + field(6, root))
    lines = be(1, 4) + name_a + be(2, 4) + name_b
    proof = (field(1, key) + field(2, network) + field(3, 3, fixed=True)
             + field(4, 9, fixed=True) + field(5, v["proof_signature"]) + field(6, b"tokyo"))
    v["frame_goodbye"] = frame(4, field(1, 201) + field(2, 60))
    v["frame_proof"] = frame(5, proof)
    v["frame_keepalive"] = frame(6, b"")
    v["frame_marks"] = frame(7, field(1, mark) + field(2, 1))
    v["frame_head"] = frame(8, field(1, head))
    v["frame_head_delta"] = frame(
        8, field(1, head) + field(2, root) + field(3, varint(0) + varint(5) + varint(300))
        + field(4, field(1, 1) + field(2, name_a)) + field(4, field(1, 2) + field(2, name_b))
        + field(5, b"a", keep=True) + field(5, b"bb", keep=True))
    v["frame_manifest_request"] = frame(9, field(1, key) + field(2, 1) + field(3, 1800))
    v["frame_manifest"] = frame(10, field(1, head) + field(2, 1800) + field(3, lines))
    v["frame_segment_request"] = frame(11, field(1, key) + field(2, 1) + field(3, name_a))
    v["frame_segment"] = frame(12, b"bb")
    v["frame_gone"] = frame(13, field(1, key) + field(2, 1) + field(3, name_a))


def vectors():
    v = {}
    v["hash_no_part"] = H("label")
    v["hash_two_parts"] = H("label", b"", b"abc")
    v["prs"] = sha512(b"stretched password")[:32]
    v["entropy_c"] = sha512(b"entropy of the dialler")
    v["entropy_s"] = sha512(b"entropy of the acceptor")
    v["hello_c"] = hello(bytes(range(0x20)))
    v["hello_s"] = hello(bytes(range(0x80, 0xA0)))
    v["frame_hello_c"] = frame(1, v["hello_c"])

    v["sid"] = sid = H("sid cpace-21", v["hello_c"], v["hello_s"], b"")
    v["g"] = g = generator(v["prs"], b"ils/1", sid)
    a, b = from_le(v["entropy_c"]) % L, from_le(v["entropy_s"]) % L
    v["scalar_c"], v["scalar_s"] = le(a, 32), le(b, 32)
    v["ya"], v["yb"] = ya, yb = ristretto_mul(a, g), ristretto_mul(b, g)
    v["k"] = k = ristretto_mul(a, yb)
    assert k == ristretto_mul(b, ya)
    v["isk"] = isk = isk_ir(sid, k, ya, b"dialler", yb, b"acceptor")
    mac_key = sha512(b"CPaceMac" + sid + isk)
    v["ta"] = hmac.new(mac_key, lv_cat(ya, b"dialler"), hashlib.sha512).digest()
    v["tb"] = hmac.new(mac_key, lv_cat(yb, b"acceptor"), hashlib.sha512).digest()
    v["frame_share_ya"], v["frame_confirm_ta"] = frame(2, ya), frame(3, v["ta"])

    v["binder"] = binder = H("binder", v["hello_c"], v["hello_s"], b"", b"", b"", isk)
    v["binder_tls"] = H("binder", v["hello_c"], v["hello_s"], b"exporter", b"spki c", b"spki s",
                        b"")
    v["proof_seed"] = seed = sha512(b"origin")[:32]
    v["proof_key"] = key = ed_public(seed)
    v["peer_id"] = H("peer", key)[:16]
    v["proof_network"] = network = bytes(range(16))
    v["proof_hash"] = H("proof", b"dialler", binder, key, network, be(3, 8), be(9, 8),
                        b"tokyo")
    v["proof_signature"] = ed_sign(seed, v["proof_hash"])
    assert ed_verify(key, v["proof_hash"], v["proof_signature"])

    v["sealed_key_dialler"] = H("sealed dialler", isk, binder)
    v["sealed_key_acceptor"] = H("sealed acceptor", isk, binder)
    messages(v, network)
    for number, plain in enumerate((v["frame_proof"], v["frame_keepalive"])):
        length = be(len(plain) + 16, 2)
        v["sealed_record_%d" % number] = length + aead_seal(v["sealed_key_dialler"], number, plain,
                                                            length)
    return v


if __name__ == "__main__":
    self_check()
    print("# Test vectors of the link protocol, made by script/vectors-link.py.")
    for vector_name, value in vectors().items():
        print(vector_name, "=", value.hex())

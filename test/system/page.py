"""page: a program that uses the admin page as a browser would, or as one must not: every request is
its own connection, by bytes, so that each header can be left out or be wrong."""
import base64
import hmac
import json
import re
import socket
import ssl
import time

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b'\r\n\r\n')
        lines = head.decode('latin-1').split('\r\n')
        self.status = int(lines[0].split(' ')[1]) if raw else 0
        self.headers = {}
        for line in lines[1:]:
            key, _, value = line.partition(': ')
            self.headers.setdefault(key.lower(), []).append(value)
        if self.headers.get('transfer-encoding') == ['chunked']:
            self.body = unchunked(self.body)

    def json(self):
        return json.loads(self.body)

    def error(self):
        """(status, name of the error)"""
        try:
            return self.status, self.json()['error']['name']
        except (ValueError, KeyError, TypeError):
            return self.status, None


def unchunked(body):
    whole = b''
    while body:
        size, _, body = body.partition(b'\r\n')
        whole += body[:int(size or b'0', 16)]
        body = body[int(size or b'0', 16) + 2:]
    return whole


def half_minute(after=0):
    """Waits for a half minute that is another one than `after`, and has 10 s left; which it is."""
    while int(time.time()) // 30 == after or time.time() % 30 > 20:
        time.sleep(0.2)
    return int(time.time()) // 30


def totp(key, ahead=0):
    """What an authenticator shows for the key (base32), so many half minutes from now."""
    step = int(time.time()) // 30 + ahead
    mac = hmac.digest(base64.b32decode(key), step.to_bytes(8, 'big'), 'sha1')
    at = mac[-1] & 15
    return '%06d' % ((int.from_bytes(mac[at:at + 4], 'big') & 0x7fffffff) % 1000000)


class Page:
    """One user at one page."""

    def __init__(self, port, address='127.0.0.1', source=None):
        self.port, self.address, self.source = port, address, source
        self.cookie = self.csrf = None

    def connect(self):
        source = (self.source, 0) if self.source else None
        plain = socket.create_connection((self.address, self.port), 20, source)
        return CONTEXT.wrap_socket(plain, server_hostname='localhost')

    def send(self, raw, until_close=True):
        """All bytes that come back for these."""
        with self.connect() as s:
            s.sendall(raw)
            got = b''
            try:
                while True:
                    piece = s.recv(65536)
                    if not piece:
                        break
                    got += piece
            except (ConnectionResetError, ssl.SSLError):
                pass
            return got

    def raw(self, method, path, body=None, **headers):
        """Headers of None are left out; `Cookie` and `X_CSRF_Token` are this user's by default."""
        given = {'Host': '%s:%d' % (self.address, self.port), 'Connection': 'close',
                 'Accept-Encoding': 'gzip'}
        if self.cookie:
            given['Cookie'] = '__Host-ils=' + self.cookie
        if self.csrf and method not in ('GET', 'HEAD'):
            given['X-CSRF-Token'] = self.csrf
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            given['Content-Type'] = 'application/json'
            given['Content-Length'] = str(len(body))
        given.update({k.replace('_', '-'): v for k, v in headers.items()})
        text = '%s %s HTTP/1.1\r\n' % (method, path)
        for key, value in given.items():
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    text += '%s: %s\r\n' % (key, one)
        return (text + '\r\n').encode('latin-1') + (body or b'')

    def ask(self, method, path, body=None, **headers):
        return Answer(self.send(self.raw(method, path, body, **headers)))

    def api(self, command, body=None, **headers):
        """A command, by POST; the answer."""
        return self.ask('POST', '/api/v1/' + command, body if body is not None else {}, **headers)

    def get(self, path, **headers):
        return self.ask('GET', '/api/v1/' + path, **headers)

    def enter(self, answer):
        """Takes over the session of an answer to a login."""
        if answer.status == 200:
            self.csrf = answer.json()['csrf']
            self.cookie = re.match('__Host-ils=([0-9a-f]{64});',
                                   answer.headers['set-cookie'][0])[1]
        return answer

    def setup(self, code, name, password):
        return self.enter(self.api('setup', {'code': code, 'name': name, 'password': password}))

    def login(self, name, password, code=None):
        self.cookie = self.csrf = None
        more = {} if code is None else {'code': code}
        return self.enter(self.api('session', {'name': name, 'password': password, **more}))

    def prove(self, password, code=None):
        """The password once more: the session goes on by another cookie."""
        more = {} if code is None else {'code': code}
        return self.enter(self.api('session/proof', {'password': password, **more}))

    def events(self, seconds=20):
        """(name, object) of what is told, for as long as somebody asks for more."""
        with self.connect() as s:
            s.settimeout(seconds)
            s.sendall(self.raw('GET', '/api/v1/events', Connection='keep-alive'))
            text = b''
            while True:
                piece = s.recv(65536)
                if not piece:
                    return
                text += piece
                for found in re.finditer(rb'event: (\w+)\ndata: (\{.*\})\n\n', text):
                    yield found[1].decode(), json.loads(found[2])
                text = text[text.rfind(b'\n\n') + 2:] if b'\n\n' in text else text

#!/usr/bin/env python3
"""Rows G1 to G3 and G6 of the join over TLS: who is not reached, does not answer, is no hub, is
this cluster itself, speaks another version or no TLS at all, or belongs to another network. And F1
for an end that shows no certificate."""
import os
import socket
import ssl
import struct
import threading

from harness import wait_until
from rows import (BOTH, JOINS_AT_C, JOINS_AT_S, TLS, TLS_ALARM, WAY_ALARM, End, Row, Watch,
                  both_traces, cure, has_alarm, has_trace, in_trace, join, judge, keep,
                  knows_nobody, linked, no_alarm, run_all, same_verdict, see_doctor, values)

HUB_ALARM, SILENT_ALARM = 'ILSHubClusterUnreachable', 'ILSRemoteHostUnresponsive'
VERSION_ALARM = 'ILSProtocolVersion'
HELLO, GOODBYE = 1, 4


def number(code):
    """As a goodbye has it."""
    return bytes([code & 127 | 128, code >> 7])


def hello(version=1, method=2):
    body = b'ILS\0' + struct.pack('>BBIIBH', version, version, 0x80000000, 0, method, 0)
    body += os.urandom(32)
    return bytes([HELLO]) + len(body).to_bytes(3, 'big') + body


def frames(s):
    """All frames until the other end closes."""
    data = b''
    try:
        while True:
            part = s.recv(4096)
            if not part:
                break
            data += part
    except OSError:
        pass
    found = []
    while len(data) >= 4:
        length = int.from_bytes(data[1:4], 'big')
        found.append((data[0], data[4:4 + length]))
        data = data[4 + length:]
    return found


def context(server, leaf, alpn='ils/1'):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.set_alpn_protocols([alpn])
    if leaf is not None:
        made.load_cert_chain(leaf.file, leaf.key)
    return made


class Stub:
    """A program that is no ilsd: takes connections and does `answer` with each."""

    def __init__(self, answer, port=0):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(('127.0.0.1', port))
        self.socket.listen()
        self.address, self.tls_port = '127.0.0.1', self.socket.getsockname()[1]
        self.kept, self.answer = [], answer
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            s.settimeout(20)
            self.kept.append(s)
            try:
                self.answer(s)
            except OSError:
                pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for s in self.kept:
            s.close()
        self.thread.join(5)


def refused(part, c, w, v, code, at, says, alarm=None):
    """C alone is an ilsd: what it says of the attempt."""
    part.ok(v['code'] == code and v['remedy_at'] == at and v['cause'] and v['remedy'],
            '%s, remedy typed %s' % (code, at), v, *w.lines())
    lines = {'k': 17, 'tf': 't', 'true': 'true', 'host': v['host'], 'hport': v['port'],
             'pip': '127.0.0.1', 'pport': v['port'], 'lip': '127.0.0.1',
             'lport': (v['local'] or ':0').rsplit(':', 1)[1]}
    has_trace(part, w, says.split(), lines)
    if alarm is not None:
        has_alarm(part, c, alarm, '127.0.0.1' if v['host'] == 'localhost' else v['host'])


def systemctl(s):
    """A shell function that notes what systemctl was told; what it would do follows."""
    note = os.path.join(s.net.folder, 'systemctl')
    return note, 'systemctl() { echo "$@" >"%s"; }' % note


def started(part, c, s, v):
    note, before = systemctl(s)
    status, out = s.shell(v['remedy'], before=before)
    with open(note, encoding='ascii') as handle:
        asked = handle.read().split()
    part.ok(status == 0 and asked[1:] == ['ilsd'] and asked[0] in ('start', 'restart'),
            'the remedy `%s` at %s' % (v['remedy'], s.name), out)
    s.start()
    part.ok(wait_until(lambda: join(c, s, TLS)['code'] == 'ILS-100', 20, 0.5), 'then it joins')
    part.ok(wait_until(lambda: linked(c, s), 10), 'and each has the other')


def two(net):
    """C and S, each of which has imported the other's certificate; S is a hub."""
    end = End(TLS, 'SS', 'imp')
    c, s = end.make(net, 'C'), end.make(net, 'S')
    end.trust(c, s)
    end.trust(s, c)
    s.must('role', 'hub')
    end.authenticate(c)
    end.authenticate(s)
    return c, s


def one(net, leaf=None):
    """C alone, which trusts that certificate."""
    end = End(TLS, 'SS')
    c = end.make(net, 'C')
    end.authenticate(c)
    if leaf is not None:
        c.must('trust', 'import', leaf.pem)
    return c


# --- G1

def g1_refused(part, net):
    c, s = two(net)
    s.stop()
    w = Watch(c)
    v = join(c, s, TLS)
    refused(part, c, w, v, 'ILS-401', 'there', 'T4 T5 T18', HUB_ALARM)
    knows_nobody(part, c)
    see_doctor(part, {'C': keep(part, c, s)['C']}, 'G1')
    started(part, c, s, v)


def g1_unresolved(part, net):
    c = one(net)
    w = Watch(c)
    v = c.json('join', 'hub.nowhere.invalid:7501')
    refused(part, c, w, v, 'ILS-407', 'here', 'T4 T5 T18', HUB_ALARM)
    status, _ = c.shell(v['remedy'])
    part.ok(status == 2, 'the remedy `%s` shows that the name is not there' % v['remedy'])


def g1_spoke(part, net):
    end = End(TLS, 'SS', 'imp')
    c, hub, s = end.make(net, 'C'), end.make(net, 'H'), end.make(net, 'S')
    for e, other in ((c, s), (s, c), (s, hub), (hub, s)):
        end.trust(e, other)
        end.authenticate(e)
    hub.must('role', 'hub')
    part.same(join(s, hub, TLS)['code'], 'ILS-100', 'the dialled end is a spoke')
    wc, ws = Watch(c), Watch(s)
    v = join(c, s, TLS)
    part.same(v['code'], 'ILS-403', 'the verdict', v, *both_traces(wc, ws))
    same_verdict(part, s, v)
    has_trace(part, wc, ['T12', 'T18'], values(c, s, v, 'C'), [ws])
    has_trace(part, ws, ['T12', 'T22'], values(c, s, v, 'S'), [wc])
    has_alarm(part, c, HUB_ALARM, '127.0.0.1')
    no_alarm(part, s)
    knows_nobody(part, c)
    cure(part, c, s, v, JOINS_AT_S, lambda: join(c, s, TLS))


def g1_itself(part, net):
    hub = End(TLS, 'SS').make(net, 'C')
    End(TLS).authenticate(hub)
    hub.must('role', 'hub')
    w = Watch(hub)
    v = join(hub, hub, TLS, 'hub')
    refused(part, hub, w, v, 'ILS-504', 'here', 'T4 T5 T7 T18', HUB_ALARM)
    part.same([r['subject'] for r in hub.json('trust', 'list')['refused']], [],
              'its own certificate is not kept as a refused one')
    knows_nobody(part, hub)


# --- G2: nothing comes

def g2_tcp(part, net):
    c, s = two(net)
    s.stop()
    silent = Stub(lambda connection: None, s.tls_port)
    w = Watch(c)
    v = join(c, s, TLS)
    refused(part, c, w, v, 'ILS-402', 'there', 'T4 T5 T7 T18', SILENT_ALARM)
    knows_nobody(part, c)
    see_doctor(part, {'C': keep(part, c, s)['C']}, 'G2')
    silent.close()
    started(part, c, s, v)


def g2_tls(part, net):
    """TLS is finished, then nothing comes."""
    leaf = net.pki.leaf('s.example.com')
    c = one(net, leaf)
    kept = []
    silent = Stub(lambda s: kept.append(context(True, leaf).wrap_socket(s, server_side=True)))
    w = Watch(c)
    v = join(c, silent, TLS)
    refused(part, c, w, v, 'ILS-402', 'there', 'T4 T5 T7 T12 T18', SILENT_ALARM)
    knows_nobody(part, c)
    silent.close()


def g2_client(part, net):
    """A client finishes TLS and says nothing: S drops it after the deadline."""
    _, s = two(net)
    w = Watch(s)
    leaf = net.pki.leaf('c.example.com')
    raw = socket.create_connection((s.address, s.tls_port), 20)
    with context(False, leaf).wrap_socket(raw) as client:
        client.settimeout(20)
        got = frames(client)
    part.ok(not got, 'nothing is said to it, and it is closed', got)
    has_alarm(part, s, SILENT_ALARM, '127.0.0.1')
    part.ok(in_trace(w, 'T22'), 'T22 at S', *w.lines())
    knows_nobody(part, s)


# --- G3: another version

def g3_dialled(part, net):
    leaf = net.pki.leaf('s.example.com')
    c = one(net, leaf)
    heard = []

    def from_the_future(raw):
        s = context(True, leaf).wrap_socket(raw, server_side=True)
        s.sendall(hello(9))
        heard.extend(frames(s))
    stub = Stub(from_the_future)
    w = Watch(c)
    v = join(c, stub, TLS)
    refused(part, c, w, v, 'ILS-404', 'here', 'T4 T5 T7 T12 T18', VERSION_ALARM)
    part.ok(wait_until(lambda: any(kind == GOODBYE and number(404) in body for kind, body in heard),
                       5), 'the other end is told', heard)
    part.same([v['versions_here'], v['versions_there']], [[1, 1], [9, 9]], 'both versions are said')
    knows_nobody(part, c)
    stub.close()


def told(s, leaf, said):
    """What S answers to a client that says so over TLS."""
    raw = socket.create_connection((s.address, s.tls_port), 20)
    with context(False, leaf).wrap_socket(raw) as client:
        client.settimeout(20)
        client.sendall(said)
        return frames(client)


def g3_dialler(part, net):
    _, s = two(net)
    w = Watch(s)
    got = told(s, net.pki.leaf('c.example.com'), hello(9))
    part.ok(any(kind == GOODBYE and number(404) in body for kind, body in got),
            'a dialler of another version is told 404', got)
    part.same([body[4:6] for kind, body in got if kind == HELLO], [bytes([1, 1])],
              'and which versions are spoken here')
    has_alarm(part, s, VERSION_ALARM, '127.0.0.1')
    part.ok(in_trace(w, 'T22'), 'T22 at S', *w.lines())
    knows_nobody(part, s)


# --- no TLS of ours, no certificate

def no_tls(part, net):
    """Something else answers on the port."""
    c = one(net)

    def http(s):
        s.recv(10)
        s.sendall(b'HTTP/1.1 400 Bad Request\r\n\r\n')
    stub = Stub(http)
    w = Watch(c)
    v = join(c, stub, TLS)
    refused(part, c, w, v, 'ILS-420', 'here', 'T4 T5 T7 T18', HUB_ALARM)
    status, out = c.shell(v['remedy'])
    part.ok(status in (0, 1) and out, 'the remedy `%s` tells more' % v['remedy'], out)
    knows_nobody(part, c)
    stub.close()


def other_port(part, net):
    """The port of the password is dialled by TLS."""
    c, s = two(net)
    w = Watch(c)
    v = c.json('join', '127.0.0.1:%d' % s.port)
    refused(part, c, w, v, 'ILS-420', 'here', 'T4 T5 T7 T18', HUB_ALARM)
    knows_nobody(part, c, s)


def alert(part, net):
    """The other end breaks TLS off: what an alert can carry is not the cause."""
    leaf = net.pki.leaf('s.example.com')
    c = one(net, leaf)

    def strict(raw):
        made = context(True, leaf)
        made.verify_mode = ssl.CERT_REQUIRED # and knows no authority
        made.wrap_socket(raw, server_side=True)
    stub = Stub(strict)
    w = Watch(c)
    v = join(c, stub, TLS)
    refused(part, c, w, v, 'ILS-405', 'there', 'T4 T5 T7 T18', HUB_ALARM)
    knows_nobody(part, c)
    stub.close()


def no_certificate(part, net):
    _, s = two(net)
    w = Watch(s)
    got = told(s, None, hello())
    part.ok(any(kind == GOODBYE and number(314) in body for kind, body in got),
            'a dialler without a certificate is told 314', got)
    has_alarm(part, s, TLS_ALARM, '127.0.0.1')
    part.ok(in_trace(w, 'T16') and in_trace(w, 'T22'), 'T16 T22 at S', *w.lines())
    part.ok([v for v in s.json('verdicts') if v['code'] == 'ILS-314' and
             v['remedy_at'] == 'there'], 'the verdict at S', s.json('verdicts'))
    knows_nobody(part, s)


# --- G6

def g6(part, net):
    """Two networks that trust one authority and have one password stay apart."""
    end = End(BOTH, 'CA', 'root')
    c, s = end.make(net, 'C'), end.make(net, 'S')
    for e in (c, s):
        end.trust(e, e)
        end.authenticate(e)
        e.must('role', 'hub')
    wc, ws = Watch(c), Watch(s)
    row = Row(end, end, 'ILS-408', 'S', 'T19 T24 T18', 'T19 T24 T22', (WAY_ALARM, 'ip'),
              steps=JOINS_AT_C)
    v = join(c, s, BOTH, 'hub')
    judge(part, row, wc, ws, v, lambda: join(c, s, BOTH))


def main():
    run_all([('G1 refused', g1_refused, ()), ('G1 unresolved', g1_unresolved, ()),
             ('G1 spoke', g1_spoke, ()), ('G1 itself', g1_itself, ()), ('G2 TCP', g2_tcp, ()),
             ('G2 TLS', g2_tls, ()), ('G2 client', g2_client, ()), ('G3 dialled', g3_dialled, ()),
             ('G3 dialler', g3_dialler, ()), ('G6', g6, ()), ('no TLS', no_tls, ()),
             ('other port', other_port, ()), ('alert', alert, ()),
             ('no certificate', no_certificate, ())])


main()

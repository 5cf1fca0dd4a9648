#!/usr/bin/env python3
"""The DNS door by a real ilsd, asked with dig: what is there and what is not, over UDP and TCP,
many questions on one connection, another suffix, who asks too fast; and the same decisions as SIP
and the command line on random strings."""
import random
import re
import shutil
import socket
import struct
import sys

from dnsdoor import Dug, Reply, ask, is_built, number_name, question, uri_name
from harness import Network, Tap, free_port, wait_until
from kill import invite

tap = Tap()
NUMBER = '+81661234567'
STRINGS = int(sys.argv[1]) if len(sys.argv) > 1 else 2000

PLAN = """PatternType,PSTNFailover,Pattern
E164,,+81661234567
E164,ITSELF,+81661234568
ENTERPRISE,,2001
URI,,alice@osaka.example.com
URI,,al.ice+x@osaka.example.com
URI,,a!b@osaka.example.com
E164PATTERN,,+8190XXXXXXXX
ENTERPRISEPATTERN,,7XXX
E164,,+81661234999
"""


def network(net):
    tokyo = net.cluster('tokyo', dns=True).hub('secret')
    osaka = net.cluster('osaka').init('secret')
    verdict = osaka.join(tokyo)
    assert verdict['code'] == 'ILS-100', verdict
    osaka.must('plan', 'import', '-', '--source', 'csv', stdin=PLAN)
    tokyo.must('plan', 'add', 'ENTERPRISE', '1001')
    assert wait_until(lambda: tokyo.json('lookup', '+81661234999')['match'] is not None)
    return tokyo, osaka


# --- what a person sees

def no_route(c):
    d = Dug(c.dns_port, number_name(NUMBER))
    tap.ok(d.status == 'NOERROR' and not d.answers and 'no route to osaka.example.com' in d.text,
           'without a route there is no target, and why is said', d.text)
    c.must('route', 'add', 'osaka.example.com', 'sip:10.0.0.5:5080;transport=tcp')
    c.must('route', 'add', 'pstn', 'sip:gw.example.com', '--unresolved')


def answers(c):
    d = Dug(c.dns_port, number_name(NUMBER))
    tap.same((d.status, d.answers), ('NOERROR', [
        'NAPTR 100 100 "u" "E2U+sip" "!^.*$!sip:%s@10.0.0.5:5080;transport=tcp!" .' % NUMBER]),
             'ENUM', d.text)
    tap.ok('aa' in d.flags and 'ra' not in d.flags, 'by its own authority, and nothing beyond it')
    d = Dug(c.dns_port, number_name('+81661234568'))
    tap.same([re.search(r'sip:(.*)!', a).group(1) for a in d.answers],
             ['+81661234568@10.0.0.5:5080;transport=tcp', '+81661234568@gw.example.com'],
             'the failover comes after the route', d.text)
    for name, user in ((number_name('2001'), '2001'), (number_name('+819012345678'),
                                                       '+819012345678'),
                       (number_name('7123'), '7123'),
                       (uri_name('alice@osaka.example.com'), 'alice'),
                       (uri_name('ALice@OSAKA.example.com'), 'alice'),
                       (uri_name('al.ice+x@osaka.example.com'), 'al.ice+x'),
                       (uri_name('a!b@osaka.example.com'), 'a%21b')):
        d = Dug(c.dns_port, name)
        tap.ok(len(d.answers) == 1 and '!sip:%s@10.0.0.5' % user in d.answers[0], name, d.text)
    d = Dug(c.dns_port, number_name(NUMBER), 'ANY', '+notcp')
    tap.same(d.answers, ['HINFO "RFC8482" ""'], 'ANY is one record', d.text)


def routes(c):
    """A route string as RFC 3263 asks for it, from its transports to the address."""
    c.must('route', 'add', 'nara.example.com', 'sip:10.0.0.7:5070;transport=tcp')
    c.must('route', 'add', 'nara.example.com', 'sip:gw.nara.example.com;transport=tls',
           '--unresolved')
    d = Dug(c.dns_port, 'nara.example.com.route.ils.internal')
    tap.same(d.answers, ['NAPTR 10 10 "s" "SIP+D2T" "" _sip._tcp.nara.example.com.route.ils.'
                         'internal.', 'NAPTR 20 10 "s" "SIPS+D2T" "" _sips._tcp.nara.example.com.'
                         'route.ils.internal.'], 'the transports of a route string', d.text)
    d = Dug(c.dns_port, '_sip._tcp.nara.example.com.route.ils.internal', 'SRV')
    tap.same(d.answers, ['SRV 10 10 5070 10-0-0-7.ip4.ils.internal.'], 'where it is', d.text)
    d = Dug(c.dns_port, '10-0-0-7.ip4.ils.internal', 'A')
    tap.same(d.answers, ['A 10.0.0.7'], 'and the address of that', d.text)
    d = Dug(c.dns_port, '10-0-0-8.ip4.ils.internal', 'A')
    tap.same(d.status, 'NXDOMAIN', 'an address that is no target has no name', d.text)


def not_there(c):
    for name, kind, status in (
            (number_name('+81661230000'), 'NAPTR', 'NXDOMAIN'),
            (number_name('+8166123'), 'NAPTR', 'NOERROR'),
            (number_name('+8190'), 'NAPTR', 'NOERROR'),
            (number_name('+81901234567'), 'NAPTR', 'NOERROR'),
            (number_name('+8190123456789'), 'NAPTR', 'NXDOMAIN'),
            (number_name('1002'), 'NAPTR', 'NXDOMAIN'), (number_name('10'), 'NAPTR', 'NOERROR'),
            (number_name(NUMBER), 'A', 'NOERROR'), ('ils.internal', 'TXT', 'NOERROR'),
            ('www.ils.internal', 'NAPTR', 'NXDOMAIN'), ('12.ils.internal', 'A', 'NXDOMAIN')):
        d = Dug(c.dns_port, name, kind)
        tap.ok(d.status == status and not d.answers and len(d.authority) == 1 and
               d.authority[0].startswith('SOA '), '%s %s: %s' % (name, kind, status), d.text)
    for name in ('example.com', '.', 'internal'):
        tap.same(Dug(c.dns_port, name, 'A').status, 'REFUSED', name + ' is refused')
    tap.ok('Transfer failed' in Dug(c.dns_port, 'ils.internal', 'AXFR').text, 'so are transfers')
    d = Dug(c.dns_port, number_name('1001'))
    tap.ok(d.status == 'NOERROR' and 'served here' in d.text, "one's own number without a route",
           d.text)
    d = Dug(c.dns_port, 'ils.internal', 'NAPTR', '+edns=7', '+noednsneg')
    tap.same(d.status, 'BADVERS', 'EDNS of a later version')
    tap.same(Dug(c.dns_port, 'ils.internal', 'NAPTR', '+opcode=UPDATE').status, 'NOTIMP', 'update')
    c.must('block', 'add', '+81661234999')
    d = Dug(c.dns_port, number_name('+81661234999'))
    tap.ok(d.status == 'NOERROR' and 'EDE: 15 (Blocked)' in d.text, 'a blocked number', d.text)


# --- TCP

def connect(c):
    s = socket.create_connection(('127.0.0.1', c.dns_port), timeout=20)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def read_frame(stream):
    size = struct.unpack('>H', stream.read(2))[0]
    return stream.read(size)


def over_tcp(c):
    for i in range(8):
        c.must('route', 'add', 'many.example.com',
               'sip:a-host-with-a-long-name-%d.site-of-many-targets.many.example.com:5080;'
               'transport=tcp' % i, '--unresolved')
    c.must('describe', '--route-string', 'many.example.com')
    d = Dug(c.dns_port, number_name('1001'), 'NAPTR', '+notcp', '+noedns', '+ignore')
    tap.ok('tc' in d.flags and not d.answers, 'what does not fit into a datagram is cut', d.text)
    d = Dug(c.dns_port, number_name('1001'), 'NAPTR', '+noedns')
    tap.ok(len(d.answers) == 8 and 'tc' not in d.flags, 'and comes whole by TCP', d.text)
    with connect(c) as s:
        stream = s.makefile('rb')
        asked = [question(number_name(n), mark=i) for i, n in enumerate(
            [NUMBER, '+810', '2001', '1001'] * 100)]
        for i, q in enumerate(asked):   # in pieces that have nothing to do with the questions
            data = struct.pack('>H', len(q)) + q
            s.sendall(data[:i % len(data)])
            s.sendall(data[i % len(data):])
        replies = [Reply(read_frame(stream)) for _ in asked]
        tap.same(([r.mark for r in replies], [len(r.naptr) for r in replies]),
                 (list(range(400)), [1, 0, 1, 8] * 100), '400 questions on a connection, in order')
    with connect(c) as s:
        s.sendall(b'\xff\xff' + b'x' * 100)
        tap.same(s.recv(1), b'', 'a question that is too long ends the connection')
    with connect(c) as s:
        s.sendall(struct.pack('>H', 12) + b'\x47\x11\x81\x00' + b'\0' * 8)
        tap.same(s.recv(1), b'', 'and so does a reply')


# --- settings

def settings(c):
    d = Dug(c.dns_port, 'e164.example.net', 'SOA')
    tap.same(d.status, 'REFUSED', 'a suffix that is not ours')
    c.must('door', 'set', 'dns', '--suffix', 'E164.example.net.')
    d = Dug(c.dns_port, number_name(NUMBER, 'e164.example.net'))
    tap.ok(len(d.answers) == 1, 'is, once it is set', d.text)
    tap.same(Dug(c.dns_port, number_name(NUMBER)).status, 'REFUSED', 'the former is not')
    for suffix, what in (('.', 'at least one label'), ('a..b', 'labels of letters'),
                         ('a_b', 'labels of letters'), ('1.8.e164.arpa', 'the whole tree'),
                         ('a.' * 80, 'at most 148'), ('x' * 70, '63 at most')):
        status, _ = c.ils('door', 'set', 'dns', '--suffix', suffix)
        tap.ok(status == 1 and what in c.error and 'next: ils help door set' in c.error,
               'an illegal suffix: %s' % suffix[:20], c.error)
    status, _ = c.ils('door', 'set', 'sip', '--suffix', 'a.b')
    tap.ok(status == 1 and 'only the dns door' in c.error, 'SIP has none', c.error)
    second = free_port('127.0.0.1')
    c.must('door', 'set', 'dns', '--listen', '127.0.0.1:%d' % second)
    c.restart()
    d = Dug(second, number_name(NUMBER, 'e164.example.net'))
    tap.ok(len(d.answers) == 1, 'port and suffix hold after a restart', d.text)
    tap.ok(ask(c.dns_port, 'ils.internal') is None, 'the former port is closed')
    with socket.socket() as s:      # of the two, TCP alone is taken
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(('127.0.0.1', c.dns_port))
        s.listen()
        status, _ = c.ils('door', 'set', 'dns', '--listen', '127.0.0.1:%d' % c.dns_port)
        tap.ok(status == 1 and 'TCP port %d is in use' % c.dns_port in c.error,
               'a port in use is named', c.error)
        tap.ok(len(Dug(second, number_name(NUMBER, 'e164.example.net')).answers) == 1,
               'and all stays as it was')
    c.must('door', 'set', 'dns', '--listen', '127.0.0.1:%d' % c.dns_port, '--suffix', '')
    tap.ok(len(Dug(c.dns_port, number_name(NUMBER)).answers) == 1, 'back to the default')


def too_fast(c):
    c.must('door', 'set', 'dns', '--rate', '1/s')
    cut = none = 0
    while min(cut, none) < 5 and cut + none < 200:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.1)
            s.connect(('127.0.0.1', c.dns_port))
            q = question(number_name(NUMBER))
            s.send(q)
            try:
                data = s.recv(65536)
            except OSError:
                none += 1
                continue
            if Reply(data).truncated:
                cut += 1
                tap.ok(len(data) <= len(q), 'never longer than the question') if cut == 1 else None
    tap.ok(min(cut, none) >= 5, 'who asks too fast is sent to TCP, or not answered', cut, none)
    counts = next(d for d in c.json('door', 'list') if d['door'] == 'dns')['counts']
    tap.ok(counts['too_fast'] >= cut + none and counts['slipped'] >= cut, 'and is counted', counts)
    c.must('door', 'set', 'dns', '--rate', 'default')


# --- one decision

def dialled(rand):
    """A string that somebody may dial: half of them are near something that is advertised."""
    near = ['+81661234567', '+81661234568', '2001', '7123', '+819012345678', '1001',
            '+81661234999', 'alice@osaka.example.com', 'a!b@osaka.example.com']
    text = rand.choice(near)
    if '@' in text:
        if rand.random() < 0.5:
            at = rand.randrange(text.index('@'))
            text = text[:at] + rand.choice('abcxyz.-_!~*\'()&=+$,') + text[at + 1:]
        return text
    for _ in range(rand.choice((0, 0, 0, 1, 1, 2, 4))):
        at = rand.randrange(text.startswith('+'), len(text))
        text = rand.choice((text[:at] + rand.choice('0123456789') + text[at + 1:],
                            text[:at] + text[at + 1:], text + rand.choice('0123456789')))
    return text if text.lstrip('+') else '0'


def contacts(header):
    return [(m.group(1), float(m.group(2))) for m in re.finditer(r'<([^>]*)>;q=([0-9.]+)', header)]


def one_decision(c, seed):
    rand = random.Random(seed)
    kinds, wrong = {}, []
    for _ in range(STRINGS):
        text = dialled(rand)
        name = uri_name(text) if '@' in text else number_name(text)
        decided = c.ask('lookup', dialled=text)['result']
        targets = [(t['uri'].replace('!', '%21'), t['q']) for t in decided['targets']]
        status, header = invite(('127.0.0.1', c.sip_port), text)
        said = [(u.replace('!', '%21'), q) for u, q in contacts(header)]
        reply = ask(c.dns_port, name)
        told = [(uri, (1100 - preference) / 1000) for preference, uri in reply.naptr]
        kinds[decided['result']] = kinds.get(decided['result'], 0) + 1
        if not (reply.rcode in ('NOERROR', 'NXDOMAIN') and (status == 302) == bool(told) and
                targets == said == told):
            wrong.append((text, decided, status, header, reply.rcode, reply.naptr))
    print('# %d strings: %s' % (STRINGS, kinds))
    tap.ok(not wrong, '%d strings, the same decision by SIP, DNS and the socket of ils' % STRINGS,
           wrong[:3])
    tap.ok(all(n * 100 >= STRINGS for n in kinds.values()) and len(kinds) >= 3 and
           kinds.get('found', 0) * 3 >= STRINGS, 'which decide in every way', kinds)


def main():
    if not shutil.which('dig'):
        tap.skip('DNS', 'dig is not installed')
        tap.done()
        return
    with Network() as net:
        tokyo, _ = network(net)
        if not is_built(tokyo):
            tap.skip('DNS', 'this ilsd is built without it')
            tap.done()
            return
        for part in (no_route, answers, routes, not_there, over_tcp, settings, too_fast):
            tap.run(part, tokyo)
        tap.run(one_decision, tokyo, 20261123)
    tap.done()


main()

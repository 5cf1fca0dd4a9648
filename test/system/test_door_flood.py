#!/usr/bin/env python3
"""Floods from another network: INVITEs in the name of others at the SIP door, connections that say
nothing, or half a request, at the HTTP door. Who is named as their sender gets no more bytes than
were sent, memory is bounded, and who is really there is answered, by UDP and by TCP; how long he
waits is said beside what he waits without a flood. test_door_flood.py [PACKETS [CONNECTIONS]]"""
import http.client
import os
import random
import socket
import sys
import time

from harness import Network, Tap
from outside import HERE, Outside, VICTIM, counts, enter, lost, memory

tap = Tap()
TOKEN = []
SIP, HTTP = 5060, 8081
NUMBER = '+81661234567'
STRANGERS = """
import socket, sys, time
held = []
for i in range(int(sys.argv[1])):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(('%s', %d))
    held.append(s)
    if len(held) == 500:
        time.sleep(0.02)
        for k, s in enumerate(held):
            try:
                k %% 2 and s.send(b'GET /v1/lookup?dia')
            except OSError:
                pass
        if i %% 2000 < 500:
            time.sleep(0.2)
        held.clear()
""" % (HERE, HTTP)


def request(transport):
    mark = '%016x' % random.getrandbits(64)
    return ('INVITE sip:%s@%s:%d SIP/2.0\r\nVia: SIP/2.0/%s %s;rport;branch=z9hG4bK%s\r\n'
            'Max-Forwards: 70\r\nFrom: <sip:a@b.example>;tag=%s\r\nTo: <sip:x@y.example>\r\n'
            'Call-ID: %s\r\nCSeq: 1 INVITE\r\nContact: <sip:caller@%s:9>\r\n'
            'Content-Length: 0\r\n\r\n' % (NUMBER, HERE, SIP, transport, HERE, mark, mark, mark,
                                           HERE)).encode()


def by_udp():
    """As a client does: asked again after 500 ms. Whether it was a 302."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.5)
        s.connect((HERE, SIP))
        data = request('UDP')
        for _ in range(8):
            try:
                s.send(data)
                return s.recv(65536).startswith(b'SIP/2.0 302')
            except OSError:
                pass
    return False


def by_tcp():
    with socket.create_connection((HERE, SIP), timeout=20) as s:
        s.sendall(request('TCP'))
        return s.recv(65536).startswith(b'SIP/2.0 302')


def by_http():
    web = http.client.HTTPConnection(HERE, HTTP, timeout=20)
    web.request('GET', '/v1/lookup?dialed=' + NUMBER,
                headers={'Authorization': 'Bearer ' + TOKEN[0]})
    answer = web.getresponse()
    right = answer.status == 200 and b'"match":{' in answer.read()
    web.close()
    return right


def asked(ask, until):
    """Waits, sorted, and how many had no right answer, until it is over."""
    waits, failed = [], 0
    while not until():
        begun = time.monotonic()
        try:
            failed += not ask()
        except OSError:
            failed += 1
        waits.append(time.monotonic() - begun)
        time.sleep(0.02) # well below the rate of the door
    return sorted(waits), failed


def at(waits, share):
    return waits[min(len(waits) - 1, int(len(waits) * share))] * 1e3


def meanwhile(what, ask, flood):
    end = time.monotonic() + 2
    before, lost = asked(ask, lambda: time.monotonic() > end)
    child = os.fork()
    if child == 0:
        flood()
        os._exit(0)
    waits, failed = asked(ask, lambda: os.waitpid(child, os.WNOHANG) != (0, 0))
    print('# %s: %d asked meanwhile, %d failed: p50 %.1f ms, p99 %.1f ms; before: p50 %.1f ms, '
          'p99 %.1f ms' % (what, len(waits), failed, at(waits, 0.5), at(waits, 0.99),
                           at(before, 0.5), at(before, 0.99)))
    tap.same((failed, lost), (0, 0), '%s: who is there is answered' % what)


def sip(c, outside, packets):
    c.must('door', 'set', 'sip', '--rate', '100/s')
    came, went = outside.flood(SIP, request('UDP'), packets, VICTIM)
    tap.ok(went <= came, 'SIP: the named sender gets no more than was sent: %.2f' % (went / came))
    first = went / came
    c.must('door', 'set', 'sip', '--rate', 'off')
    came, free = outside.flood(SIP, request('UDP'), packets // 10, VICTIM)
    tap.ok(free <= came, 'nor without a rate: %.2f' % (free / came))
    tap.ok(free > 0, 'control: he gets something then')
    print('# SIP: in the name of one, bytes out for each that came: %.2f; without a rate %.2f' % (
        first, free / came))
    c.must('door', 'set', 'sip', '--rate', '100/s')
    outside.flood(SIP, request('UDP'), packets // 10, 'any')
    before = memory(c)
    for what, ask in (('SIP by UDP', by_udp), ('SIP by TCP', by_tcp)):
        had, full = counts(c, 'sip'), lost(SIP)
        meanwhile(what, ask, lambda: outside.flood(SIP, request('UDP'), packets, 'any'))
        has = counts(c, 'sip')
        print('# of the flood %d were answered, %d passed over, %d found no room' % (
            has['requests'] - had['requests'], has['passed_over'] - had['passed_over'],
            lost(SIP) - full))
    tap.ok(memory(c) - before < 8 << 20,
           'SIP, any sender: %.1f MiB more' % ((memory(c) - before) / 2 ** 20))


def web(c, outside, connections):
    before = memory(c)
    meanwhile('HTTP', by_http,
              lambda: outside.run(sys.executable, '-c', STRANGERS, str(connections)))
    tap.ok(memory(c) - before < 32 << 20,
           'HTTP, %d connections: %.1f MiB more' % (connections, (memory(c) - before) / 2 ** 20))


def main():
    packets = int(sys.argv[1]) if len(sys.argv) > 1 else 50000
    connections = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    if not enter(tap, packets, connections):
        tap.done()
        return
    outside = Outside()
    try:
        with Network() as net:
            c = net.cluster('tokyo', http=True).init()
            c.must('describe', '--route-string', 'tokyo.example.com')
            c.must('plan', 'add', 'E164', NUMBER)
            c.must('route', 'add', 'tokyo.example.com', 'sip:10.0.0.5:5080;transport=tcp')
            TOKEN.append(c.json('token', 'add', 'flood')['token'])
            for door, port in (('sip', SIP), ('http', HTTP)):
                c.must('door', 'set', door, '--listen', '%s:%d' % (HERE, port), '--allow', 'any')
            tap.ok(by_udp() and by_tcp() and by_http(), 'the doors answer')
            tap.run(sip, c, outside, packets)
            tap.run(web, c, outside, connections)
            tap.ok(by_udp() and by_tcp() and by_http(), 'and they are there afterwards')
    finally:
        outside.end()
    tap.done()


main()

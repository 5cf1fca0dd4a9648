#!/usr/bin/env python3
"""Questions in the name of others, from another network: who is named as their sender gets fewer
bytes than were sent, what ilsd keeps of sources is bounded, and who is really there is answered, by
UDP or by TCP. The control is a door without a rate.   test_dns_flood.py [PACKETS]"""
import os
import socket
import sys
import time

import dnsdoor
from harness import Network, Tap
from outside import HERE, Outside, VICTIM, enter, memory

tap = Tap()
PORT = 5300
NUMBER = '+81661234567'
QUESTION = dnsdoor.question(dnsdoor.number_name(NUMBER))


def counts(c):
    return next(d for d in c.json('door', 'list') if d['door'] == 'dns')['counts']


def by_tcp():
    """What is asked by TCP is answered, whatever comes by UDP."""
    q = dnsdoor.question(dnsdoor.number_name(NUMBER))
    with socket.create_connection((HERE, PORT), timeout=20) as s:
        s.sendall(len(q).to_bytes(2, 'big') + q)
        stream = s.makefile('rb')
        return dnsdoor.Reply(stream.read(int.from_bytes(stream.read(2), 'big'))).naptr


def one_victim(c, outside, packets):
    c.must('door', 'set', 'dns', '--rate', '100/s')
    came, went = outside.flood(PORT, QUESTION, packets, VICTIM)
    tap.ok(went <= came, 'the named sender gets no more than was sent: %.2f' % (went / came))
    print('# %d questions in the name of one: %.2f bytes out for each that came' % (
        packets, went / came))
    c.must('door', 'set', 'dns', '--rate', 'off')
    before = counts(c)['requests']
    came, went = outside.flood(PORT, QUESTION, packets // 10, VICTIM)
    read = max(counts(c)['requests'] - before, 1)   # a busy machine does not read all of them
    share = went / read / (came / (packets // 10))
    tap.ok(share > 1, 'control: without a rate he gets more: %.2f' % share)


def ask_on(until):
    """How long each question by TCP waited for its right answer until it is over, sorted."""
    waits = []
    while not until():
        begun = time.monotonic()
        if by_tcp():
            waits.append(time.monotonic() - begun)
        time.sleep(0.01)
    return sorted(waits)


def all_of_them(c, outside, packets):
    c.must('door', 'set', 'dns', '--rate', '100/s')
    outside.flood(PORT, QUESTION, packets // 10, 'any')
    end = time.monotonic() + 2
    before, calm = memory(c), ask_on(lambda: time.monotonic() > end)
    child = os.fork()
    if child == 0:
        outside.flood(PORT, QUESTION, packets, 'any')
        os._exit(0)
    waits = ask_on(lambda: os.waitpid(child, os.WNOHANG) != (0, 0))
    grown = memory(c) - before
    tap.ok(grown < 8 << 20, 'as many sources: %.1f MiB more' % (grown / 2 ** 20))
    tap.ok(len(waits) > 0, 'who asks by TCP meanwhile is answered')
    for what, times in (('before', calm), ('meanwhile', waits)):
        if times:
            print('# %d questions by TCP %s: p50 %.1f ms, p99 %.1f ms' % (
                len(times), what, times[len(times) // 2] * 1e3,
                times[len(times) * 99 // 100] * 1e3))
    print('# counted: %s' % counts(c))


def main():
    packets = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    if not enter(tap, packets):
        tap.done()
        return
    outside = Outside()
    try:
        with Network() as net:
            c = net.cluster('tokyo').init()
            c.must('describe', '--route-string', 'tokyo.example.com')
            c.must('plan', 'add', 'E164', NUMBER)
            c.must('route', 'add', 'tokyo.example.com', 'sip:10.0.0.5:5080;transport=tcp')
            c.must('door', 'set', 'dns', '--listen', '%s:%d' % (HERE, PORT), '--allow', 'any')
            tap.ok(by_tcp(), 'the door answers')
            tap.run(one_victim, c, outside, packets)
            tap.run(all_of_them, c, outside, packets)
            tap.ok(by_tcp() and c.answers(), 'and it is there afterwards')
    finally:
        outside.end()
    tap.done()


main()

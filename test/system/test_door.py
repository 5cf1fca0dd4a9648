#!/usr/bin/env python3
"""Doors are opened, moved and closed while ilsd runs; what fails changes nothing, what is said is
kept through a restart, and whoever is not allowed gets no answer."""
import socket
import subprocess
import sys

from harness import Network, Tap, free_port, wait_until
from kill import invite

tap = Tap()


def udp_port():
    return free_port('127.0.0.1', socket.SOCK_DGRAM)


def door(c, name):
    return next(row for row in c.json('door', 'list') if row['door'] == name)


def answers(port):
    reply = invite(('127.0.0.1', port), '1234')
    return reply is not None and reply[0] == 404


def silent(port):
    """Nobody answers; what a port that is closed says at once is no answer either."""
    try:
        return invite(('127.0.0.1', port), '1234') is None
    except OSError:
        return True


def moved(c):
    first, second = c.sip_port, udp_port()
    row = door(c, 'sip')
    tap.same((row['listen'], row['state'], row['set_by'], row['allow_default'], row['rate']),
             ('127.0.0.1:%d' % first, 'open', 'start', True, 0), 'as the options say', row)
    tap.ok(answers(first), 'and it answers')
    c.must('door', 'set', 'sip', '--listen', '127.0.0.1:%d' % second)
    tap.ok(answers(second) and silent(first), 'it moves to another port')
    tap.same(door(c, 'sip')['set_by'], 'operator', 'which an operator said')
    tap.ok('door set' in c.must('audit'), 'and the audit knows')
    c.must('door', 'set', 'sip', '--listen', '0.0.0.0:%d' % second)
    row = door(c, 'sip')
    tap.ok(answers(second) and row['rate'] == 10000, 'to another address on its own port', row)
    c.restart()
    tap.ok(answers(second) and silent(first), 'and is there after a restart')
    c.must('door', 'set', 'sip', '--listen', 'off')
    tap.ok(silent(second) and door(c, 'sip')['state'] == 'off', 'closed')
    c.restart()
    tap.ok(silent(second) and silent(first), 'also after a restart')
    c.must('door', 'set', 'sip', '--listen', '127.0.0.1:%d' % first)
    tap.ok(answers(first), 'opened again')


def message(number, length='Content-Length: 0\r\n'):
    return ('INVITE sip:%s@h SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z%s\r\n'
            'Max-Forwards: 70\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: %s\r\n'
            'CSeq: 1 INVITE\r\n%s\r\n' % (number, number, number, length)).encode()


def connection(c):
    def replies(s, n):
        text = b''
        while text.count(b'\r\n\r\n') < n:
            part = s.recv(65536)
            if not part:
                break
            text += part
        return text

    def ends(data):
        with socket.create_connection(('127.0.0.1', c.sip_port), 10) as s:
            s.sendall(data)
            return b'404' not in replies(s, 1)

    with socket.create_connection(('127.0.0.1', c.sip_port), 10) as s:
        s.sendall(message('1') + message('2', 'l: 4\r\n') + b'body' + message('3'))
        text = replies(s, 3)
        tap.ok([text.index(b'Call-ID: %d\r' % n) for n in (1, 2, 3)] and
               text.count(b'SIP/2.0 404 ') == 3, 'three requests at once on a connection', text)
        for byte in message('4'):
            s.sendall(bytes([byte]))
        tap.ok(b'Call-ID: 4\r' in replies(s, 1), 'one that comes byte by byte')
        s.sendall(b'\r\n\r\n')
        tap.same(s.recv(100), b'\r\n', 'a sign of life')
        s.sendall(b'\r\n' + message('5'))
        tap.ok(b'Call-ID: 5\r' in replies(s, 1), 'a line end before a request means nothing')
    tap.ok(ends(message('6', '')), 'a request that does not say how long it is ends it')
    tap.ok(ends(message('7', 'l: 0\r\nContent-Length: 9\r\n')), 'two lengths do')
    tap.ok(ends(message('8', 'Content-Length: 0\r\n 1\r\n')), 'a length over two lines does')
    tap.ok(ends(message('9', 'Content-Length: 99999\r\n')), 'more than may be does')
    tap.ok(ends(b'\x16\x03\x01\x02\x00\x01\x00'), 'a client that speaks TLS does not wait for ever')
    tap.ok(not ends(message('10')), 'control: a sound one is answered')


def in_use(c):
    port = udp_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', port))
        status, _ = c.ils('door', 'set', 'sip', '--listen', '127.0.0.1:%d' % port,
                          '--rate', '5/s')
        tap.ok(status == 1 and 'in use' in c.error and
               'next: ils door set sip --listen ADDR:PORT' in c.error,
               'a port in use is named, with a remedy', c.error)
        row = door(c, 'sip')
        tap.same((row['listen'], row['state'], row['rate']),
                 ('127.0.0.1:%d' % c.sip_port, 'open', 0), 'nothing is half applied', row)
        tap.ok(answers(c.sip_port), 'the old one goes on')
    c.must('door', 'set', 'sip', '--listen', '127.0.0.1:%d' % port)
    c.stop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', port))
        c.start()
        row = door(c, 'sip')
        tap.ok(row['state'] == 'failed' and 'in use' in row['error'] and 'ils door set sip' in
               c.said(), 'a port in use at a start stops nobody', row, c.said())
        status = c.json('status')
        tap.ok(c.status == 1 and status['cause'].startswith('the SIP door is closed: UDP port') and
               status['next'] == 'ils door set sip --listen ADDR:PORT', 'and ils status says so',
               status['cause'], status['next'])
        first = c.sip_port
        c.must('door', 'set', 'sip', '--listen', '127.0.0.1:%d' % first)
        tap.ok(answers(first), 'and the remedy helps')


def held(c):
    """Others may hold the same port of other addresses: who is in the way is named alone."""
    code = ('import socket, sys; s = socket.socket(); s.bind((sys.argv[1], int(sys.argv[2]))); '
            's.listen(); print(s.getsockname()[1], flush=True); sys.stdin.read()')
    others, port = [], 0
    for address in '127.0.0.1', '127.0.0.2', '::1':
        other = subprocess.Popen(
            [sys.executable, '-c', code.replace('socket()', 'socket(socket.AF_INET6)')
             if ':' in address else code, address, str(port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        port = int(other.stdout.readline())
        others.append((address, other))
    for listen, pids in (('127.0.0.1', 0), ('127.0.0.2', 1), ('[::1]', 2)):
        status, _ = c.ils('door', 'set', 'http', '--listen', '%s:%d' % (listen, port))
        tap.ok(status == 1 and '(pid %d)' % others[pids][1].pid in c.error,
               'who holds the port of %s' % listen, c.error, [o.pid for _, o in others])
    status, _ = c.ils('door', 'set', 'http', '--listen', '0.0.0.0:%d' % port)
    tap.ok(status == 1 and any('(pid %d)' % o.pid in c.error for _, o in others[:2]),
           'of every address any of them is', c.error)
    c.must('door', 'set', 'http', '--listen', '127.0.0.3:%d' % port)
    for _, other in others:
        other.stdin.close()
        other.wait()


def who(c):
    c.must('door', 'set', 'sip', '--allow', '192.0.2.0/24', '--allow', '2001:db8::/32')
    tap.ok(silent(c.sip_port), 'who is not allowed gets no answer')
    row = door(c, 'sip')
    tap.same((row['allow'], row['counts']['not_allowed']), (['192.0.2.0/24', '2001:db8::/32'], 1),
             'and is counted', row)
    c.must('door', 'set', 'sip', '--allow', '127.0.0.0/8,192.0.2.0/24')
    tap.ok(answers(c.sip_port), 'control: who is allowed does')
    c.must('door', 'set', 'sip', '--allow', 'any')
    tap.ok(answers(c.sip_port) and door(c, 'sip')['allow'] == [], 'anybody')
    c.must('door', 'set', 'sip', '--rate', '1/s')
    got = [invite(('127.0.0.1', c.sip_port), '1234') is not None for _ in range(2)]
    tap.ok(got[0], 'the first one passes')
    tap.ok(wait_until(lambda: door(c, 'sip')['counts']['too_fast'] > 0 or
                      not [answers(c.sip_port) for _ in range(1)]), 'who asks too often waits')
    c.must('door', 'set', 'sip', '--allow', 'private', '--rate', 'default')
    row = door(c, 'sip')
    tap.same((row['allow_default'], row['rate_default'], row['rate']), (True, True, 0),
             'back to what it is by default', row)


def wrong(c):
    before = door(c, 'sip')
    for words, what in ((['--listen', 'localhost:5070'], 'a door listens on'),
                        (['--listen', '127.0.0.1'], 'a door listens on'),
                        (['--allow', '10.0.0.1/8'], "'10.0.0.1/8' is no network"),
                        (['--rate', '2000000'], 'a rate is 1 to 1000000'),
                        ([], 'nothing is said')):
        status, _ = c.ils('door', 'set', 'sip', *words)
        tap.ok(status == 1 and what in c.error and 'next: ils help door set' in c.error,
               'refused: %s' % ' '.join(words), c.error)
    status, _ = c.ils('door', 'set', 'sip', '--rate', 'much')
    tap.ok(status == 64 and 'a rate is 1 to 1000000' in c.error and
           'next: ils help door set' in c.error, 'a rate that is none', c.error)
    status, _ = c.ils('door', 'set', 'telnet', '--listen', 'off')
    tap.ok(status == 1 and "no door 'telnet'" in c.error, 'a door that is none', c.error)
    after = door(c, 'sip')
    tap.same({k: after[k] for k in ('listen', 'allow', 'rate')},
             {k: before[k] for k in ('listen', 'allow', 'rate')}, 'nothing of it was applied')


def route_string(c):
    tap.same(door(c, 'sip')['send_route_string'], False, 'no route string is sent by default')
    c.must('door', 'set', 'sip', '--send-route-string', 'on')
    c.restart()
    tap.same(door(c, 'sip')['send_route_string'], True, 'until an operator says so')
    c.must('door', 'set', 'sip', '--send-route-string', 'off')
    tap.same(door(c, 'sip')['send_route_string'], False, 'and not any more')
    status, _ = c.ils('door', 'set', 'http', '--send-route-string', 'on')
    tap.ok(status == 1 and 'only the SIP doors' in c.error, 'other doors have none', c.error)
    status, _ = c.ils('door', 'set', 'sip', '--send-route-string', 'yes')
    tap.ok(status == 64 and 'on or off' in c.error, 'it is on or off', c.error)


def main():
    with Network() as net:
        c = net.cluster('tokyo').init('secret')
        for part in (moved, connection, in_use, held, who, route_string, wrong):
            tap.run(part, c)
    tap.done()


main()

#!/usr/bin/env python3
"""The control socket under noise: seeded requests with arguments of every kind, cut and altered
bytes, contents that do not fit. The daemon goes on, every whole request has one answer, and what
was there before is still answered."""
import json
import os
import random
import socket

from harness import Network, Tap

tap = Tap()
ROUNDS = int(os.environ.get('NOISE', '3000'))
COMMANDS = {
    'version': [], 'status': [], 'stats': [], 'clusters': [], 'peers': [], 'alarms': [],
    'verdicts': [], 'audit': ['max'], 'lookup': ['dialled'], 'sql': ['query'], 'auth show': [],
    'password list': [], 'route list': [], 'plan show': ['max', 'source'],
    'plan check': [], 'plan export': ['source', 'format', 'all'], 'trace last': ['max', 'attempt'],
    'init': ['cluster_id', 'fqdn', 'description', 'route_string'],
    'describe': ['cluster_id', 'fqdn', 'description', 'route_string'], 'disconnect': ['cluster'],
    'role': ['role', 'host', 'port', 'wait'], 'leave': ['force'], 'forget': ['cluster'],
    'ban': ['cluster'],
    'unban': ['cluster'], 'ended': [], 'hubs': [], 'identity': [], 'network': [],
    'identity new': ['cluster_id', 'fqdn'], 'network adopt': [], 'rebuild': [], 'restore': ['file'],
    'backup': ['file'], 'verify': [],
    'connect': ['cluster'], 'auth set': ['tls', 'password', 'accept'],
    'password add': ['generation', 'stretched'], 'password prefer': ['generation'],
    'password drop': ['generation'], 'route add': ['pattern', 'target'],
    'route remove': ['pattern', 'target'], 'trace level': ['level'],
    'plan import': ['source', 'encoding'], 'plan add': ['kind', 'key', 'failover'],
    'plan remove': ['kind', 'key'],
}
WORDS = ['', 'x', 'URI', 'E164', 'alice@x.example', '+81312345678', '*', '*.x.example', 'x' * 300,
         'sip:10.0.0.1', 'a b', 'é', '\u0000', '\u001b[2J', 'UTF-16', 'hub', '0' * 64, 'select 1',
         'select * from cluster, cluster, cluster', 'detailed', '-1', 'noise.example.com']


def value(r):
    return r.choice([lambda: r.choice(WORDS), lambda: r.randrange(-3, 5), lambda: 1 << 62,
                     lambda: 1.5, lambda: True, lambda: None, lambda: [], lambda: {},
                     lambda: [r.choice(WORDS)]])()


def request(r):
    command = r.choice(list(COMMANDS))
    names = COMMANDS[command] + (['stranger'] if r.random() < .05 else [])
    line = {'command': command, 'args': {n: value(r) for n in names if r.random() < .8}}
    content = b''
    if r.random() < .2:
        content = bytes(r.randrange(256) for _ in range(r.randrange(200)))
        line['bytes'] = len(content)
    text = bytearray(json.dumps(line).encode())
    if r.random() < .3:
        for _ in range(r.randrange(1, 4)):
            text[r.randrange(len(text))] = r.randrange(256)
    return bytes(text.replace(b'\n', b' ')) + b'\n', content, line


def ask(c, r):
    """One connection, one request, all that comes back until the answer or the end."""
    text, content, _ = request(r)
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(os.path.join(c.data, 'control.sock'))
        s.sendall(text + content[:r.randrange(len(content) + 1)] if r.random() < .1
                  else text + content)
        s.shutdown(socket.SHUT_WR)
        answer = b''
        while chunk := s.recv(65536):
            answer += chunk
    for line in answer.splitlines():
        json.loads(line)
    return answer


def main():
    with Network() as net:
        c = net.cluster('noise')
        c.must('init', '--cluster-id', 'noise', '--fqdn', 'noise.example.com')
        c.must('plan', 'add', 'URI', 'stays@noise.example.com')
        r, answered, broken = random.Random(1), 0, ''
        for i in range(ROUNDS):
            try:
                answered += len(ask(c, r)) > 0
            except (OSError, ValueError) as e:
                broken = 'request %d: %r' % (i, e)
                break
        tap.same(broken, '', 'every request is answered in JSON, or its connection ends')
        tap.ok(answered > ROUNDS // 2, 'most have an answer', answered)
        tap.same(c.json('lookup', 'stays@noise.example.com')['match']['value'],
                 'stays@noise.example.com', 'what was there is still answered')
        c.stop()
        c.start()
        tap.ok(c.json('version'), 'and after a restart')
    tap.done()


main()

#!/usr/bin/env python3
"""What others say, on the terminal of `ils` and in the files that people look at there: whatever
would steer the terminal or turn the direction of writing is shown as "?", in tables, sentences,
JSON, traces and what the doctor quotes. The controls: ilsd and the file do say it."""
import os
import re

from harness import Network, Tap, wait_until

tap = Tap()
TURN = '\u202emoc.elpmaxe\u2066 \u200fx'         # of the direction of writing
STEER = '\x1b]0;owned\x07\x1b[2J\x9b31m\x7fseen'  # title, screen, colour
LONG = '\U0001f4de' * 32                          # 128 bytes in 32 characters
BAD = re.compile('[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]')
READ = ('status', 'clusters', 'peers', 'hubs', 'alarms', 'verdicts', 'audit', 'sync', 'exchange',
        'auth show', 'cert show', 'trust list', 'plan show', 'plan log', 'learned', 'catalog list',
        'route list', 'block list', 'ended', 'trace --last', 'sql "select * from clusters"')


def looks(c):
    for command in READ:
        for option in ('', ' --json'):
            _, out = c.shell('ils ' + command + option)
            tap.ok(not BAD.search(out), '%s: ils %s%s' % (c.name, command, option),
                   repr(BAD.findall(out)))


def quoted(c):
    path = os.path.join(c.net.folder, 'stranger.txt')
    line = ('00000003.003 |11:50:04.001 |AppInfo |IlsD Verdict ILS-201 id=ad4d0e370b9bc27f '
            'peerId(00000000000000000000000000000000) ipAddr(127.0.0.1) ipPort(38290) ')
    with open(path, 'w', encoding='utf-8') as handle:
        handle.write(line + STEER + TURN + '\n')
    _, out = c.shell('ils diagnose ' + path)
    tap.ok('ILS-201' in out and 'seen' in out, 'the doctor quotes the line', out)
    tap.ok(not BAD.search(out), 'and nothing in it that steers', repr(BAD.findall(out)))
    _, out = c.shell('ils diagnose --json ' + path)
    tap.ok('ILS-201' in out and not BAD.search(out), 'nor in its JSON', repr(BAD.findall(out)))


with Network() as net:
    tokyo = net.cluster('tokyo').hub(password='one')
    for name, text in (('osaka', TURN), ('nara', LONG), ('kobe', STEER)):
        one = net.cluster(name).init(password='one')
        one.must('describe', '--description', text)
        one.join(tokyo)
        if name == 'kobe':
            tap.same(one.ask('status')['result']['description'], STEER, 'the control: ilsd says it')
            looks(one)
    said = wait_until(lambda: {r['description'] for r in tokyo.ask('clusters')['result']}
                      >= {TURN, LONG})
    tap.ok(said, 'the control: so does the hub, of others')
    looks(tokyo)
    rows = tokyo.json('clusters')
    tap.ok(TURN in [r['description'] for r in rows], 'the JSON is the same value', rows)
    tap.run(quoted, tokyo)
    lines = '\n'.join(tokyo.trace_lines())
    tap.ok(lines and not BAD.search(lines), 'nor does a trace file', repr(BAD.findall(lines)))
tap.done()

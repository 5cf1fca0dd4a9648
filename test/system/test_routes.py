#!/usr/bin/env python3
"""Routes as an operator gets them wrong: what is no pattern or no target, a target that does not
resolve or leads back here, routes that never decide because others cover the same. Each is
named with what to type, nothing of it is half applied, and what was to be typed is typed."""
import re
import socket

from harness import Network, Tap, wait_until

tap = Tap()
PATTERNS = 'osaka..example', '*osaka.example', 'osaka.*x.example', 'x.-osaka.example', 'os aka', ''
TARGETS = ('http://10.0.0.5', 'sip:', 'sip:10.0.0.5:0', 'sip:10.0.0.5:70000', 'sip:10.0.0.5;x=y',
           'sip:10.0.0.5?Subject=x', 'sip:10.0.0.5;transport=carrier-pigeon', '10.0.0.5')


def routes(c):
    return [(r['pattern'], r['target']) for r in c.json('route', 'list')]


def refused(c, wanted, name, *words):
    before = routes(c)
    status, _ = c.ils(*words)
    said = c.error
    tap.ok(status == 1 and all(w in said for w in wanted) and routes(c) == before, name,
           status, said, routes(c))
    return said


def missing(c, other):
    """Each route string without a route, however many they are, also those of catalogs."""
    names = ['r%02d.catalog.test' % n for n in range(25)]
    for name in names:
        tap.ok(c.ask('catalog add', name=name[:3], route_string=name)['ok'], name)
        c.must('catalog', 'import', name[:3], '-',
               stdin='PatternType,PSTNFailover,Pattern\nENTERPRISE,,77%s\n' % name[1:3])
    for who, wanted in (c, names + ['a.osaka.example']), (other, names):
        tap.ok(wait_until(lambda: len(who.json('status')['routes_missing']) >= len(wanted)),
               'learned', who.json('status')['routes_missing'])
        said = who.ils('status')[1]
        tap.same([n for n in wanted if "ils route add '%s' sip:HOST" % n not in said], [],
                 'each route string without a route is named with the command', said)
    row = next(r for r in other.json('status')['routes_missing'] if r['route_string'] == names[-1])
    status, out = other.shell(row['next'].replace('HOST', '10.0.0.5'))
    left = [r['route_string'] for r in other.json('status')['routes_missing']]
    tap.ok(status == 0 and names[-1] not in left and len(left) == 24, 'typed: ' + row['next'], left)
    for name in names:
        c.must('catalog', 'remove', name[:3])
    other.must('route', 'remove', names[-1])


def comes_back(c):
    """A door that comes to where a route leads: no call gets there, and status says so."""
    before = c.sip_port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    c.must('route', 'add', '*.osaka.example', 'sip:127.0.0.1:%d' % port)
    tap.same(c.json('status')['routes_missing'], [], 'a route that leads somewhere')
    c.must('door', 'set', 'sip', '--listen', '127.0.0.1:%d' % port)
    tap.same(([r['next'] for r in c.json('status')['routes_missing']],
              c.json('lookup', '2001')['result']),
             (["ils route add 'a.osaka.example' sip:HOST"], 'no_route'),
             'with the door there the route string has none')
    c.must('route', 'add', '*.osaka.example', 'sip:127.0.0.9')
    tap.same(c.json('status')['routes_missing'], [], 'another target is enough')
    c.must('door', 'set', 'sip', '--listen', '127.0.0.1:%d' % before)
    c.must('route', 'remove', '*.osaka.example')


def grammar(c):
    for pattern in PATTERNS:
        refused(c, ("'%s' is no route pattern" % pattern, 'next: ils help route add'),
                'no pattern: "%s"' % pattern, 'route', 'add', pattern, 'sip:10.0.0.5')
    for target in TARGETS:
        refused(c, ("'%s'" % target, 'next: ils help route add'), 'no target: ' + target,
                'route', 'add', 'osaka.example', target)


def numbers(c):
    """Priority and weight: the place, the legal range and where to read on."""
    for option in '--priority', '--weight':
        before = routes(c)
        for value in '70000', '65536', '-1', 'abc', '', '1.5', '9' * 30:
            status, _ = c.ils('route', 'add', 'osaka.example', 'sip:10.0.0.5', option, value)
            said = c.error
            wanted = ("'%s' is no number from 0 to 65535" % value, 'where: ' + option,
                      'next: ils help route add')
            tap.ok(status == 64 and all(w in said for w in wanted) and routes(c) == before,
                   'no number: %s "%s"' % (option, value), status, said)
        for value in 70000, -1, 'abc', None:
            answer = c.ask('route add', pattern='osaka.example', target='sip:10.0.0.5',
                           **{option[2:]: value})
            tap.same((answer['ok'], answer.get('error', {}).get('where'),
                      answer.get('error', {}).get('next'), routes(c)),
                     (False, option[2:], 'ils help route add', before),
                     'nor by the socket: %s %s' % (option, value), answer)
        for value in '0', '65535':
            c.must('route', 'add', 'osaka.example', 'sip:10.0.0.5', option, value)
    tap.same([(r['priority'], r['weight']) for r in c.json('route', 'list')], [(65535, 65535)],
             'the ends of the range are taken')


def unknown(c):
    """What is not there is named whole; what is no route string has no remedy that fails."""
    refused(c, ("no route 'osaka.example sip:10.0.0.9' is known", 'next: ils route list'),
            'a target that is not there', 'route', 'remove', 'osaka.example', 'sip:10.0.0.9')
    refused(c, ("no route 'kyoto.example' is known", 'next: ils route list'),
            'a pattern that is not there', 'route', 'remove', 'kyoto.example')
    for name in 'os aka', '', 'osaka..example', 'a' * 5000:
        refused(c, ("'" + name[:256], "' is no route string", 'next: ils help route test'),
                'no route string: "%.20s"' % name, 'route', 'test', name)
    c.must('route', 'remove', 'osaka.example')


def targets(c):
    for more, numbered in ((), ''), (('--priority', '7'), ' --priority 7'):
        said = refused(
            c, ('nowhere.invalid does not resolve here', 'nothing was changed',
                "next: ils route add '*' 'sip:nowhere.invalid' --unresolved" + numbered),
            'a target that does not resolve', 'route', 'add', '*', 'sip:nowhere.invalid', *more)
    status, out = c.shell(re.search('next: (.*)', said).group(1))
    row = c.json('route', 'list')[0]
    tap.same((status, row['pattern'], row['target'], row['priority']),
             (0, '*', 'sip:nowhere.invalid', 7), 'is taken as the remedy says', out)
    c.must('route', 'remove', '*')
    refused(c, ('is this cluster itself', 'next: ils door list'), 'a target that leads back here',
            'route', 'add', '*', 'sip:127.0.0.1:%d' % c.sip_port)


def shadows(c):
    """The only route string that is learned is a.osaka.example."""
    tap.same(c.must('route', 'add', '*.example', 'sip:10.0.0.1'), 'OK\n', 'a route that decides')
    for pattern, host, key, other, following in (
            ('a.*.example', 2, '*.example', 'a.*.example', "ils route remove '*.example'"),
            ('*.osaka.example', 3, 'a.*.example', '*.osaka.example',
             "ils route remove 'a.*.example'"),
            ('*.Example', 1, '*.example', '*.osaka.example', "ils route test 'a.osaka.example'")):
        said = c.must('route', 'add', pattern, 'sip:10.0.0.%d' % host)
        tap.same(said, "OK\nwarning: the route '%s' never decides: each route string that it "
                 "covers has a more specific one, as a.osaka.example has '%s'\n  next: %s\n"
                 % (key, other, following), 'added: %s; who never decides now is named' % pattern)
        found = c.json('route', 'add', pattern, 'sip:10.0.0.%d' % host)
        tap.same([(w['what'], w['key'], w['other'], w['route_string'], w['next'])
                  for w in found['warnings']],
                 [('shadowed', key, other, 'a.osaka.example', following)], 'with --json', found)
    tap.same(len(routes(c)), 3, 'each is there')
    target = c.json('lookup', '2001')['targets']
    tap.ok(target[0]['uri'] == 'sip:2001@10.0.0.3', 'the most specific decides', target)
    found = c.json('plan', 'check')
    tap.same([(f['what'], f['key'], f['other']) for f in found['findings']],
             [('shadowed', '*.example', '*.osaka.example'),
              ('shadowed', 'a.*.example', '*.osaka.example')],
             'routes that never decide are named, also with a * inside', found)
    tap.same(c.status, 1, 'and the exit status says that there are some')
    out = c.ils('route', 'test', 'a.osaka.example')[1]
    tap.ok('*.osaka.example decides' in out and out.count('\nlost ') == 2,
           'ils route test says which decides and what lost', out)
    for f in found['findings']:
        status, out = c.shell(f['next'])
        tap.same(status, 0, 'typed: ' + f['next'], out)
    status, out = c.ils('plan', 'check')
    tap.ok(status == 0 and c.json('lookup', '2001')['targets'] == target,
           'then nothing is found, and calls go where they went', out)


def main():
    with Network() as net:
        tokyo = net.cluster('tokyo').hub('one')
        osaka = net.cluster('osaka').init('one')
        osaka.must('describe', '--route-string', 'a.osaka.example')
        tap.same(osaka.join(tokyo)['code'], 'ILS-100', 'osaka joins')
        osaka.must('plan', 'add', 'ENTERPRISE', '2001')
        tap.ok(wait_until(lambda: tokyo.json('lookup', '2001')['result'] == 'no_route'), 'learned')
        row = re.search(r'.*a\.osaka\.example.*', tokyo.ils('status')[1])
        tap.ok(row, 'a route string without a route is named', tokyo.ils('status')[1])
        tap.run(missing, tokyo, osaka)
        tap.run(comes_back, tokyo)
        tap.run(grammar, tokyo)
        tap.run(numbers, tokyo)
        tap.run(unknown, tokyo)
        tap.run(targets, tokyo)
        tap.run(shadows, tokyo)
    tap.done()


main()

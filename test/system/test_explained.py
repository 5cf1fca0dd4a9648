#!/usr/bin/env python3
"""What a page shows of a refused join and of long lists, by real daemons: both ends of a verdict, a
trace that is given as content, the trace by what is asked for, the audit, entries page by page, and
the rows of a file that are wrong."""
import json
import os
import socket
import subprocess
import tempfile

from harness import ILS, Network, Tap, wait_until

tap = Tap()


def given(cluster, command, content, **args):
    """One request with content: the last line of the answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.path.join(cluster.data, 'control.sock'))
        s.settimeout(60)
        asked = {'command': command, 'args': args, 'bytes': len(content)}
        s.sendall(json.dumps(asked).encode() + b'\n' + content)
        for line in s.makefile('r', encoding='utf-8'):
            answer = json.loads(line)
            if 'ok' in answer:
                return answer
    raise RuntimeError('no answer to ' + command)


def trace(cluster):
    return ('\n'.join(cluster.trace_lines()) + '\n').encode()


def by_ils(*texts):
    """What `ils diagnose --json` makes of them as files."""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for i, text in enumerate(texts):
            names.append(os.path.join(folder, 'trace%d.txt' % i))
            with open(names[-1], 'wb') as handle:
                handle.write(text)
        run = subprocess.run([ILS, '--json', 'diagnose'] + names, stdout=subprocess.PIPE)
        return json.loads(run.stdout), names


def doctor(hub, spoke):
    one, two = trace(hub), trace(spoke)
    for texts in ((one,), (two,), (one, two)):
        whole, names = by_ils(*texts)
        got = given(hub, 'diagnose trace', b''.join(texts), names=names,
                    second_bytes=len(texts[1]) if len(texts) > 1 else 0)['result']
        tap.same(got.pop('attempt_count'), len(whole['attempts']), 'the attempts are counted')
        tap.same(got, whole, 'content is explained as %d file(s) are' % len(texts))
    got = given(hub, 'diagnose trace', one + one.replace(b'13]', b'17]'), max=1)['result']
    tap.same(len(got['attempts']), 1, 'as many attempts as are asked for')
    for content, args, where in ((b'hello\n', {}, 'content'), (b'', {}, 'content'),
                                 (one, {'second_bytes': len(one)}, 'second_bytes'),
                                 (one, {'names': ['a', 'b', 'c']}, 'names'),
                                 (b'\0' * ((64 << 20) + 1), {}, 'content')):
        error = given(hub, 'diagnose trace', content, **args).get('error', {})
        tap.same(error.get('where'), where, 'refused: %d bytes, %r' % (len(content), list(args)),
                 error)


def both_ends(hub, spoke, verdict):
    name = verdict['verdict_id']
    for end, dialled in ((hub, 'S'), (spoke, 'C')):
        got = end.ask('verdict', id=name)['result']
        tap.same((got['end'], got['verdict']['code'], got['finding']['code'], got['both_ends'],
                  got['whole']), (dialled, 'ILS-201', 'ILS-201', False, True),
                 'what %s knows of it' % end.name)
        kept = [row['line'] for row in got['lines']]
        tap.same(kept, [e['text'] for e in got['finding']['evidence']], 'its lines of that attempt')
    got = given(hub, 'verdict', trace(spoke), id=name, names=['osaka.txt'])['result']
    tap.same((got['both_ends'], got['finding']['pairing']), (True, 'address'), 'beside the other')
    tap.same({(e['file'], e['end']) for e in got['finding']['evidence']},
             {('this end', 'S'), ('osaka.txt', 'C')}, 'each line says whose it is')
    other = given(hub, 'verdict', trace(hub), id=name)['result']
    tap.same(other['both_ends'], False, 'the control: the same end twice is not both')
    got = hub.ask('verdict', id='00' * 8)['result']
    tap.same((got['verdict'], got['finding'], got['lines']), (None, None, []), 'an unknown verdict')
    tap.same(hub.ask('verdict', id='xyz')['error']['where'], 'id', 'no verdict at all')
    tap.same(given(hub, 'verdict', b'hello', id=name)['error']['name'], 'TRACE', 'no trace')


def filtered(hub, spoke, verdict):
    def asked(**args):
        return hub.ask('trace last', max=2000, **args)['result']
    whole = asked()
    tap.same([r['number'] for r in whole], list(range(1, len(whole) + 1)), 'records are numbered')
    tap.same(hub.ask('trace last', max=2, before=4)['result'], whole[1:3], 'a page of the trace')
    serious = asked(level='error')
    tap.ok(serious and all(r['record']['event'] in ('T10', 'T11', 'V1') for r in serious) and
           len(serious) < len(whole), 'by level', serious)
    tap.same(asked(text='VERDICT ils-201'), [r for r in whole if 'Verdict ILS-201' in r['line']],
             'by text')
    mine = asked(verdict=verdict['verdict_id'].upper())
    tap.ok(mine and all(r['record']['verdict_id'] == verdict['verdict_id'] for r in mine),
           'by verdict')
    tap.same((len(asked(address='127.0.0.1')), asked(address='127.0.0')), (len(whole), []),
             'by address, which is no part of one')
    tap.same(hub.ask('trace last', cluster='nobody')['error']['where'], 'cluster', 'of nobody')
    tap.same(hub.ask('trace last', level='loud')['error']['where'], 'level', 'no level')
    spoke.must('password', 'add', '--stdin', stdin='one\n')
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.path.join(hub.data, 'control.sock'))
        s.settimeout(20)
        s.sendall(b'{"command": "trace follow", "args": {"text": "established"}}\n'
                  b'{"command": "version"}\n')
        hub.ask('version')
        tap.same(spoke.join(hub)['code'], 'ILS-100', 'a join while somebody follows')
        told = json.loads(s.makefile('r').readline())['trace']
    tap.ok('established' in told['line'].lower(), 'he is told what he asked for', told['line'])
    wait_until(lambda: hub.cluster(spoke.name))
    of_spoke = asked(cluster=spoke.name)
    tap.ok(any(r['record']['peer_id'] for r in of_spoke) and
           len(asked(cluster=hub.name)) < len(of_spoke), 'by cluster')


def audit(hub):
    whole = hub.ask('audit')['result']
    got, before = [], {}
    while True:
        page = hub.ask('audit', max=2, **before)['result']
        got += page
        if not page:
            break
        before = {'before': page[-1]['id']}
    tap.same(got, whole, 'the audit page by page is the audit')
    tap.same(hub.ask('audit', search='AUTH set')['result'],
             [r for r in whole if r['what'].startswith('auth set')], 'the audit is searched')
    tap.same(hub.ask('audit', before='x')['error']['where'], 'before', 'no row of the audit')


def entries(hub):
    text = 'PatternType,PSTNFailover,Pattern\n' + ''.join(
        'E164,,+8166%07d\nURI,,user%d@Hub.example.com\n' % (i, i) for i in range(300))
    result = given(hub, 'plan import', text.encode(), source='HQ')
    tap.same((result.get('result') or {}).get('added'), 600, 'entries', result)
    hub.must('plan', 'add', 'E164', '+15550100')
    got, after = [], {}
    while True:
        page = hub.ask('plan show', max=70, **after)['result']
        got += page['entries']
        if page['after'] is None:
            break
        after = {'after': page['after']}
    tap.same((len({e['key'] for e in got}), len(got), page['total']), (601, 601, 601),
             'page by page all are shown once')
    page = hub.ask('plan show', max=70, source='HQ')['result']
    tap.same((len(page['entries']), page['total'], page['after'] is None), (70, 600, False),
             'a source is counted to its end')
    page = hub.ask('plan show', search='USER29', max=20)['result']
    tap.same(sorted(e['key'] for e in page['entries']),
             sorted('user%d@hub.example.com' % i for i in [29] + list(range(290, 300))),
             'by a part of their text')
    page = hub.ask('plan show', kind='E164', source='manual')['result']
    tap.same([e['key'] for e in page['entries']], ['+15550100'], 'by kind and source')
    for field, value in (('kind', 'X'), ('after', 'x'), ('search', 'x' * 600)):
        tap.same(hub.ask('plan show', **{field: value})['error']['where'], field,
                 'refused: that ' + field)


def wrong_rows(hub):
    text = 'PatternType,PSTNFailover,Pattern\nE164,,12\nBAD,,1\nURI,,nohost\n'
    error = given(hub, 'plan import', text.encode(), source='B', dry_run=True)['error']
    rows = [(r['line'], r['column']) for r in error['rows']]
    tap.same(rows, [(2, 'Pattern'), (3, 'PatternType'), (4, 'Pattern')],
             'each wrong row by line and column', error)
    tap.ok(all(r['text'] and r['value'] for r in error['rows']), 'with its text', error['rows'])


with Network() as net:
    tokyo, osaka = net.cluster('tokyo').hub('one'), net.cluster('osaka').init('two')
    refused = osaka.join(tokyo)
    tap.same(refused['code'], 'ILS-201', 'a join with another password')
    tap.run(doctor, tokyo, osaka)
    tap.run(both_ends, tokyo, osaka, refused)
    tap.run(filtered, tokyo, osaka, refused)
    tap.run(audit, tokyo)
    tap.run(entries, tokyo)
    tap.run(wrong_rows, tokyo)
tap.done()

#!/usr/bin/env python3
"""Undo, typed as the screen says it: the wrong file of the same size that is found four hours
later, the empty file, a rollback of a rollback, and a change that nobody confirms."""
import os
import re

from harness import Network, Tap, wait_until

tap = Tap()


def csv(c, name, rows):
    """A file of directory URIs beside the data; its path."""
    path = os.path.join(c.net.folder, name)
    with open(path, 'w', encoding='utf-8') as handle:
        handle.write('type,key\n' + ''.join('URI,%s\n' % row for row in rows))
    return path


def users(first, n, host='hq.example.com'):
    return ['u%05d@%s' % (i, host) for i in range(first, first + n)]


def keys(c, source=None):
    """{key: source} of this cluster's plan."""
    more = ('--source', source) if source else ()
    shown = c.json('plan', 'show', '--max', 100000, *more)
    return {e['key']: e['source'] for e in shown['entries']}


def found(c, dialled):
    return c.json('lookup', dialled)['result'] in ('local', 'found')


def typed(pattern, text):
    """What the screen says to type."""
    match = re.search(pattern, text)
    return match.group(1) if match else 'false'


def wrong_file(c):
    """The file of another site, as large as the right one; others work on meanwhile."""
    right = csv(c, 'hq.csv', users(0, 300))
    out = c.must('plan', 'import', right, '--source', 'HQ')
    tap.ok('300 added, 0 removed' in out and 'ils plan rollback 1' in out,
           'an import says what it did and how it is taken back', out)
    c.must('plan', 'import', csv(c, 'branch.csv', users(0, 50, 'branch.example.com')), '--source',
           'Branch')
    before = keys(c)
    wrong = csv(c, 'wrong.csv', users(150, 300))
    out = c.must('plan', 'import', wrong, '--source', 'HQ')
    tap.ok('150 added, 150 removed' in out, 'the wrong file', out)
    c.must('plan', 'import', csv(c, 'branch2.csv', users(0, 60, 'branch.example.com')), '--source',
           'Branch')
    c.must('plan', 'add', 'URI', 'door@hq.example.com')
    tap.ok(not found(c, 'u00010@hq.example.com'), 'callers miss somebody')
    out = c.must('plan', 'log')
    line = next((line for line in out.splitlines() if 'wrong' in line or
                 ('HQ' in line and '+150 -150' in line)), '')
    tap.ok(line != '', 'the log shows the change', out)
    number = line.split()[0]
    shown = c.must('plan', 'log', number)
    tap.ok('removed' in shown and 'u00010@hq.example.com' in shown or '100 shown of 300' in shown,
           'and its keys', shown)
    page = c.json('plan', 'log', number, '--skip', 150, '--max', 20)
    tap.ok(page['total'] == 300 and len(page['keys']) == 20 and
           all(k['what'] == 'removed' for k in page['keys']) and
           page['keys'][10]['key'] == 'u00010@hq.example.com', 'in pages', page)
    status, out = c.shell(typed(r'(ils plan rollback \d+)', shown))
    tap.ok(status == 0 and '150 added, 150 removed' in out, 'what the screen says takes it back',
           out)
    after = keys(c)
    tap.same({k: s for k, s in after.items() if s == 'HQ'},
             {k: s for k, s in before.items() if s == 'HQ'}, 'the source is as it was')
    tap.ok(sum(s == 'Branch' for s in after.values()) == 60 and 'door@hq.example.com' in after,
           'what others did since then stays')
    tap.ok(found(c, 'u00010@hq.example.com') and not found(c, 'u00400@hq.example.com'),
           'lookups are as they were')
    return out


def again(c, out):
    """A rollback is a change like any other."""
    status, out = c.shell(typed(r'(ils plan rollback \d+)', out))
    tap.ok(status == 0 and '150 added, 150 removed' in out, 'a rollback is taken back', out)
    tap.ok(not found(c, 'u00010@hq.example.com') and found(c, 'u00400@hq.example.com'),
           'and the wrong file is there again')
    status, out = c.shell(typed(r'(ils plan rollback \d+)', out))
    tap.ok(status == 0 and found(c, 'u00010@hq.example.com'), 'and away again', out)
    log = c.json('plan', 'log')['changes']
    tap.ok(log[0]['undoes'] == log[0]['number'] - 1 and log[1]['undoes'] == log[1]['number'] - 1 and
           log[0]['who'].startswith('root') or os.geteuid() != 0, 'the log says which', log[:2])


def touched(c):
    """Keys that later changes touched stay as they made them."""
    first = csv(c, 'small.csv', ['a@small.example.com', 'b@small.example.com'])
    one = c.json('plan', 'import', first, '--source', 'Small')['number']
    c.must('plan', 'import', csv(c, 'small2.csv', ['a@small.example.com', 'c@small.example.com']),
           '--source', 'Small')
    out = c.must('plan', 'rollback', one)
    tap.ok('0 added, 1 removed' in out and 'left as later changes made them: 1' in out and
           'b@small.example.com (change %d)' % (one + 1) in out, 'what a later change touched is '
           'named and left', out)
    tap.same(sorted(keys(c, 'Small')), ['c@small.example.com'], 'the others are taken back')
    out = c.must('plan', 'rollback', '--to', one)
    tap.same(sorted(keys(c, 'Small')), ['a@small.example.com', 'b@small.example.com'],
             'back to a moment', out)
    out = c.must('plan', 'rollback', '--to', one - 1)
    tap.same(sorted(keys(c, 'Small')), [], 'and to the one before', out)
    for words, sentence in ((['plan', 'rollback', 100000], 'no change 100000'),
                            (['plan', 'log', 100000], 'no change 100000'),
                            (['plan', 'rollback', '--to', 100000], 'no change 100000'),
                            (['plan', 'rollback'], 'wants the number'),
                            (['plan', 'rollback', 1, '--to', 1], 'wants the number')):
        status, out = c.ils(*words)
        tap.ok(status != 0 and sentence in c.error and 'ils plan log' in c.error,
               'refused: ' + ' '.join(map(str, words)), c.error)


def empty(c):
    """A file that is suddenly empty, or short."""
    held = keys(c, 'HQ')
    for name, rows in (('empty.csv', []), ('short.csv', users(0, 100))):
        status, out = c.ils('plan', 'import', csv(c, name, rows), '--source', 'HQ')
        tap.ok(status == 1 and '%d of 300' % (300 - len(rows)) in c.error and
               '--dry-run' in c.error and '--confirm' in c.error,
               name + ' is refused, with numbers', c.error)
    tap.same(keys(c, 'HQ'), held, 'nothing was changed')
    out = c.must('plan', 'import', csv(c, 'half.csv', users(0, 150)), '--source', 'HQ')
    tap.ok('150 removed' in out, 'half of it may go', out)
    c.shell(typed(r'(ils plan rollback \d+)', out))
    out = c.must('plan', 'import', csv(c, 'empty.csv', []), '--source', 'HQ', '--force')
    tap.ok('300 removed' in out and keys(c, 'HQ') == {}, 'by force', out)
    status, out = c.shell(typed(r'(ils plan rollback \d+)', out))
    tap.same(keys(c, 'HQ'), held, 'and it comes back', out)


def unconfirmed(c):
    """A change that nobody confirms goes away by itself, also after kill -9."""
    held = keys(c)
    short = csv(c, 'short.csv', users(0, 100))
    out = c.must('plan', 'import', short, '--source', 'HQ', '--confirm', '2s')
    tap.ok('200 removed' in out and 'ils plan confirm' in out, 'an import on trial', out)
    tap.ok(wait_until(lambda: keys(c) == held), 'it was not confirmed and went away')
    log = c.json('plan', 'log')['changes'][0]
    tap.ok(log['who'] == 'ilsd' and 'not confirmed' in log['what'], 'the log says why', log)
    tap.ok(any('not confirmed' in row['what'] for row in c.json('audit')), 'the audit as well')
    tap.ok(c.json('status')['confirm'] is None, 'nothing waits any more')
    status, out = c.ils('plan', 'confirm')
    tap.ok(status == 1 and 'no change waits' in c.error, 'too late to confirm it', c.error)

    out = c.must('plan', 'import', short, '--source', 'HQ', '--confirm', '1h')
    out = c.must('status')
    tap.ok('ils plan confirm' in out, 'status says what waits', out)
    status, _ = c.ils('plan', 'import', short, '--source', 'Branch', '--confirm', '1h')
    tap.ok(status == 1 and 'waits to be confirmed already' in c.error, 'one at a time', c.error)
    c.kill()
    c.start()
    tap.ok('ils plan confirm' in c.must('status') and len(keys(c, 'HQ')) == 100,
           'it waits on after kill -9')
    c.must('plan', 'confirm')
    tap.ok(c.json('status')['confirm'] is None and len(keys(c, 'HQ')) == 100 and
           c.json('status')['health'] == 'healthy', 'confirmed, it stays, and nobody holds it back',
           c.must('status'))
    c.kill()
    c.start()
    tap.ok(c.json('status')['confirm'] is None and len(keys(c, 'HQ')) == 100,
           'also over a restart')
    status, out = c.shell('ils plan rollback %d' % c.json('plan', 'log')['changes'][0]['number'])
    tap.same(keys(c), held, 'and can be taken back by hand', out)

    c.must('plan', 'import', short, '--source', 'HQ', '--confirm', '3s')
    c.kill()
    c.start()
    tap.ok(wait_until(lambda: keys(c) == held), 'what was on trial when it was killed goes away')
    c.must('plan', 'import', short, '--source', 'HQ', '--confirm', '1h')
    c.must('plan', 'rollback', c.json('plan', 'log')['changes'][0]['number'])
    tap.ok(c.json('status')['confirm'] is None and keys(c) == held,
           'taken back by hand, nothing waits')
    status, _ = c.ils('plan', 'import', short, '--source', 'HQ', '--confirm', 'soon')
    tap.ok(status == 64 and 'soon' in c.error, 'a span of time has a unit', c.error)


def dry_run(c, net):
    """What would come and go, and who would be called then, here and at the others."""
    osaka = net.cluster('osaka').init('one')
    nara = net.cluster('nara').init('one')
    tap.ok(osaka.join(c)['code'] == nara.join(c)['code'] == 'ILS-100', 'two others join')
    osaka.must('plan', 'import', csv(osaka, 'o.csv', ['moved@x.example.com', 'o@x.example.com']),
               '--source', 'O')
    nara.must('plan', 'add', 'URI', 'n@x.example.com')
    tap.ok(wait_until(lambda: c.json('lookup', 'moved@x.example.com')['result'] != 'no_match' and
                      c.json('lookup', 'n@x.example.com')['result'] != 'no_match' and
                      nara.json('lookup', 'o@x.example.com')['result'] != 'no_match'),
           'their plans are here')
    held, last = keys(c), c.json('plan', 'log')['last']
    path = csv(c, 'x.csv', ['moved@x.example.com', 'n@x.example.com', 'new@x.example.com'])
    out = c.must('plan', 'import', path, '--source', 'X', '--dry-run')
    tap.ok('nothing was changed' in out and '3 added' in out and 'new@x.example.com' in out,
           'a dry run says what would be', out)
    r = c.json('plan', 'import', path, '--source', 'X', '--dry-run')
    rows = sorted((t['where'], t['was'] or '', t['becomes'] or '', t['except'] or '', t['strings'])
                  for t in r['targets'])
    tap.same(rows, sorted([
        ('here', 'osaka', 'tokyo', '', 1), ('here', 'nara', 'tokyo', '', 1),
        ('here', '', 'tokyo', '', 1), ('others', '', 'tokyo', '', 1)]),
        'who would answer: here one\'s own; elsewhere the smaller id stays', r)
    tap.same((keys(c), c.json('plan', 'log')['last']), (held, last), 'and nothing is done')
    zone = net.cluster('zone').init('one')
    tap.ok(zone.join(c)['code'] == 'ILS-100', 'one whose id is greater joins')
    zone.must('plan', 'add', 'URI', 'z@x.example.com')
    tap.ok(wait_until(lambda: c.json('lookup', 'z@x.example.com')['result'] != 'no_match'), 'too')
    r = c.json('plan', 'add', 'URI', 'z@x.example.com', '--dry-run')
    tap.ok([t for t in r['targets'] if t['where'] == 'others' and t['was'] == 'zone' and
            t['becomes'] == 'tokyo' and t['except'] == 'zone'],
           'at the others a smaller id takes it away', r)
    c.must('plan', 'import', path, '--source', 'X')
    for at, dialled, cluster in ((c, 'moved', 'tokyo'), (nara, 'moved', 'osaka'),
                                 (nara, 'new', 'tokyo'), (osaka, 'n', 'nara')):
        tap.ok(wait_until(lambda at=at, dialled=dialled, cluster=cluster: (at.json(
            'lookup', dialled + '@x.example.com')['match'] or {}).get('cluster_id') == cluster),
            'so it is: %s at %s' % (dialled, at.name))
    number = c.json('plan', 'log')['last']
    c.must('block', 'add', '--cluster', 'nara')
    r = c.json('plan', 'rollback', number, '--dry-run')
    tap.ok(('here', 'tokyo', None) in [(t['where'], t['was'], t['becomes']) for t in r['targets']]
           and not any(t['where'] == 'here' and t['becomes'] == 'nara' for t in r['targets']),
           'who is blocked here does not answer then', r)
    out = c.must('plan', 'rollback', number, '--dry-run')
    r = c.json('plan', 'rollback', number, '--dry-run')
    tap.ok('3 removed' in out and ('here', 'tokyo', 'osaka') in
           [(t['where'], t['was'], t['becomes']) for t in r['targets']], 'of a rollback', out)
    out = c.must('plan', 'remove', 'URI', 'new@x.example.com', '--dry-run')
    tap.ok('1 removed' in out and 'nobody' in out and found(c, 'new@x.example.com'),
           'of an entry by hand', out)
    out = c.must('plan', 'import', csv(c, 'empty.csv', []), '--source', 'HQ', '--dry-run')
    tap.ok('refused without --confirm or --force: 300 of 300' in out,
           'of an empty file, which would be refused', out)
    status, _ = c.ils('plan', 'add', 'URI', 'moved@x.example.com', '--dry-run')
    tap.ok(status == 1 and 'another source' in c.error, 'of what would be refused', c.error)
    c.must('block', 'remove', c.json('block', 'list')[0]['rule'])
    patterns(c, osaka, nara)


def targets(result):
    return sorted((t['cluster'] or t['where'], t['was'] or '', t['becomes'] or '', t['strings'],
                   t['patterns']) for t in result['targets'])


def patterns(c, osaka, nara):
    """A pattern is what it matches: strings counted one by one, or of too many examples."""
    osaka.must('plan', 'add', 'ENTERPRISEPATTERN', '81!')
    nara.must('plan', 'add', 'ENTERPRISEPATTERN', '81XX')
    nara.must('plan', 'add', 'ENTERPRISE', '8105')
    tap.ok(wait_until(lambda: c.json('lookup', '8105')['match'] and c.json('lookup', '81')['longer']
                      and (c.json('lookup', '8111')['match'] or {}).get('cluster_id') == 'nara'),
           'patterns of others are here')
    r = c.json('plan', 'add', 'ENTERPRISEPATTERN', '81XX', '--dry-run')
    tap.same(targets(r), [('here', 'nara', 'tokyo', 99, 0)],
             'here the pattern takes all but the number; at the others nara is the smaller one', r)
    r = c.json('plan', 'add', 'ENTERPRISEPATTERN', '810X', '--dry-run')
    tap.same(targets(r), [('here', 'nara', 'tokyo', 9, 0), ('others', 'nara', 'tokyo', 9, 0)],
             'a more specific one takes them everywhere', r)
    out = c.must('plan', 'add', 'ENTERPRISEPATTERN', '8XXXXXX', '--dry-run')
    r = c.json('plan', 'add', 'ENTERPRISEPATTERN', '8XXXXXX', '--dry-run')
    tap.ok(('here', '', 'tokyo', 1, 1) in targets(r) and r['by_example'] == 1 and
           '1, of patterns: 1' in out and 'examples were looked up' in out,
           'of a large one there are examples', r, out)
    r = c.json('plan', 'add', 'ENTERPRISEPATTERN', '8!', '--dry-run')
    tap.ok(('here', '', 'tokyo', 1, 1) in targets(r) and
           not any(t['was'] == 'osaka' for t in r['targets']), 'less specific than others', r)
    c.must('plan', 'add', 'ENTERPRISEPATTERN', '810X')
    r = c.json('plan', 'remove', 'ENTERPRISEPATTERN', '810X', '--dry-run')
    tap.same(targets(r), [('here', 'tokyo', 'nara', 9, 0), ('others', 'tokyo', 'nara', 9, 0)],
             'and when it goes', r)


def once_more(c):
    """The same file again changes nothing; as soon as the plan is another, it is read as ever."""
    def take(*more):
        r = c.json('plan', 'import', file, '--source', 'Same', *more)
        return r['added'], r['removed'], r['changed'], r['number'] is None
    file = csv(c, 'same.csv', users(700, 5, 'same.example.com'))
    tap.same([take(), take(), take()], [(5, 0, 0, False)] + [(0, 0, 0, True)] * 2,
             'the same file, three times')
    c.must('plan', 'remove', 'URI', 'u00702@same.example.com')
    tap.same([take(), take()], [(1, 0, 0, False), (0, 0, 0, True)], 'what was taken away is back')
    c.must('plan', 'rollback', c.json('plan', 'log', '--max', 1)['last'])
    tap.same(take(), (1, 0, 0, False), 'so is what a rollback took')
    csv(c, 'same.csv', users(700, 6, 'same.example.com'))
    tap.same([take(), take()], [(1, 0, 0, False), (0, 0, 0, True)], 'another file of that name')
    r = c.json('plan', 'import', file, '--source', 'Same', '--dry-run')
    tap.ok(r['unchanged'] == 6, 'a dry run counts what stays', r)
    status, _ = c.ils('plan', 'import', file, '--source', 'Other')
    tap.ok(status != 0, 'the keys of the file are of that source and no other', c.error)
    c.restart()
    tap.same(take(), (0, 0, 0, True), 'and after a restart')


def main():
    with Network() as net:
        c = net.cluster('tokyo').hub('one')
        out = wrong_file(c)
        tap.run(again, c, out)
        tap.run(touched, c)
        tap.run(empty, c)
        tap.run(unconfirmed, c)
        tap.run(once_more, c)
        tap.run(dry_run, c, net)
    tap.done()


main()

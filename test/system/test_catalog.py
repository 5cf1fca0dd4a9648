#!/usr/bin/env python3
"""Imported catalogs: two hubs and a spoke. A catalog is everybody's, routed by its own route
string; it is undone like the plan; a hub that has one does not become a spoke; another hub takes it
over; restarts keep it."""
import os

from harness import Network, Tap, wait_until

tap = Tap()


def csv(c, name, rows):
    path = os.path.join(c.net.folder, name)
    with open(path, 'w', encoding='utf-8') as handle:
        handle.write('PatternType,PSTNFailover,Pattern\n' + ''.join(row + '\n' for row in rows))
    return path


def refused(c, name, words, status, *parts):
    got, out = c.ils(*words)
    tap.ok(got == status and all(part in c.error for part in parts), name, got, out, c.error)


def answer(c, dialled):
    """Who answers, and where the call goes."""
    found = c.json('lookup', dialled)
    match = found['match'] or {}
    return match.get('cluster_id'), match.get('local'), [t['uri'] for t in found['targets']]


def everywhere(clusters, dialled, cluster):
    return wait_until(lambda: all(answer(c, dialled)[0] == cluster for c in clusters))


def listed(c, name):
    for row in c.json('catalog', 'list'):
        if row['name'] == name:
            return row
    return None


def added(one, two, spoke):
    refused(spoke, 'a spoke imports no catalogs', ['catalog', 'add', 'Old', '--route-string',
                                                   'old.example.com'], 1, 'only a hub')
    refused(one, 'it wants a route string', ['catalog', 'add', 'Old'], 64, '--route-string')
    refused(one, 'a name is one', ['catalog', 'add', 'Old PBX', '--route-string', 'o.example.com'],
            1, "'Old PBX'")
    refused(one, 'it is not a cluster', ['catalog', 'add', 'two', '--route-string',
                                         'o.example.com'], 1, "'two' is the name of")
    refused(one, 'a route string is one', ['catalog', 'add', 'Old', '--route-string', 'a..b'], 1,
            "'a..b'")
    one.must('catalog', 'add', 'OldPBX', '--route-string', 'Old.Example.com', '--description',
             'in the cellar')
    refused(one, 'once', ['catalog', 'add', 'oldpbx', '--route-string', 'o.example.com'], 1,
            'already')
    row = listed(one, 'OldPBX')
    tap.ok(row['local'] and row['route_string'] == 'old.example.com' and
           row['description'] == 'in the cellar' and row['entries'] == 0, 'it is listed', row)
    out = one.must('catalog', 'import', 'OldPBX', csv(one, 'old.csv', [
        'URI,,carl@old.example.com', 'ENTERPRISE,,70001', 'E164,,+81370001']))
    tap.ok('3 added' in out and 'ils plan rollback' in out, 'and filled', out)
    tap.ok(everywhere((one, two, spoke), 'carl@old.example.com', 'OldPBX'), 'all answer it')
    for c in (one, two, spoke):
        c.must('route', 'add', '*.example.com', 'sip:10.9.9.9')
    for c in (one, spoke):
        tap.same(answer(c, '70001'), ('OldPBX', False, ['sip:70001@10.9.9.9']),
                 'its entries go where its route string goes: at ' + c.name)
    for c in (one, two, spoke):
        rows = [r for r in c.json('clusters') if r['cluster_id'] == 'OldPBX']
        tap.ok(len(rows) == 1 and rows[0]['role'] == 'Imported catalog' and
               rows[0]['entries'] == 3 and rows[0]['imported_by'] == 'one', 'in the table of '
               'clusters of ' + c.name, rows)
    tap.ok(wait_until(lambda: spoke.json('sync')['catalogs'][0]['status'] == 'Up to date'),
           'in ils sync', spoke.json('sync'))
    tap.ok(listed(two, 'OldPBX')['peer_id'] == listed(one, 'OldPBX')['peer_id'] ==
           listed(spoke, 'OldPBX')['peer_id'], 'with the same id everywhere')
    tap.ok('in the cellar' in one.must('catalog', 'list') and
           'OldPBX' in spoke.must('catalog', 'list') and 'OldPBX' in spoke.must('sync'),
           'as tables')


def undone(one, two, spoke):
    """The log and its rollback know whose change it was."""
    one.must('plan', 'add', 'URI', 'own@one.example.com')
    out = one.must('catalog', 'import', 'OldPBX', csv(one, 'wrong.csv', [
        'URI,,dora@old.example.com', 'ENTERPRISE,,70001']))
    tap.ok('1 added, 2 removed' in out, 'the wrong file', out)
    tap.ok(everywhere((one, two, spoke), 'dora@old.example.com', 'OldPBX'), 'is everywhere')
    log = one.json('plan', 'log')['changes']
    tap.ok(log[0]['stream'] == 2 and log[0]['source'] == 'OldPBX' and log[1]['stream'] == 1,
           'the log has both', log)
    out = one.must('plan', 'rollback', log[0]['number'], '--dry-run')
    tap.ok('2 added, 1 removed' in out, 'a dry run', out)
    out = one.must('plan', 'rollback', log[0]['number'])
    tap.ok('2 added, 1 removed' in out and
           everywhere((one, two, spoke), 'carl@old.example.com', 'OldPBX') and
           everywhere((one, two, spoke), 'dora@old.example.com', None) and
           answer(one, 'own@one.example.com')[1], 'it is taken back, and the plan is not touched',
           out)
    refused(one, 'an unknown one', ['catalog', 'import', 'None', csv(one, 'x.csv', [])], 1,
            "'None'", 'ils catalog list')


def kept(one, two, spoke):
    one.kill()
    one.start()
    row = listed(one, 'OldPBX')
    tap.ok(row['local'] and row['entries'] == 3 and row['description'] == 'in the cellar',
           'kill -9 and a restart keep it', row)
    tap.ok(everywhere((one, two, spoke), 'carl@old.example.com', 'OldPBX'), 'and it is served')
    one.must('catalog', 'import', 'OldPBX', csv(one, 'more.csv', [
        'URI,,carl@old.example.com', 'ENTERPRISE,,70001', 'E164,,+81370001', 'ENTERPRISE,,70002']))
    tap.ok(everywhere((one, two, spoke), '70002', 'OldPBX'), 'and written on')


def moved(one, two, spoke):
    """The hub is to become a spoke: another hub takes the catalog over."""
    tap.ok(wait_until(lambda: two.cluster('one') is not None and two.cluster('one')['linked']),
           'the hubs are linked')
    for words in (['role', 'spoke'], ['role', 'standalone'], ['leave', '--yes']):
        refused(one, 'refused while it has catalogs: ' + ' '.join(words), words, 1, 'OldPBX',
                'ils catalog remove', 'ils catalog adopt')
    refused(two, 'of a cluster that has it not', ['catalog', 'adopt', 'OldPBX', '--from', 'leaf'],
            1, "'OldPBX'")
    out = two.must('catalog', 'adopt', 'OldPBX', '--from', 'one')
    tap.ok('4 added' in out, 'the other hub takes it over', out)
    one.must('catalog', 'remove', 'OldPBX')
    tap.ok(wait_until(lambda: [r['cluster'] for r in spoke.json('catalog', 'list')] == ['two'] and
                      [r['cluster'] for r in one.json('catalog', 'list')] == ['two']),
           'the first one removes its own: it is the other one\'s now',
           spoke.json('catalog', 'list'))
    tap.ok(everywhere((one, two, spoke), '70002', 'OldPBX'), 'and nobody misses anything')
    one.must('role', 'spoke')
    tap.same(one.json('status')['role'], 'Spoke', 'the first one becomes a spoke')


def removed(one, two, spoke):
    two.must('catalog', 'remove', 'OldPBX')
    tap.ok(wait_until(lambda: not any(c.json('catalog', 'list') for c in (one, two, spoke))),
           'removed, it goes everywhere')
    tap.ok(everywhere((one, two, spoke), '70002', None), 'and is answered no more')
    two.kill()
    two.start()
    tap.ok(two.json('catalog', 'list') == [], 'also after a restart')
    refused(two, 'once', ['catalog', 'remove', 'OldPBX'], 1, "'OldPBX'")
    log = two.json('plan', 'log')['changes']
    refused(two, 'and its changes are not taken back',
            ['plan', 'rollback', log[1]['number']], 1, 'not there any more', 'OldPBX')
    tap.ok((log[0]['catalog'], log[0]['catalog_was'], log[0]['removed']) == ('OldPBX', 'removed', 4)
           and (log[1]['catalog'], log[1]['catalog_was']) == ('OldPBX', 'added'),
           'but the log has its life', log)
    out = two.must('plan', 'rollback', log[0]['number'], '--dry-run')
    tap.ok('4 added' in out and 'OldPBX would be there again' in out and
           not two.json('catalog', 'list'), 'a dry run of bringing it back', out)
    status, out = two.shell('ils plan rollback %d' % log[0]['number'])
    tap.ok(status == 0 and '4 added' in out and 'OldPBX is there again' in out, 'it comes back',
           out)
    tap.ok(everywhere((one, two, spoke), '70002', 'OldPBX') and
           listed(spoke, 'OldPBX')['route_string'] == 'old.example.com', 'with all that it had')
    refused(two, 'not twice', ['plan', 'rollback', log[0]['number']], 1, "'OldPBX'", 'already')
    two.kill()
    two.start()
    tap.ok(listed(two, 'OldPBX')['entries'] == 4, 'also after a restart')
    out = two.must('catalog', 'remove', 'OldPBX')
    tap.ok('4 removed' in out and 'ils plan rollback' in out, 'it is removed once more', out)
    two.must('catalog', 'add', 'OldPBX', '--route-string', 'new.example.com')
    two.must('catalog', 'import', 'OldPBX', csv(two, 'new.csv', ['ENTERPRISE,,70009']))
    tap.ok(everywhere((one, two, spoke), '70009', 'OldPBX') and
           listed(spoke, 'OldPBX')['route_string'] == 'new.example.com', 'and made anew')


def together(one, two, spoke):
    """Back to a moment: the plan and every catalog."""
    two.must('catalog', 'add', 'Fax', '--route-string', 'fax.example.com')
    two.must('catalog', 'import', 'Fax', csv(two, 'fax.csv', ['ENTERPRISE,,80001']))
    two.must('plan', 'add', 'URI', 'two@two.example.com')
    moment = two.json('plan', 'log')['last']
    refused(two, 'what was filled since is not unmade alone',
            ['plan', 'rollback', moment - 2], 1, "'Fax' was changed", 'ils plan rollback --to')
    two.must('catalog', 'remove', 'OldPBX')
    two.must('catalog', 'add', 'OldPBX', '--route-string', 'other.example.com')
    two.must('catalog', 'import', 'OldPBX', csv(two, 'other.csv', ['ENTERPRISE,,70099']))
    two.must('catalog', 'add', 'Door', '--route-string', 'door.example.com')
    two.must('catalog', 'import', 'Fax', csv(two, 'fax2.csv', ['ENTERPRISE,,80002']))
    two.must('plan', 'remove', 'URI', 'two@two.example.com')
    tap.ok(everywhere((one, two, spoke), '80002', 'Fax') and
           everywhere((one, two, spoke), '70099', 'OldPBX'), 'much is changed')
    out = two.must('plan', 'rollback', '--to', moment, '--dry-run')
    tap.ok('Door would be removed' in out and 'OldPBX would be there again' in out and
           '3 added, 2 removed' in out, 'a dry run of all that', out)
    last = two.json('plan', 'log')['last']
    r = two.json('plan', 'rollback', '--to', moment)
    tap.ok(sorted((c['name'], c['what']) for c in r['catalogs']) ==
           [('Door', 'removed'), ('OldPBX', 'added'), ('OldPBX', 'removed')] and
           (r['added'], r['removed']) == (3, 2), 'back to a moment', r)
    tap.same(sorted((c['name'], c['route_string'], c['entries'])
                    for c in two.json('catalog', 'list')),
             [('Fax', 'fax.example.com', 1), ('OldPBX', 'new.example.com', 1)],
             'the catalogs are those of then')
    tap.ok(all(everywhere((one, two, spoke), dialled, who) for dialled, who in (
        ('80001', 'Fax'), ('80002', None), ('70009', 'OldPBX'), ('70099', None))) and
        answer(two, 'two@two.example.com')[1], 'and everybody answers so')
    log = two.json('plan', 'log')['changes'][:two.json('plan', 'log')['last'] - last]
    tap.ok(len(log) == 5 and all(c['undoes'] == moment and c['undoes_to'] for c in log),
           'each of them is in the log', log)
    r = two.json('plan', 'rollback', '--to', moment)
    tap.ok((r['added'], r['removed'], r['catalogs']) == (0, 0, []), 'nothing is left to do', r)


def trial(two):
    """What is on trial in a catalog that is removed meanwhile goes with it."""
    two.must('catalog', 'import', 'Fax', csv(two, 'fax3.csv', ['ENTERPRISE,,80003']),
             '--confirm', '2s')
    two.must('catalog', 'remove', 'Fax')
    tap.ok(wait_until(lambda: two.json('status')['confirm'] is None),
           'nothing waits to be confirmed', two.must('status'))


def main():
    with Network() as net:
        one = net.cluster('one').hub('secret')
        two = net.cluster('two').init('secret')
        spoke = net.cluster('leaf').init('secret')
        two.must('join', '127.0.0.1:%d' % one.port, '--as', 'hub')
        tap.ok(spoke.join(two)['code'] == 'ILS-100', 'two hubs and a spoke')
        serves = two.json('identity')['peer_id']
        tap.ok(wait_until(lambda: (one.cluster('leaf') or {}).get('hub') == serves),
               'the other hub knows which of them serves the spoke', one.json('clusters'))
        for part in (added, undone, kept, moved, removed, together):
            tap.run(part, one, two, spoke)
        tap.run(trial, two)
    tap.done()


main()

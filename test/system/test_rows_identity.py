#!/usr/bin/env python3
"""Rows G4, G5 and G6 of the join: a cluster id that is there twice or was never chosen, a copy of a
cluster, another network. Real daemons and the real CLI: who is refused and who works on, the
words at
both ends, and the remedy typed as it is printed."""
import os
import re
import shutil
import sqlite3

from harness import wait_until
from rows import (BOTH, JOINS_AT_C, PWD, ROLES, TLS, WAY_ALARM, End, Watch, both_traces, cure,
                  has_alarm, has_trace, join, joined_nobody, keep, knows_nobody, linked, no_alarm,
                  run_all, same_verdict, see_doctor, texts, type_remedy, values)

ID_ALARM = 'ILSDuplicateClusterID'
REFUSED_AGAIN = 75 # who was refused tries again after a minute


def end_of(method):
    return End(method, 'SS' if 'tls' in method else None, 'imp' if 'tls' in method else '')


def ends(net, method, *names):
    """Clusters that would be let in by S: the first of the names."""
    end = end_of(method)
    made = [end.make(net, name) for name in names]
    for c in made:
        for other in made:
            if c is not other:
                end.trust(c, other)
        end.authenticate(c)
        c.trusted = c.json('trust', 'list')['store']
        c.must('route', 'add', '*', 'sip:127.0.0.1:5060;transport=tcp')
    made[0].must('role', 'hub')
    return made


def number(c, digits):
    c.must('plan', 'add', 'E164', digits)


def finds(c, digits):
    return wait_until(lambda: c.ils('lookup', digits)[0] == 0, 10)


def called(c, name):
    """From now on the cluster is known by that id."""
    c.name = name


def refused(part, c, s, v, code, wc, ws):
    part.same(v['code'], code, 'the verdict', v, *both_traces(wc, ws))
    same_verdict(part, s, v)
    has_trace(part, wc, ['T4', 'T5', 'T7', 'T18'], values(c, s, v, 'C'), [ws])
    has_trace(part, ws, ['T1', 'T2', 'T22'], values(c, s, v, 'S'), [wc])
    joined_nobody(part, wc, ws)


def status_says(part, c, *words):
    """Standard output of ils status, and its exit."""
    def there():
        code, out = c.ils('status')
        return (code, out) if all(re.search(w, out) for w in words) else None
    seen = wait_until(there, 5)
    code, out = seen or c.ils('status')
    part.ok(seen, 'status at %s says %s' % (c.name, ' and '.join(words)), out)
    part.same(code, 1, 'and that all is not well', out)


# --- G4

def g4_hub(part, net, method, role):
    """C has the id of the hub that it joins."""
    s, c, f = ends(net, method, 'S', 'C', 'F')
    part.same(join(f, s, method)['code'], 'ILS-100', 'the first is there')
    number(f, '+81311110000')
    c.must('describe', '--cluster-id', 's') # the same without case
    called(c, 's')
    wc, ws = Watch(c), Watch(s)
    v = join(c, s, method, role)
    refused(part, c, s, v, 'ILS-501', wc, ws)
    has_alarm(part, c, ID_ALARM, 's')
    has_alarm(part, s, ID_ALARM, 's')
    knows_nobody(part, c)
    part.same(len(s.json('clusters')), 2, 'S has learnt nothing', s.json('clusters'))
    part.ok(linked(f, s) and finds(s, '+81311110000'), 'the first works on')
    see_doctor(part, keep(part, c, s), 'G4')
    fresh = 's-' + c.json('status')['peer_id'][:4]
    part.same(v['remedy'], 'ils describe --cluster-id ' + fresh, 'the remedy has an id for it')
    status_says(part, c, 'the cluster id s is in use twice', v['remedy'])
    status_says(part, s, 'the cluster id s is in use twice: the cluster at ', v['remedy'])
    called(c, fresh)
    cure(part, c, s, v, JOINS_AT_C, lambda: join(c, s, method, role))
    part.ok(finds(c, '+81311110000'), 'and it knows of the first')
    part.ok(wait_until(lambda: not [a for a in c.json('alarms') if a['active']], 5),
            'its alarm is over', c.json('alarms'))


def g4_spoke(part, net, method, role):
    """C has the id of a spoke that is there."""
    s, c, f = ends(net, method, 'S', 'C', 'F')
    part.same(join(f, s, method)['code'], 'ILS-100', 'the first is there')
    number(f, '+81311110000')
    part.ok(finds(s, '+81311110000'), 'and known')
    c.must('describe', '--cluster-id', 'F')
    called(c, 'F')
    wc, ws = Watch(c), Watch(s)
    v = join(c, s, method, role)
    refused(part, c, s, v, 'ILS-501', wc, ws)
    has_alarm(part, c, ID_ALARM, 'F')
    has_alarm(part, s, ID_ALARM, 'F')
    no_alarm(part, f)
    knows_nobody(part, c)
    part.ok(linked(f, s) and finds(s, '+81311110000'), 'the first works on')
    see_doctor(part, keep(part, c, s), 'G4')
    called(c, 'F-' + c.json('status')['peer_id'][:4])
    cure(part, c, s, v, JOINS_AT_C, lambda: join(c, s, method, role))


def g4_gone(part, net):
    """The id is that of a cluster that is gone for good: the hub's operator may forget it."""
    s, c, f = ends(net, PWD, 'S', 'C', 'F')
    part.same(join(f, s, PWD)['code'], 'ILS-100', 'the first was there')
    wait_until(lambda: linked(f, s), 10)
    s.must('sync', 'every', '1')
    f.must('sync', 'every', '1')
    part.ok(wait_until(lambda: s.cluster('F') is not None, 5), 'it is known')
    f.kill()
    c.must('describe', '--cluster-id', 'F')
    called(c, 'F')
    v = join(c, s, PWD)
    part.same(v['code'], 'ILS-501', 'the verdict', v)
    code, out = s.ils('forget', 'F')
    part.same(code, 0, 'S forgets the first', out, s.error)
    v = join(c, s, PWD)
    part.same(v['code'], 'ILS-100', 'then C joins with its id', v, *texts(s)[-5:])


def g4_default(part, net, role):
    """C was never given an id of its own: its store comes from elsewhere."""
    s, c, f = ends(net, PWD, 'S', 'C', 'F')
    part.same(join(f, s, PWD)['code'], 'ILS-100', 'the first is there')
    c.stop()
    store = sqlite3.connect(os.path.join(c.data, 'ilsd.db'))
    with store:
        n = store.execute("update setting set value = cast('StandAloneCluster' as blob) "
                          "where key = cast('cluster_id' as blob)").rowcount
    store.close()
    part.same(n, 1, 'its id is the default')
    c.start()
    called(c, 'StandAloneCluster')
    wc, ws = Watch(c), Watch(s)
    v = join(c, s, PWD, role)
    refused(part, c, s, v, 'ILS-503', wc, ws)
    has_alarm(part, c, ID_ALARM, 'StandAloneCluster')
    has_alarm(part, s, ID_ALARM, 'StandAloneCluster')
    knows_nobody(part, c)
    part.ok(linked(f, s), 'the first works on')
    see_doctor(part, keep(part, c, s), 'G4')
    part.same(v['remedy'], 'ils init --cluster-id ID --fqdn NAME', 'the remedy')
    v['remedy'] = v['remedy'].replace(' ID', ' C').replace('NAME', 'c.example.com')
    called(c, 'C')
    part.same(v['remedy_at'], 'here', 'it is typed at C', v)
    type_remedy(part, c, v)
    c.must('auth', 'set', '--tls', 'off', '--password', 'on')
    part.same(join(c, s, PWD, role)['code'], 'ILS-100', 'then it joins')


# --- G5

def copied(net, c, name):
    """The data directory of the running c, under another name and with ports of its own."""
    d = net.cluster(name, start=False)
    shutil.rmtree(d.data)
    shutil.copytree(c.data, d.data, ignore=shutil.ignore_patterns('*.sock', 'trace'))
    d.fqdn = c.fqdn
    return d.start()


def g5(part, net, method, role, cured):
    """A copy of C runs beside it: the one that started last stays."""
    s, c = ends(net, method, 'S', 'C')
    part.same(join(c, s, method, role)['code'], 'ILS-100', 'C has joined')
    number(c, '+81311110000')
    number(s, '+81322220000')
    part.ok(finds(s, '+81311110000') and finds(c, '+81322220000'), 'and is known')
    wc, ws = Watch(c), Watch(s)
    d = copied(net, c, 'D')
    d.name = c.name
    part.ok(wait_until(lambda: [v for v in c.json('verdicts') if v['code'] == 'ILS-502'], 20),
            'C, which started before, is refused', c.json('verdicts')[:3], *both_traces(wc, ws))
    v = [v for v in c.json('verdicts') if v['code'] == 'ILS-502'][-1]
    same_verdict(part, s, v)
    part.same(v['remedy_at'], 'here', 'the remedy is for C')
    fresh = 'C-' + c.json('status')['peer_id'][:4]
    label, domain = c.fqdn.split('.', 1)
    part.same(v['remedy'], 'ils identity new --cluster-id %s --fqdn %s%s.%s' % (
        fresh, label, fresh[-5:], domain), 'and has an id and a name for it')
    part.ok(d.json('peers') and d.json('peers')[0]['linked'], 'the copy is linked', d.json('peers'))
    has_alarm(part, s, ID_ALARM, 'C', once=False)
    has_alarm(part, c, ID_ALARM, 'C', once=False)
    see_doctor(part, keep(part, c, s), 'G5')
    status_says(part, c, 'another copy of this cluster is running, which came while this one was',
                'next, at the copy: ils identity new --cluster-id')
    said = {(row['last_code'], row['next_at']) for row in c.json('hubs') if row['next']}
    part.same(said, {('ILS-502', 'copy')}, 'and `ils hubs` says so, too')
    status_says(part, s, 'was there first and is refused; the one at .* needs another identity',
                'next, at the copy: ils identity new --cluster-id')
    status_says(part, s, 'C')
    code, out = c.ils('plan', 'add', 'E164', '+81311110001')
    part.ok(code == 1 and 'another copy of this cluster is running' in out + c.error,
            'C writes no more', out, c.error)
    part.ok(finds(c, '+81322220000'), 'and answers as it did')
    number(d, '+81311110002')
    part.ok(finds(s, '+81311110002'), 'the copy writes')
    cured_at(part, s, c, d, v, fresh, cured, role)


def cured_at(part, s, c, d, v, fresh, cured, role):
    one, other = (c, d) if cured == 'original' else (d, c)
    if one is c:
        type_remedy(part, c, v)
    else:
        d.must('identity', 'new', '--cluster-id', fresh)
    called(one, fresh)
    if 'tls' in v['method']: # its certificate is new as well
        pem = os.path.join(one.net.folder, 'new.pem')
        one.must('cert', 'export', '--out', pem)
        s.must('trust', 'import', pem)
        one.must('join', '%s:%d' % (s.address, s.tls_port), '--as', role)
    part.ok(wait_until(lambda: linked(one, s), 15), 'the new one is linked',
            one.json('clusters'), one.json('verdicts')[:2], s.json('verdicts')[:2])
    part.ok(wait_until(lambda: linked(other, s), REFUSED_AGAIN), 'and the other as well',
            other.json('clusters'), other.json('verdicts')[:2], s.json('verdicts')[:2])
    part.ok(finds(s, '+81311110000'), 'what they had is known')
    if other is c: # the copy has written in its name meanwhile
        status_says(part, c, 'ils restore')
        code, out = c.ils('restore', '--yes')
        part.same(code, 0, 'its operator keeps what it has', out, c.error)
    for end, digits in ((c, '+81311110003'), (d, '+81311110004')):
        number(end, digits)
        part.ok(finds(s, digits), 'what is written at %s is known' % end.name)
    part.ok(c.json('status')['peer_id'] != d.json('status')['peer_id'], 'they are two')


# --- G6

def g6_hub(part, net, method):
    """C has made a network of its own; the same password, or certificates that are known."""
    s, c = ends(net, method, 'S', 'C')
    c.must('role', 'hub')
    wc, ws = Watch(c), Watch(s)
    v = join(c, s, method, 'hub')
    refused(part, c, s, v, 'ILS-408', wc, ws)
    has_alarm(part, s, WAY_ALARM, '127.0.0.1')
    no_alarm(part, c)
    knows_nobody(part, c, s)
    see_doctor(part, keep(part, c, s), 'G6')
    part.same(v['remedy'], 'ils network adopt', 'the remedy')
    cure(part, c, s, v, JOINS_AT_C, lambda: join(c, s, method, 'hub'))
    part.same(c.json('network')['network_id'], s.json('network')['network_id'],
              'they are in one network')
    part.ok(c.json('network', 'adopt').get('error'), 'there is nothing more to adopt')


def g6_spoke(part, net, method):
    """C is a spoke in another network, and is to be one in that of S."""
    s, c, h = ends(net, method, 'S', 'C', 'H')
    h.must('role', 'hub')
    part.same(join(c, h, method)['code'], 'ILS-100', 'C is in the network of H')
    wc, ws = Watch(c), Watch(s)
    v = join(c, s, method)
    refused(part, c, s, v, 'ILS-408', wc, ws)
    has_alarm(part, s, WAY_ALARM, '127.0.0.1', once=False)
    knows_nobody(part, s)
    see_doctor(part, keep(part, c, s), 'G6')
    cure(part, c, s, v, JOINS_AT_C, lambda: join(c, s, method))


def jobs():
    made = []
    for method in (PWD, TLS, BOTH):
        for role in ROLES:
            made.append(('G4 hub %s %s' % (method, role), g4_hub, (method, role)))
            made.append(('G4 spoke %s %s' % (method, role), g4_spoke, (method, role)))
        made.append(('G6 hub %s' % method, g6_hub, (method,)))
        made.append(('G6 spoke %s' % method, g6_spoke, (method,)))
        made.append(('G5 %s original' % method, g5, (method, 'spoke', 'original')))
    made.append(('G5 password copy', g5, (PWD, 'spoke', 'copy')))
    made.append(('G5 password hub', g5, (PWD, 'hub', 'original')))
    for role in ROLES:
        made.append(('G4 default ' + role, g4_default, (role,)))
    made.append(('G4 gone', g4_gone, ()))
    return made


if __name__ == '__main__':
    run_all(jobs())

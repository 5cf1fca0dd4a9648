#!/usr/bin/env python3
"""A certificate that was made by ilsd itself has a successor without anybody typing: when a third
of its life is left, the next one is made, announced, imported by the neighbour and used, and the
link goes on. One that was installed has not: nothing is announced, and the link ends with it.

The life of a certificate that ilsd makes is years. Here one of seconds is installed, and its mark
"made here" is set in the store (flag 2 of the setting "certificate", src/core/own.c)."""
import os
import sqlite3
import time

from harness import wait_until
from live import moment
from rows import End, install, run_all

LIFE = int(os.environ.get('ILS_LIFE', 30))


def fingerprint(c, which='in_use'):
    row = c.json('cert', 'show')[which]
    return row['fingerprint'] if row else None


def peer(c, name):
    return next((row for row in c.json('peers') if row['cluster_id'] == name), {})


def linked_by(c, name, certificate):
    row = peer(c, name)
    return row.get('linked') and row['certificate_fingerprint'] == certificate


def events(c, name, since=0):
    return [r for r in c.trace_records()[since:] if r['event'] == name]


def mark(c, made):
    """Sets or clears the flag of a cluster that is stopped; what it was."""
    store = sqlite3.connect(os.path.join(c.data, 'ilsd.db'))
    where = " where cast(key as text) = 'certificate'"
    with store:
        row = store.execute('select value from setting' + where).fetchone()[0]
        store.execute('update setting set value = ?' + where,
                      (bytes([row[0] & ~2 | 2 * made]) + row[1:],))
    store.close()
    return bool(row[0] & 2)


def pair(part, net, made):
    """A hub whose certificate lives for seconds, and a spoke, joined by method 2; the hub is
    started anew with the mark as it shall be. The end date in seconds since 1970."""
    hub, c = End('tls').make(net, 'hub'), End('tls').make(net, 'kyoto')
    part.ok(hub.stop() == 0 and mark(hub, False), 'the one that ilsd made is marked')
    hub.start()
    leaf = net.pki.leaf(hub.fqdn, start=-LIFE / 2, end=LIFE)
    install(hub, leaf)
    install(c, net.pki.leaf(c.fqdn))
    for end in (hub, c):
        end.must('auth', 'set', '--tls', 'on', '--password', 'off', '--accept', 'tls')
    hub.must('trust', 'import', c.leaf.pem)
    c.must('trust', 'import', hub.leaf.pem)
    hub.must('role', 'hub')
    part.same(c.json('join', '%s:%d' % (hub.address, hub.tls_port))['code'], 'ILS-100', 'joined')
    hub.stop()
    part.ok(not mark(hub, made), 'one that was installed is not')
    hub.start()
    old = fingerprint(hub)
    part.ok(wait_until(lambda: linked_by(c, 'hub', old)), 'linked again by the short-lived one',
            c.json('peers'), c.json('verdicts')[:2])
    over = moment(text(hub.json('cert', 'show')['in_use']['not_after']))
    part.ok(time.time() < over - LIFE / 2, 'more than a third of its life is left')
    return hub, c, old, over


def text(date):
    return date if '.' in date else date.replace('Z', '.000Z')


def by_itself(part, net):
    hub, c, old, over = pair(part, net, True)
    since = {end: len(end.trace_records()) for end in (hub, c)}
    new = wait_until(lambda: fingerprint(hub) not in (None, old) and fingerprint(hub),
                     over - time.time() + 5, 0.1)
    part.ok(new and time.time() < over, 'a new one is in use before the old one ends',
            hub.json('cert', 'show'), *[r['text'] for r in hub.trace_records()[since[hub]:]])
    said = events(hub, 'C1', since[hub])
    part.ok(said and 'announced' in said[0]['text'], 'it was announced first', said)
    part.ok(said and over - LIFE / 2 - 0.01 <= moment(said[0]['time']) < over,
            'when a third of the life was left', said, over)
    part.ok(events(c, 'C2', since[c]), 'the spoke imported it')
    part.ok([a for a in c.json('alarms') if a['name'] == 'ILSCertificateAnnounced'],
            'and says so: ILSCertificateAnnounced', c.json('alarms'))
    part.ok(wait_until(lambda: linked_by(c, 'hub', new), 10), 'linked by the new one',
            peer(c, 'hub'))
    wait_until(lambda: time.time() > over + 2, over - time.time() + 10, 0.2)
    cut = [r['text'] for end in (hub, c) for r in events(end, 'L1', since[end])
           if r['code'] != 'ILS-415']
    part.ok(not cut and linked_by(c, 'hub', new), 'the old one has ended, and no link was cut',
            *cut)
    part.ok(c.up_to_date('hub') and hub.up_to_date('kyoto'), 'both are up to date')
    lasts = hub.json('cert', 'show')
    part.ok(moment(text(lasts['in_use']['not_after'])) > over + 86400 * 365 and not lasts['next'],
            'the new one lives for years', lasts)
    part.ok(hub.stop() == 0 and mark(hub, True), 'and is marked as made here')
    hub.start()


def installed(part, net):
    hub, c, old, over = pair(part, net, False)
    since = {end: len(end.trace_records()) for end in (hub, c)}
    wait_until(lambda: events(c, 'L1', since[c]), over - time.time() + 5, 0.1)
    lines = events(c, 'L1', since[c])
    part.ok(lines and lines[0]['code'] == 'ILS-303' and moment(lines[0]['time']) >= over,
            'control: the link ends at the end date', lines, over)
    part.same((fingerprint(hub), fingerprint(hub, 'next')), (old, None),
              'and nothing was announced', hub.json('cert', 'show'))
    part.ok(not events(hub, 'C1', since[hub]) and not events(c, 'C2', since[c]),
            'nor said in either trace')


run_all([('made here', by_itself, ()), ('installed', installed, ())])

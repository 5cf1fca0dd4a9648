#!/usr/bin/env python3
"""The store as a whole, with real daemons: a backup while changes come, the drill in which it is
put back, wrong backups refused, damaged bytes found by name and fetched again (one's own plan too),
and the audit. What the screen says is to be typed next is typed."""
import contextlib
import os
import re
import sqlite3
import stat
import threading

from harness import wait_until
from mesh.methods import METHODS
from rows import run_all


# --- what the parts share

def add(c, number):
    c.must('plan', 'add', 'ENTERPRISE', number)


def finds(c, dialled):
    return c.json('lookup', dialled)['result'] in ('found', 'no_route', 'local')


def all_find(clusters, numbers):
    return wait_until(lambda: all(finds(c, n) for c in clusters for n in numbers))


def new_form(file, more):
    """The form of a store is another one; which."""
    with contextlib.closing(sqlite3.connect(file)) as sql, sql:
        form = sql.execute('PRAGMA user_version').fetchone()[0] + more
        sql.execute('PRAGMA user_version = %d' % form)
    return form


def alarm(c, name):
    return next((a for a in c.json('alarms') if a['name'] == name and a['active']), None)


def next_of(c):
    return next((line[len('next: '):] for line in c.error.splitlines()
                 if line.startswith('next: ')), '')


def cluster(net, name, method, number):
    c = net.cluster(name)
    method.prepare([c])
    add(c, number)
    return c


def pair(net, number_hub='1001', number_spoke='1002'):
    """A hub and a spoke, linked, each with an entry."""
    method = METHODS['password'](net)
    tokyo, osaka = (cluster(net, n, method, d)
                    for n, d in (('tokyo', number_hub), ('osaka', number_spoke)))
    tokyo.must('role', 'hub')
    method.join(osaka, tokyo)
    all_find((tokyo, osaka), (number_hub, number_spoke))
    return tokyo, osaka


def damage(c, whose, after=200):
    """One byte of the largest segment of that cluster's plan is another, as a bad disk makes it."""
    db = sqlite3.connect(os.path.join(c.data, 'ilsd.db'))
    streams = [row[0] for row in db.execute('select key, value from stream')
               if bytes([len(whose)]) + whose.encode() in row[1] and row[0].endswith(b'\x01')]
    key, value = max((row for row in db.execute('select key, value from segment')
                      if row[0].startswith(streams[0])), key=lambda row: len(row[1]))
    value = bytearray(value)
    value[min(after, len(value) - 1)] ^= 0x10
    db.execute('update segment set value = ? where key = ?', (bytes(value), key))
    db.commit()
    db.close()


def fill(c, count, source='big', prefix='user'):
    rows = 'PatternType,PSTNFailover,Pattern\n' + ''.join(
        'uri,,%s%d@%s.example.com\n' % (prefix, i, c.name) for i in range(count))
    c.must('plan', 'import', '-', '--source', source, stdin=rows)


# --- the parts

def drill(part, net):
    """Backup under load; a wrong change; the backup is put back; what neighbours hold above it is
    adopted by itself."""
    tokyo, osaka = pair(net)
    fill(osaka, 20000)
    file = os.path.join(net.folder, 'osaka.backup')
    stop, numbers = threading.Event(), []

    def load():
        while not stop.is_set():
            number = '7%05d' % len(numbers)
            add(osaka, number)
            numbers.append(number)
    thread = threading.Thread(target=load)
    thread.start()
    code, out = osaka.ils('backup', file)
    stop.set()
    thread.join()
    part.ok(code == 0 and out.startswith('OK: %s\n' % file) and 'sound' in out, 'backup says OK',
            out, osaka.error)
    part.same(stat.S_IMODE(os.stat(file).st_mode), 0o600, 'nobody else may read it')
    part.ok(len(numbers) > 0, 'while changes came (%d)' % len(numbers))
    part.ok(not [f for f in os.listdir(net.folder) if f.endswith('.part')], 'nothing lies about')
    code, out = osaka.ils('verify', file)
    part.ok(code == 0 and 'sound' in out and 'cluster osaka' in out, 'the backup is sound', out)
    code, _ = osaka.ils('backup', file)
    part.ok(code == 1 and 'is there already' in osaka.error, 'never over a file', osaka.error)

    add(osaka, '2002')
    part.ok(all_find((tokyo,), ('2002',)), 'what came after the backup is known')
    code, out = osaka.ils('restore', file, '--yes')
    part.ok(code == 0 and 'was put back' in out, 'restore says OK', out, osaka.error)
    kept = re.search(r'^the former store: (.*)$', out, re.M)
    part.ok(kept and os.path.exists(kept.group(1)), 'the former store is beside it', out)
    part.ok(wait_until(lambda: finds(osaka, '2002'), 30), 'it adopts what tokyo holds above it',
            osaka.json('plan', 'show'), osaka.json('status'))
    part.ok(all(finds(osaka, n) for n in numbers), 'every change is there')
    part.ok(wait_until(lambda: osaka.json('identity')['writing'] == 'yes'),
            'nothing is to be chosen')
    add(osaka, '3002')
    part.ok(all_find((tokyo,), ('1002', '2002', '3002')), 'and it writes')
    part.ok('restore osaka.backup' in osaka.ils('audit')[1], 'the audit has it',
            osaka.ils('audit')[1])
    code, out = osaka.ils('verify')
    part.ok(code == 0, 'the store is sound', out, osaka.error)
    if kept:
        code, out = osaka.ils('verify', kept.group(1))
        part.ok(code == 0, 'so is the former one', out, osaka.error)


def alone(part, net):
    """Nobody else has it: the plan is as it was in the backup; a new machine takes it as well."""
    osaka = net.cluster('osaka')
    osaka.init()
    add(osaka, '1002')
    file = os.path.join(net.folder, 'alone.backup')
    osaka.must('backup', file)
    osaka.must('plan', 'remove', 'ENTERPRISE', '1002')
    add(osaka, '2002')
    osaka.must('restore', file, '--yes')
    part.ok(wait_until(lambda: finds(osaka, '1002')) and not finds(osaka, '2002'),
            'the plan is that of the backup', osaka.json('plan', 'show'))
    before = osaka.json('identity')['peer_id']
    osaka.stop()
    new = net.cluster('new')
    code, out = new.ils('restore', file)
    part.ok(code == 0, 'an empty ilsd takes it', out, new.error)
    part.ok(wait_until(lambda: finds(new, '1002')), 'and has the plan')
    part.same(new.json('identity')['peer_id'], before, 'and is that cluster')


def refused(part, net):
    """Nothing is changed by a backup of another cluster, one that is cut, or no backup."""
    tokyo, osaka = pair(net)
    file = os.path.join(net.folder, 'tokyo.backup')
    tokyo.must('backup', file)
    code, _ = osaka.ils('restore', file)
    part.ok(code == 1 and 'is of another cluster (tokyo' in osaka.error and
            next_of(osaka) == 'ilsd --data DIR', 'of another cluster', osaka.error)
    mine = os.path.join(net.folder, 'osaka.backup')
    osaka.must('backup', mine)
    with open(mine, 'rb') as handle:
        content = handle.read()
    for name, altered in (('cut', content[:len(content) // 2]), ('text', b'not a database' * 99),
                          ('empty', b'')):
        bad = os.path.join(net.folder, name)
        with open(bad, 'wb') as handle:
            handle.write(altered)
        code, out = osaka.ils('restore', bad)
        part.ok(code == 1 and bad in osaka.error and 'ilsd.db' not in osaka.error,
                'one that is %s' % name, out, osaka.error)
        code, _ = osaka.ils('verify', bad)
        part.ok(code == 1, 'verify says so too', osaka.error)
    code, _ = osaka.ils('restore', os.path.join(net.folder, 'nowhere'))
    part.ok(code == 1 and 'cannot read' in osaka.error, 'one that is not there', osaka.error)
    code, _ = osaka.ils('backup', os.path.join(net.folder, 'no/such/place'))
    part.ok(code == 1 and 'cannot write' in osaka.error, 'a place that is not there', osaka.error)
    part.ok(finds(osaka, '1002') and not os.path.exists(os.path.join(osaka.data, 'ilsd.db.new')),
            'nothing was changed, nothing lies about', os.listdir(osaka.data))
    add(osaka, '2002')
    part.ok(all_find((tokyo,), ('2002',)), 'and all goes on')


def damaged(part, net):
    """A byte of what is learned, then a byte of one's own plan: found by name, named in an alarm
    and in the audit, fetched again."""
    tokyo, osaka = pair(net)
    fill(tokyo, 12000)
    fill(osaka, 12000)
    part.ok(all_find((tokyo, osaka), ('user11999@osaka.example.com',
                                      'user11999@tokyo.example.com')),
            'each has what the other has')
    osaka.stop()
    tokyo.stop()
    code, out = osaka.ils('verify', osaka.data)
    part.ok(code == 0, 'the directory is sound', out, osaka.error)
    damage(osaka, 'tokyo')
    code, out = osaka.ils('verify', osaka.data)
    part.ok(code == 1 and 'tokyo~' in out and '1 are damaged' in out and 'next: ils sync' in out,
            'verify names what is damaged', out, osaka.error)
    osaka.start()
    part.ok(wait_until(lambda: alarm(osaka, 'ILSStoreDamaged')), 'an alarm names it',
            osaka.json('alarms'))
    tokyo.start()
    part.ok(wait_until(lambda: finds(osaka, 'user11999@tokyo.example.com'), 40),
            'it is fetched again', osaka.json('clusters'))
    part.ok(wait_until(lambda: not alarm(osaka, 'ILSStoreDamaged')), 'the alarm is over',
            osaka.json('alarms'))

    osaka.stop()
    damage(osaka, 'osaka')
    code, out = osaka.ils('verify', osaka.data)
    part.ok(code == 1 and 'osaka~' in out and 'next: ils restore FILE' in out,
            "one's own plan", out, osaka.error)
    osaka.start()
    part.ok(wait_until(lambda: finds(osaka, 'user11999@osaka.example.com'), 40),
            'is fetched from a neighbour as well', osaka.json('status'), osaka.json('alarms'))
    part.ok(wait_until(lambda: not alarm(osaka, 'ILSStoreDamaged')), 'the alarm is over',
            osaka.json('alarms'))
    add(osaka, '4002')
    part.ok(all_find((tokyo,), ('1002', '4002')), 'and it writes', osaka.json('status'))
    code, out = osaka.ils('verify')
    part.ok(code == 0, 'the store is sound again', out, osaka.error)


def damaged_alone(part, net):
    """One's own plan, and nobody to fetch it from: what is said is typed, with a backup; or it is
    begun anew."""
    method = METHODS['password'](net)
    c = cluster(net, 'kyoto', method, '3001')
    fill(c, 12000)
    kept = os.path.join(net.folder, 'kept.db')
    c.must('backup', kept)
    c.stop()
    damage(c, 'kyoto')
    c.start()
    code, out = c.ils('status')
    part.ok(code == 1 and 'is damaged, and no neighbour' in out and 'ils restore FILE' in out,
            'status says that nobody has it', out)
    part.ok(not finds(c, '3001'), 'nothing half is served')
    code, out = c.ils('plan', 'add', 'ENTERPRISE', '3002')
    part.ok(code == 1 and 'is damaged' in c.error and 'ils restore' in c.error,
            'nothing is written into it', c.error)
    c.must('restore', kept)
    part.ok(wait_until(lambda: finds(c, 'user11999@kyoto.example.com')),
            'the backup brings it back', c.json('status'))
    add(c, '3003')
    c.stop()
    damage(c, 'kyoto')
    c.start()
    c.must('restore')
    add(c, '3004')
    part.ok(finds(c, '3004') and not finds(c, '3001') and c.ils('status')[0] == 0,
            'without one it goes on with nothing', c.json('status'))


def newer(part, net):
    """A store that a newer ilsd wrote, and a backup of one: refused in words, and nothing of it is
    touched."""
    c = cluster(net, 'nagoya', METHODS['password'](net), '4001')
    kept, file = os.path.join(net.folder, 'newer.db'), os.path.join(c.data, 'ilsd.db')
    c.must('backup', kept)
    form = new_form(kept, 1)
    status, error = c.ils('restore', kept, '--yes')[0], c.error
    part.ok(status == 1 and finds(c, '4001') and
            'form %d and this ilsd knows form %d; start the ilsd' % (form, form - 1) in error,
            'a newer backup is not put back', error)
    c.stop()
    new_form(file, 1)
    with open(file, 'rb') as handle:
        before = handle.read()
    status = c.launch().process.wait(20)
    c.process = None
    with open(file, 'rb') as handle:
        part.ok(handle.read() == before and status == 1, 'a newer store stays as it is', status)
    part.ok('form %d and this ilsd knows form %d; start the ilsd that wrote it, or a newer one'
            % (form, form - 1) in c.said(), 'what to start is said', c.said())
    new_form(file, -1)
    c.start()
    add(c, '4002')
    part.ok(finds(c, '4001') and finds(c, '4002'), 'control: as it was it serves and is written')


if __name__ == '__main__':
    parts = [('drill', drill, ()), ('alone', alone, ()), ('refused', refused, ())]
    if os.environ.get('ILS_STORE') != 'postgresql':   # whose pages its server looks after
        parts += [('newer', newer, ())]
        parts += [('damaged', damaged, ()), ('damaged_alone', damaged_alone, ())]
    run_all(parts)

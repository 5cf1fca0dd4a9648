#!/usr/bin/env python3
"""Several ilsd at one store in PostgreSQL: one writes, one stands by, two only look up; osaka is a
neighbour cluster. What the writer changes is answered by all; when it is killed, or stops for
longer than its lease, the one that stands by writes, and no lookup fails; while the store is away
all doors answer.

With --control ILSD: who sleeps is that build, which writes on without its lease, and behind the
back of the other one the store is given the fence of before: then the test must be red."""
import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
import urllib.request

import harness
from harness import Network, Tap, wait_until
from kill import invite
from servers import Postgresql

LEASE = 3
CONTROL = sys.argv[2] if '--control' in sys.argv else None
HEADER = 'PatternType,PSTNFailover,Pattern\n'
CSV = HEADER + ''.join('URI,,u%05d@tokyo.example.com\n' % i for i in range(5000))


def node(net, store, name, *options):
    c = net.cluster(name, start=False, http=True)
    c.store = store
    c.options = ['--store-lease', str(LEASE), '--node', name, *options]
    return c


def part(c):
    return (c.json('status').get('node') or {}).get('part')


def finds(c, user):
    return c.json('lookup', user + '@tokyo.example.com')['result'] != 'not_found'


def put(c, user):
    """A source of its own for each user; the exit status."""
    return c.ils('plan', 'import', '-', '--source', user,
                 stdin=HEADER + 'URI,,%s@tokyo.example.com\n' % user)[0]


def by_http(c):
    """One's own entry, which has no route."""
    url = 'http://127.0.0.1:%d/v1/lookup?dialed=u00007@tokyo.example.com' % c.http_port
    with urllib.request.urlopen(url, timeout=10) as reply:
        answer = json.load(reply)
    return answer['result'] != 'not_found', answer


def by_sip(c):
    """The neighbour's entry, by a datagram, which a worker answers."""
    answer = invite(('127.0.0.1', c.sip_port), 'far@osaka.example.com')
    return answer is not None and answer[0] == 302, answer


class Callers(threading.Thread):
    """Asks at a door of each node, all the time, for what was there from the beginning."""

    def __init__(self, how, nodes):
        super().__init__(daemon=True)
        self.how, self.nodes = how, list(nodes)
        self.asked, self.failed, self.over = {}, [], False

    def run(self):
        while not self.over:
            for c in list(self.nodes):
                try:
                    good, answer = self.how(c)
                except Exception as e:
                    good, answer = False, repr(e)
                self.asked[c.name] = self.asked.get(c.name, 0) + 1
                if not good and c in self.nodes:
                    self.failed.append((c.name, answer))
            time.sleep(0.005)

    def end(self):
        self.over = True
        self.join()


class Heads(threading.Thread):
    """What the neighbour holds of tokyo's plan: one line of heads, which only grows."""

    def __init__(self, osaka):
        super().__init__(daemon=True)
        self.osaka, self.seen, self.over = osaka, [], False

    def run(self):
        while not self.over:
            row = self.osaka.cluster('tokyo')
            head = (row['epoch'], row['usn']) if row and 'epoch' in row else None
            if head and head != (self.seen[-1] if self.seen else None):
                self.seen.append(head)
            time.sleep(0.1)


def follows(tap, net, store):
    one, two = node(net, store, 'tokyo-1'), node(net, store, 'tokyo-2')
    look = [node(net, store, 'look-%d' % i, '--lookup-only') for i in (1, 2)]
    if CONTROL:
        real = one.command
        one.command = lambda: [CONTROL if word == harness.ILSD else word for word in real()]
    one.start()
    one.must('init', '--cluster-id', 'tokyo', '--fqdn', 'tokyo.example.com')
    one.must('auth', 'set', '--tls', 'off', '--password', 'on', '--accept', 'password')
    one.must('password', 'add', '--generation', '1', '--stdin', stdin='one\n')
    one.must('plan', 'import', '-', '--source', 'all', stdin=CSV)
    shutil.copy(os.path.join(one.data, 'store.key'), two.data)
    for c in [two] + look:
        c.start()
    tap.same([part(c) for c in [one, two] + look],
             ['writes', 'stands by', 'looks up', 'looks up'], 'each plays its part')
    osaka = net.cluster('osaka')
    osaka.hub(password='one')
    tap.same(one.join(osaka)['code'], 'ILS-100', 'the writer joins')
    tap.same(put(one, 'change'), 0, 'and changes its plan')
    tap.ok(wait_until(lambda: all(finds(c, 'change') for c in [two] + look)),
           'all that follow answer the change')
    one.must('route', 'add', 'osaka.example.com', 'sip:10.0.0.9')
    osaka.must('plan', 'import', '-', '--source', 'x',
               stdin=HEADER + 'URI,,far@osaka.example.com\n')
    tap.ok(wait_until(lambda: all(by_sip(c)[0] for c in [two] + look)),
           'and what a neighbour changes, by the route that was set')
    status = look[0].json('status')
    tap.same((status['health'], status['node']['writer']), ('healthy', 'tokyo-1'),
             'a lookup node is well, and says who writes')
    for c in (two, look[0]):
        code, _ = c.ils('role', 'hub')
        tap.ok(code == 1 and 'tokyo-1' in c.error, '%s changes nothing, and says where' % c.name,
               c.error)
    with urllib.request.urlopen('http://127.0.0.1:%d/metrics' % look[0].http_port) as reply:
        metrics = reply.read().decode()
    tap.ok('openils_store_writes 0' in metrics and 'openils_store_answers 1' in metrics,
           'metrics say so as well')
    return one, two, look, osaka


def linked(osaka):
    row = osaka.cluster('tokyo')
    return row is not None and row.get('linked')


def writer_dies(tap, one, two, look, osaka):
    began = time.monotonic()
    one.kill()
    tap.ok(wait_until(lambda: part(two) == 'writes' and two.json('status')['clusters_linked'] == 1,
                      LEASE + 10), 'the writer is killed: the other one writes and is linked')
    took = time.monotonic() - began
    tap.ok(took < LEASE + 5, 'within the lease and 5 s', '%.1f s' % took)
    tap.same(put(two, 'after'), 0, 'it changes the plan')
    tap.ok(wait_until(lambda: all(finds(c, 'after') for c in look + [osaka])),
           'which all that follow and the neighbour answer')
    one.start()
    tap.same(part(one), 'stands by', 'the first one comes back, and stands by')


def cannot_begin(tap, sql, one, two):
    """The store gives the lease, and refuses what is to be stored first."""
    sql("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE EXCEPTION ''not now''; END'",
        'CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON ils_setting '
        'FOR EACH ROW EXECUTE FUNCTION refuse()')
    two.kill()
    tap.ok(wait_until(lambda: 'not now' in one.said(), LEASE + 10),
           'who takes the lease cannot begin')
    tap.ok(wait_until(lambda: part(one) == 'stands by') and finds(one, 'after') and
           one.process.poll() is None, 'it follows, and answers')
    sql('DROP TRIGGER refuse ON ils_setting')
    tap.ok(wait_until(lambda: part(one) == 'writes' and put(one, 'begun') == 0, LEASE + 10),
           'and writes when it can')
    two.start()


def writer_sleeps(tap, sql, sleeper, other):
    """It is stopped; what was asked of it meanwhile is its first thing to do."""
    was = sleeper.json('status')['node']
    sleeper.process.send_signal(signal.SIGSTOP)
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.path.join(sleeper.data, 'control.sock'))
        s.sendall(b'{"command": "route add", "args": {"pattern": "x.example.com", '
                  b'"target": "sip:10.0.0.9"}}\n')
        tap.ok(wait_until(lambda: part(other) == 'writes' and
                          other.json('status')['clusters_linked'] == 1, LEASE + 10),
               'a writer that sleeps is followed by the other one')
        tap.same(put(other, 'awake'), 0, 'which changes the plan')
        if CONTROL:
            sql("UPDATE ils_lease SET holder = '%s', fence = %d, version = %d" % (
                sleeper.name, was['fence'], was['version']))
        sleeper.process.send_signal(signal.SIGCONT)
        s.settimeout(20)
        answer = json.loads(s.makefile('r').readline())
    tap.ok(not answer.get('ok'), 'it wakes up, and does not do what it was asked', answer)
    if CONTROL:
        return
    tap.ok(wait_until(lambda: part(sleeper) == 'stands by'), 'it stands by')
    tap.same(sleeper.json('status')['clusters_linked'], 0, 'without links')
    tap.ok(wait_until(lambda: finds(sleeper, 'awake')), 'and answers what the other one wrote')
    tap.same(part(other), 'writes', 'which goes on writing')
    tap.ok(other.json('status')['node']['fence'] > was['fence'], 'under another fence')


def released(tap, one, two):
    one.must('store', 'release')
    tap.ok(wait_until(lambda: part(two) == 'writes' and part(one) == 'stands by'),
           'the lease is released: the other one takes it at once')
    tap.same(put(two, 'released'), 0, 'and writes')


def store_away(tap, server, writer, nodes):
    server.process.send_signal(signal.SIGQUIT)
    server.process.wait()
    tap.ok(wait_until(lambda: all(c.json('status')['node']['away_since'] for c in nodes),
                      LEASE + 10), 'the store is gone, and all say since when')
    tap.ok(wait_until(lambda: part(writer) == 'stands by', LEASE + 10),
           'who wrote does not, once his lease is over')
    tap.ok(all(finds(c, 'u00042') and finds(c, 'after') for c in nodes), 'all of them answer')
    tap.ok(wait_until(lambda: nodes[-1].json('status')['alarms_active'] > 0), 'there is an alarm')
    status = nodes[-1].json('status')
    tap.ok(status['health'] == 'degraded' and 'has not answered for' in status['cause'],
           'status says why', status)
    tap.ok(put(writer, 'never') == 1 and 'nobody is known to write' in writer.error,
           'a change is refused in words that name nobody', writer.error)
    with urllib.request.urlopen('http://127.0.0.1:%d/healthz' % nodes[-1].http_port) as reply:
        tap.same((reply.status, json.load(reply)['health']), (200, 'degraded'),
                 'a lookup node is not taken out for that')
    server.start()
    tap.ok(wait_until(lambda: any(part(c) == 'writes' for c in nodes), LEASE + 15),
           'the store is back, and somebody writes')
    code, out = writer.shell(status['next'])
    tap.ok(code == 0 and status['next'].startswith('psql '), 'what was to be typed reaches it',
           status['next'], out)
    writer = [c for c in nodes if part(c) == 'writes'][0]
    tap.ok(wait_until(lambda: put(writer, 'again') == 0), 'a change is taken')
    tap.ok(wait_until(lambda: all(finds(c, 'again') for c in nodes)), 'and answered by all')
    tap.ok(wait_until(lambda: nodes[-1].json('status')['health'] == 'healthy'), 'all is well')


def all_of_it(tap, net):
    store = harness.new_store('nodes')
    server = harness.SERVERS[0]
    one, two, look, osaka = follows(tap, net, store)
    callers, heads = [Callers(how, [two] + look) for how in (by_http, by_sip)], Heads(osaka)
    for thread in callers + [heads]:
        thread.start()
    writer_dies(tap, one, two, look, osaka)
    for c in callers:
        c.nodes = [one] + look
    cannot_begin(tap, lambda *sql: server.sql_in(server.made[-1], *sql), one, two)
    for c in callers:
        c.nodes = [two] + look
    writer_sleeps(tap, None, one, two)
    for c in callers:
        c.nodes = [one, two] + look
    released(tap, two, one)
    store_away(tap, server, one, [one, two] + look)
    for c in callers:
        c.end()
        tap.ok(min(c.asked.values()) > 50 and not c.failed, 'of all lookups %s none failed' %
               c.how.__name__.replace('_', ' '), c.asked, c.failed[:5])
    heads.over = True
    tap.ok(len(heads.seen) >= 3 and len({epoch for epoch, _ in heads.seen}) == 1 and
           heads.seen == sorted(heads.seen), 'the neighbour saw one line of heads', heads.seen)
    alarms = {row['name'] for row in osaka.json('alarms') if row['active']}
    tap.ok(not alarms & {'ILSDuplicateClusterID', 'ILSRolledBack'}, 'and no two of one cluster',
           alarms)
    tap.same([c.stop() for c in [one, two] + look], [0] * 4, 'all end')


class Noted(Tap):
    """What is said is a note, for the control says whether it was to be."""

    def ok(self, good, name, *notes):
        self.failed += not good
        print('# %s: %s' % ('well' if good else 'RED', name))
        return bool(good)


def control(net):
    """With somebody who has no lease and writes: whether the test is red just then."""
    tap = Noted()
    store = harness.new_store('nodes')
    server = harness.SERVERS[0]
    one, two, _, _ = follows(tap, net, store)
    version = wait_until(lambda: one.json('status')['node']['version'])
    wait_until(lambda: one.json('status')['node']['version'] > version, LEASE / 2)
    failed = tap.failed
    writer_sleeps(tap, lambda sql: server.sql_in(server.made[-1], sql), one, two)
    return failed == 0 and tap.failed == 1


def main():
    tap = Tap()
    missing = Postgresql.missing()
    if missing:
        tap.skip('several ilsd at one store', 'not installed: ' + ', '.join(missing))
        tap.done()
    with Network() as net:
        if CONTROL:
            tap.ok(control(net), 'the test is red where somebody writes without the lease')
        else:
            tap.run(all_of_it, tap, net)
    tap.done()


if __name__ == '__main__':
    main()

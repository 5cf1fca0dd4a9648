#!/usr/bin/env python3
"""What docs/outgrow.md types at ilsd is typed, and what it shows is what is seen: from a file into
a PostgreSQL, a standby, a lookup node, the lease given up, and back. The document's machines are
daemons on loopback with a data directory each; `systemctl` and `scp` to them are done here, and
/etc/openils/ilsd.conf is what they are started with. How the databases are set up is not typed: it
writes into /etc; script/prove failover runs them."""
import os
import re
import shutil
import time

from harness import ROOT, Network, Tap, wait_until
from servers import Postgresql
from test_guide import same_lines

tap = Tap()
DSN = 'postgresql://ils@db-1,db-2/ils?passfile=/etc/openils/pgpass'
TYPED = re.compile(r'(ils|systemctl|scp) ')
SECTIONS = (('From the file into PostgreSQL', 'tokyo-1'), ('A standby', 'tokyo-1'),
            ('Lookup nodes', 'look-1'), ('Work at a machine', 'tokyo-1'),
            ('Back into a file', 'tokyo-1'))


def steps(text, title, machine):
    """(machine, commands, what is seen after the last): `At NAME` in a paragraph is where."""
    part = re.search(r'^## %s\n(.*?)(?=^## |\Z)' % re.escape(title), text, re.M | re.S).group(1)
    found = []
    for block in re.findall(r'(?:^    .*\n)+|^\S.*\n', part, re.M):
        if not block.startswith('    '):
            at = re.search(r'\b(?:At|From) `([\w-]+)`', block)
            machine = at.group(1) if at else machine
            if 'every other' in block:
                machine = 'others'
            elif 'the one that writes' in block:
                machine = 'tokyo-2'
            continue
        lines = [line[4:] for line in block.splitlines()]
        if TYPED.match(lines[0]):
            found.append([machine, lines, None])
        elif found and not re.match(r'(\w+ = |echo |chmod )', lines[0]):
            found[-1][2] = lines
    return found


class World:
    def __init__(self, net, server):
        self.net, self.server = net, server
        self.passfile = os.path.join(net.folder, 'pgpass')
        with open(self.passfile, 'w', encoding='ascii') as handle:
            handle.write('*:*:*:ils:PASSWORD\n')
        os.chmod(self.passfile, 0o600)
        self.dsn = 'postgresql://ils@127.0.0.1:%d/ils?passfile=%s' % (server.port, self.passfile)
        self.at = {'tokyo-1': net.cluster('tokyo-1', http=True)}
        self.at['tokyo-1'].hub('one').must('plan', 'add', 'E164', '+81312345678')
        self.shared = True
        for name in ('tokyo-2', 'look-1'):
            self.at[name] = net.cluster(name, start=False, http=True)

    def systemctl(self, name, verb):
        if name == 'others':
            for other in ('tokyo-1', 'look-1'):
                self.at[other].stop()
            self.shared = False   # from here on the document goes back to a file
            return
        c = self.at[name]
        wait_until(lambda: c.process is None or c.process.poll() is not None)
        c.options = ['--store', self.dsn, '--node', name] if self.shared else []
        if name.startswith('look'):
            c.options.append('--lookup-only')
        c.start()

    def type(self, name, command):
        """What is seen, as the document would have it."""
        words = command.split()
        if words[0] == 'systemctl':
            self.systemctl(name, words[1])
            return []
        c = self.at[name]
        if words[0] == 'scp':
            shutil.copy(os.path.join(c.data, 'store.key'), self.at['tokyo-2'].data)
            return []
        typed = command.replace(DSN, self.dsn).replace('/var/lib/openils', c.data)
        _, out = c.shell(typed)
        return out.replace(c.data, '/var/lib/openils').splitlines()

    def seen(self, name, command, wanted):
        """Asked again while it only shows something that may still change."""
        lines = []

        def fits():
            lines[:] = self.type(name, command)
            return same_lines(wanted, lines, {})
        again = command in ('ils status', 'ils store') or command.startswith('ils lookup')
        good = wait_until(fits, 30, 0.3) if again else fits()
        return good, lines


def typed(world, text):
    for title, machine in SECTIONS:
        found = steps(text, title, machine)
        tap.ok(found, title + ': there is something to type')
        for name, commands, wanted in found:
            for command in commands[:-1]:
                world.type(name, command)
            if wanted is None:
                world.type(name, commands[-1])
                continue
            good, lines = world.seen(name, commands[-1], wanted)
            tap.ok(good, '%s: at %s: %s' % (title, name, commands[-1].replace(DSN, 'DSN')),
                   '\n'.join(lines), '--- wanted', '\n'.join(wanted))
    last = world.at['tokyo-2']
    tap.same(last.json('lookup', '+81312345678')['result'], 'local', 'the entry is there still')
    tap.same(last.json('status').get('node'), None, 'nobody shares the file')


def main():
    missing = Postgresql.missing()
    if missing:
        tap.skip('docs/outgrow.md', 'not installed: ' + ' '.join(missing))
        tap.done()
    with open(os.path.join(ROOT, 'docs', 'outgrow.md'), encoding='utf-8') as handle:
        text = handle.read()
    with Postgresql() as server, Network() as net:
        server.start()
        server.psql('-c', "CREATE ROLE ils LOGIN PASSWORD 'PASSWORD'",
                    '-c', 'CREATE DATABASE ils OWNER ils', database='postgres')
        typed(World(net, server), text)
        tap.ok(not same_lines(['OK: … rows'], ['OK: 3 lines'], {}),
               'control: another answer differs')
    tap.done()


if __name__ == '__main__':
    main()

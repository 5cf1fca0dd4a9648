#!/usr/bin/env python3
"""A rollback of several streams, a plan and catalogs, that is cut short: by kill -9 between two of
its batches, or because whoever asked for it goes away. It goes on by itself, and in the end
everything is as it was; where the plan was changed before it could go on, it is left and said."""
import json
import os
import random
import shutil
import tempfile
import time

import kill
from harness import Network, Tap, wait_until

CATALOGS = 20
ROWS = 300
ROUNDS = 6
tap = Tap()


def rows(version):
    """A catalog file, as it is written to the control socket."""
    return ('type,key,failover\n' + ''.join('E164,+8180%07d,+%d\n' % (i, version * 1000 + i % 100)
                                            for i in range(ROWS))).encode()


def fill(c, version):
    """Every stream has this version; the number of the last change."""
    link = kill.Control(c)
    link.ask('plan import', content=rows(version), source='site', force=True)
    for i in range(CATALOGS):
        last = link.ask('catalog import', content=rows(version), name='c%02d' % i, force=True)
    return last['number']


def state(c):
    """What each stream holds."""
    folder = tempfile.mkdtemp(dir=c.net.folder)
    c.must('plan', 'export', '--format', 'cucm', '--all', '--dir', folder)
    shown = {'plan': c.must('plan', 'export', '--source', 'site')}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding='utf-8') as handle:
            shown[name] = handle.read()
    shutil.rmtree(folder)
    return shown


def log_after(c, number):
    return [x for x in c.json('plan', 'log', '--max', 1000)['changes'] if x['number'] > number]


def is_over(c):
    try:
        return kill.Control(c).ask('status')['rollback'] is None
    except (kill.Cut, kill.Refused):
        return False


def begin(c, number):
    """The rollback is asked for, and some of it was done; the connection that asked."""
    watch, link = kill.Control(c), kill.Control(c)
    link.socket.sendall(json.dumps({'command': 'plan rollback', 'args': {'to': number}}).encode()
                        + b'\n')
    begun = wait_until(lambda: watch.ask('status')['rollback'] is not None, every=0)
    return link, begun


def check(c, last, before, what):
    """Done with, and as it was; whether it had to go on."""
    over = wait_until(lambda: is_over(c))
    log = log_after(c, last)
    tap.ok(over and state(c) == before, '%s: everything is as it was' % what,
           c.json('status')['rollback'], [(x['number'], x['what']) for x in log])
    return [x for x in log if 'cut short' in x['what']], log


def cut(c, rand):
    went_on = 0
    for i in range(ROUNDS):
        last = c.json('plan', 'log', '--max', 1)['last']
        before = state(c)
        fill(c, 100 + i)
        link, begun = begin(c, last)
        tap.ok(begun, 'round %d: a rollback is under way' % i)
        time.sleep(rand.uniform(0, 0.03))
        if i % 3 == 2:
            link.socket.shutdown(2)
            link.socket.close()
        else:
            c.kill()
            c.start()
        resumed, log = check(c, last, before, 'round %d, %s' % (
            i, 'who asked has gone' if i % 3 == 2 else 'kill -9'))
        went_on += bool(resumed)
        tap.ok(all(x['who'] == 'ilsd' for x in resumed), 'the log says whose wish it was', log)
    tap.ok(went_on > 0, 'some of them were cut in the middle, and went on', went_on)


def main():
    seed = int(os.environ.get('ILS_SEED', random.randrange(10 ** 6)))
    print('# seed %d' % seed)
    with Network() as net:
        c = net.cluster('hub')
        c.hub('a password')
        for i in range(CATALOGS):
            c.must('catalog', 'add', 'c%02d' % i, '--route-string', 'c%02d.example.com' % i)
        fill(c, 1)
        tap.run(cut, c, random.Random(seed))
    tap.done()


if __name__ == '__main__':
    main()

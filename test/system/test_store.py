#!/usr/bin/env python3
"""ilsd on a store in PostgreSQL: an identity, a join, an import, and a restart after kill -9 on it;
what is said where it cannot be. How it fails is in test_store_faults.py."""
import os
import pty
import select
import shutil
import stat
import subprocess
import threading

import harness
from harness import Network, Tap, wait_until
from servers import Postgresql

CSV = 'PatternType,PSTNFailover,Pattern\n' + ''.join(
    'URI,,u%05d@tokyo.example.com\n' % i for i in range(20000))


def finds(c, dialled):
    return c.json('lookup', dialled)['result'] in ('found', 'no_route', 'local')


def cluster(net, name, start=True):
    c = net.cluster(name, start=False)
    c.store = c.store or harness.new_store(name)
    return c.start() if start else c


def lives(tap, net):
    tokyo, osaka = cluster(net, 'tokyo'), cluster(net, 'osaka')
    tokyo.hub(password='one')
    osaka.init(password='one')
    tap.same(osaka.join(tokyo)['code'], 'ILS-100', 'two clusters in PostgreSQL join')
    tokyo.must('plan', 'import', '-', '--source', 'test', stdin=CSV)
    tap.ok(wait_until(lambda: finds(osaka, 'u19999@tokyo.example.com')), 'an import is replicated')
    tap.ok('postgresql://' in tokyo.said(), 'ilsd says where its store is')
    for c in (tokyo, osaka):
        c.kill()
        c.start()
        tap.ok(finds(c, 'u19999@tokyo.example.com'), '%s knows all of it after kill -9' % c.name)
    tap.ok(wait_until(lambda: osaka.up_to_date('tokyo')), 'they link again')
    tap.ok(not os.path.exists(os.path.join(tokyo.data, 'ilsd.db')), 'there is no file of SQLite')
    key = os.path.join(tokyo.data, 'store.key')
    tap.same(stat.S_IMODE(os.stat(key).st_mode), 0o600, 'the key of the secrets is its own')
    return tokyo


def refused(tap, net, tokyo):
    """What is said on standard error, by an ilsd that does not start."""
    def tries(store, *options):
        c = net.cluster('kobe', start=False)
        c.store, c.options = store, list(options)
        try:
            c.start()
            c.stop()
            return ''
        except RuntimeError as e:
            return str(e)
    said = tries(tokyo.store)
    tap.ok('sealed' in said and 'store.key' in said, 'another ilsd lacks the key', said)
    said = tries('postgresql://ann:secret-word@127.0.0.1:1/x')
    tap.ok('passfile' in said and 'secret-word' not in said,
           'no password on the command line', said)
    said = tries('postgresql://ann@127.0.0.1:1/x')
    tap.ok('ann@127.0.0.1:1/x: it is not reached' in said, 'no server there', said)
    said = tries('mysql://x')
    tap.ok('wants postgresql://' in said, 'another protocol', said)


def over_tls(tap, net):
    """By TCP: two hosts of which one is dead, TLS that is verified, the password in a file."""
    c = net.cluster('sendai', start=False)
    server = harness.SERVERS[0]
    server.sql_in('postgres', "CREATE ROLE ils LOGIN PASSWORD 'pass word'",
                  'CREATE DATABASE sendai OWNER ils')
    secret = os.path.join(net.folder, 'pgpass')
    with open(secret, 'w', encoding='utf-8') as handle:
        handle.write('*:*:sendai:ils:pass word\n')
    os.chmod(secret, 0o600)
    c.store = 'postgresql://ils@127.0.0.1:%d,127.0.0.1:%d/sendai' \
        '?sslmode=verify-full&sslrootcert=%s' \
        % (harness.free_port(), server.port, server.path('cert.pem'))
    try:
        c.start()
        tap.ok(False, 'no password, and it starts')
    except RuntimeError as e:
        tap.ok('does not let ilsd in' in str(e) or 'no password supplied' in str(e),
               'without its password it is not let in', str(e))
    c.store += '&passfile=' + secret
    c.start().hub(password='one')
    c.kill()
    c.start()
    tap.same(c.json('status')['cluster_id'], 'sendai', 'TLS, a passfile and the living host of two')
    used = server.psql('-A', '-t', '-c', "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING "
                       "(pid) WHERE datname = 'sendai'", database='postgres')
    tap.same(used.strip(), 't', 'the server says that it is TLS')
    c.stop()


def moves(tap, net):
    """From the file to PostgreSQL and back while it serves, with changes all the time."""
    kyoto = net.cluster('kyoto', start=False)
    kyoto.store = None
    kyoto.start().hub(password='one')
    kyoto.must('plan', 'import', '-', '--source', 'test', stdin=CSV.replace('tokyo', 'kyoto'))
    stop, numbers = threading.Event(), []

    def load():
        while not stop.is_set():
            number = '7%05d' % len(numbers)
            kyoto.must('plan', 'add', 'ENTERPRISE', number)
            numbers.append(number)
    thread = threading.Thread(target=load)
    target, server = harness.new_store('kyoto'), harness.SERVERS[0]
    thread.start()
    code, out = kyoto.ils('store', 'copy', target)
    stop.set()
    thread.join()
    tap.ok(code == 0 and 'roots and digests agree' in out, 'the store is copied', out, kyoto.error)
    tap.ok(numbers, 'while changes come (%d)' % len(numbers))
    kyoto.must('store', 'copy', target)
    kyoto.must('plan', 'add', 'ENTERPRISE', '4710')
    rows = kyoto.json('store', 'copy', target)
    tap.ok(0 < rows['rows_written'] < 9, 'again: only what differs is written', rows)
    kyoto.must('plan', 'add', 'ENTERPRISE', '4711')
    code, out = kyoto.ils('store', 'copy', target, '--last', '--yes')
    tap.ok(code == 0 and kyoto.process.wait(20) == 0, 'the last time ilsd ends', out, kyoto.error)
    kyoto.process, kyoto.store = None, target
    kyoto.start()
    tap.ok(all(finds(kyoto, n) for n in numbers + ['4711', 'u19999@kyoto.example.com']),
           'it goes on in PostgreSQL, with all changes')
    tap.same(kyoto.json('store')['kind'], 'postgresql', 'ils store says so')
    whole(tap, net, kyoto)
    code, out = kyoto.ils('store', 'copy', target)
    tap.ok(code == 1 and 'is written by' in kyoto.error, 'not into itself', kyoto.error)
    code, out = kyoto.ils('store', 'copy', harness.SERVERS[0].store(server.made[0]))
    tap.ok(code == 1, 'nor into that of another cluster', kyoto.error)
    other = os.path.join(net.folder, 'back')
    os.mkdir(other)
    kyoto.must('plan', 'add', 'ENTERPRISE', '4712')
    kyoto.must('store', 'copy', os.path.join(other, 'ilsd.db'))
    kyoto.must('plan', 'add', 'ENTERPRISE', '4713')
    kyoto.must('store', 'copy', os.path.join(other, 'ilsd.db'), '--last', '--yes')
    kyoto.process.wait(20)
    kyoto.process, kyoto.store, kyoto.data = None, None, other
    kyoto.env['ILS_DATA'] = other
    kyoto.start()
    tap.ok(all(finds(kyoto, n) for n in numbers + ['4711', '4712', '4713']), 'and back to a file')
    tap.same(kyoto.ils('verify')[0], 0, 'which is sound')
    stays(tap, net, kyoto, target)
    kyoto.stop()


def stays(tap, net, kyoto, target):
    """One that is left at the store that was copied away; how far a copy is, on a terminal."""
    left = net.cluster('left', start=False)
    left.store = target
    shutil.copy(os.path.join(net.folder, 'kyoto', 'store.key'), left.data)
    left.start()
    said = left.ils('status')[1]
    tap.ok('moved to ' in said and kyoto.data in said and 'next: systemctl stop ilsd' in said,
           'one that is left where it was copied away writes nothing, and says where it went', said)
    code, _ = left.ils('plan', 'add', 'ENTERPRISE', '4790')
    tap.ok(code == 1 and kyoto.data in left.error, 'nor does it take a change', left.error)
    database = harness.SERVERS[0]
    shutil.copy(os.path.join(net.folder, 'kyoto', 'store.key'), kyoto.data)
    holder = subprocess.Popen(
        [database.tool('psql'), '-X', '-q', '-h', database.folder, '-p', str(database.port), '-U',
         'postgres', '-d', database.made[-1], '-c',
         'BEGIN; LOCK TABLE ils_setting IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)'],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **database.who)
    wait_until(lambda: database.psql('-At', '-c', "SELECT 1 FROM pg_locks WHERE mode = "
                                     "'AccessExclusiveLock' AND relation = 'ils_setting'::regclass",
                                     database=database.made[-1]).strip())
    main, side = pty.openpty()
    with subprocess.Popen([harness.ILS, 'store', 'copy', target], env=kyoto.env, stderr=side,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as copy:
        os.close(side)
        seen = b''
        while b'rows so far' not in seen and select.select([main], [], [], 20)[0]:
            seen += os.read(main, 4096)
        holder.terminate()
        holder.wait()
        database.psql('-c', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query "
                      "LIKE '%pg_sleep(600)' AND pid <> pg_backend_pid()", database='postgres')
        code = copy.wait(60)
    os.close(main)
    tap.ok(b'copying and checking: ' in seen and code == 0,
           'a copy back there says how far it is, and is made', seen, code)
    tap.ok('moved to ' in left.ils('status')[1], 'who is left there still writes nothing', said)
    kyoto.must('store', 'copy', target, '--last', '--yes')
    kyoto.process.wait(20)
    kyoto.process = None
    tap.ok(wait_until(lambda: 'this ilsd writes' in left.ils('status')[1]),
           'until all has moved back: then it may', left.ils('status')[1])
    left.stop()


def whole(tap, net, c):
    """Backup, audit and restore of a store in PostgreSQL."""
    file = os.path.join(net.folder, 'kyoto.backup')
    code, out = c.ils('verify')
    tap.ok(code == 0 and 'sound' in out, 'verify', out, c.error)
    code, out = c.ils('backup', file)
    tap.ok(code == 0 and 'sound' in out, 'backup', out, c.error)
    tap.ok(not [f for f in os.listdir(net.folder) + os.listdir(c.data) if f.endswith('.part')],
           'nothing lies about')
    c.must('plan', 'add', 'ENTERPRISE', '4799')
    code, out = c.ils('restore', file, '--yes')
    tap.ok(code == 0 and 'was put back' in out, 'restore', out, c.error, c.said())
    tap.ok(not finds(c, '4799') and finds(c, '4711'), 'it is as it was')
    kept = [f for f in os.listdir(c.data) if 'before' in f]
    tap.ok(len(kept) == 1 and c.ils('verify', os.path.join(c.data, kept[0]))[0] == 0,
           'the former one is kept', kept)
    harness.SERVERS[0].psql('-c', "UPDATE ils_segment SET value = overlay(value placing '\\x00' "
                            "from 200) WHERE length(value) > 1000 AND key IN (SELECT key FROM "
                            "ils_segment ORDER BY length(value) DESC LIMIT 1)",
                            database=c.store.split('/')[3].split('?')[0])
    code, out = c.ils('verify')
    tap.ok(code == 1 and 'NOT sound' in out, 'a damaged byte is found', out)
    c.must('restore', file, '--yes')
    tap.same(c.ils('verify')[0], 0, 'and mended by the backup')


def main():
    tap = Tap()
    missing = Postgresql.missing()
    if missing:
        tap.skip('a store in PostgreSQL', 'not installed: ' + ', '.join(missing))
        tap.done()
    with Network() as net:
        tokyo = lives(tap, net)
        refused(tap, net, tokyo)
        tap.same(tokyo.stop(), 0, 'and ends')
        over_tls(tap, net)
        tap.run(moves, tap, net)
    tap.done()


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
"""`ils source` as people type and read it, in both languages, with answers that a test wants."""
import os

from fake import Answer, Fake
from harness import Tap

JAPANESE = 'ja_JP.UTF-8'
AT = '2026-11-22T10:48:12.345Z'
GIVEN = {'good': True, 'entries': 3, 'uris': 2, 'numbers': 1, 'patterns': 0, 'added': 3,
         'removed': 0}
WELL = {'name': 'hq', 'kind': 'sqlite', 'place': '/srv/k.db', 'query': 'SELECT uri FROM t',
        'every': 300, 'state': 'good', 'entries': 3, 'last_run': AT, 'last_good': AT,
        'last_change': None, 'added': 3, 'removed': 0, 'error': None, 'next': None, 'more': []}

tap = Tap()


def add(fake):
    fake.answers['source add'] = GIVEN
    status, out, _ = fake.ils('source', 'add', 'hq', '--file', 'plan.csv', '--every', '5m')
    tap.same((status, out), (0, '3 entries: 2 directory URIs, 1 numbers, 0 patterns\n'
                             '3 added or changed, 0 removed\n'), 'added')
    tap.same(fake.asked[-1]['args'], {'name': 'hq', 'kind': 'file', 'every': 300,
                                      'place': os.path.join(fake.data, 'plan.csv')},
             'a path is one from / on')
    fake.ils('source', 'add', 'p', '--postgresql', 'host=db', '--query', 'SELECT 1',
             '--password-file', '/p', '--domain', 'example.com')
    tap.same(fake.asked[-1]['args'], {'name': 'p', 'kind': 'postgresql', 'place': 'host=db',
                                      'query': 'SELECT 1', 'password_file': '/p',
                                      'domain': 'example.com'}, 'a DSN is as it is typed')
    fake.ils('source', 'add', 'l', '--ldap', 'ldap://h', '--base', 'dc=x', '--filter', '(a=b)',
             '--attributes', 'URI=mail', '--bind', 'cn=r', '--ca', 'ca.pem', '--plain')
    tap.same(fake.asked[-1]['args'],
             {'name': 'l', 'kind': 'ldap', 'place': 'ldap://h', 'base': 'dc=x', 'filter': '(a=b)',
              'attributes': 'URI=mail', 'bind': 'cn=r', 'plain': True,
              'ca': os.path.join(fake.data, 'ca.pem')}, 'a directory')
    asked = len(fake.asked)
    for words in ([], ['--file', 'a', '--sqlite', 'b'], ['--file', 'a', '--every', '3']):
        status, _, err = fake.ils('source', 'add', 'x', *words)
        tap.ok(status == 64 and 'next:' in err, 'refused here: %s' % ' '.join(words), err)
    tap.same(len(fake.asked), asked, 'and not asked')
    tap.ok('ソースは' in fake.ils('source', 'add', 'x', lang=JAPANESE)[2], 'in Japanese')


def look(fake):
    fake.answers['source list'] = []
    tap.same(fake.ils('source', 'list')[1], 'none\n', 'there is none')
    bad = dict(WELL, name='pbx', state='failed', every=3600, next="ils source test 'pbx'",
               error='it gives no entry: what it gave before stays')
    fake.answers['source list'] = [WELL, bad]
    out = fake.ils('source', 'list')[1]
    tap.ok('/srv/k.db SELECT uri FROM t  5 min' in out and '1 h' in out and 'failed' in out,
           'the list', out)
    tap.ok("  it gives no entry: what it gave before stays | ils source test 'pbx'\n" in out,
           'why, and what to type', out)
    out = fake.ils('source', 'list', lang=JAPANESE)[1]
    tap.ok('失敗' in out and '正常' in out and 'エントリが 1 件も得られません' in out,
           'in Japanese', out)


def read(fake):
    would = {'dry_run': True, 'added': 1, 'removed': 0, 'changed': 0, 'unchanged': 2,
             'shrinks': None, 'entries': [], 'targets': [], 'looked_up': 1, 'not_listed': 0}
    fake.answers['source test'] = dict(GIVEN, would=would)
    status, out, _ = fake.ils('source', 'test', 'hq')
    tap.ok(status == 0 and out.startswith('3 entries') and
           'nothing was changed. It would: 1 added' in out, 'test says what would change', out)
    fake.answers['source test'] = Answer(status=1, error={
        'name': 'SOURCE', 'text': 'row 2, column uri: "x": a directory URI is user@host',
        'where': 'hq', 'next': 'ils help source add', 'more': ['row 7: too long']})
    status, _, err = fake.ils('source', 'test', 'hq')
    tap.ok(status == 1 and 'row 2, column uri' in err and '  row 7: too long\n' in err,
           'and which rows are wrong', err)
    fake.answers['source run'] = GIVEN
    fake.ils('source', 'run', 'hq', '--force')
    tap.same(fake.asked[-1]['args'], {'name': 'hq', 'force': True}, 'run, whatever goes')
    fake.answers['source remove'] = {'entries': 3, 'text': 'OK'}
    out = fake.ils('source', 'remove', 'hq')[1]
    tap.ok(out.startswith('its 3 entries stay'), 'removed, its entries stay', out)
    fake.answers['source remove'] = {'entries': 0, 'text': 'OK'}
    tap.same(fake.ils('source', 'remove', 'hq', '--entries')[1], 'OK\n', 'removed with them')
    tap.same(fake.asked[-1]['args'], {'name': 'hq', 'entries': True}, 'as asked')


for part in (add, look, read):
    with Fake() as fake_:
        tap.run(part, fake_)
tap.done()

#!/usr/bin/env python3
"""Each code's cause in English and in Japanese through the real ils: as `ils verdicts` lists it and
as a refused `ils join` says it; sentences, tables and trace lines beside it."""
import importlib.machinery
import importlib.util
import json
import os
import re
import unicodedata

from fake import ROOT, Answer, Fake
from harness import Tap

JAPANESE = 'ja_JP.UTF-8'
VALUES = {'host': '10.0.0.5', 'port': '7501', 'generation': '3', 'name': 'ils.osaka.example.com',
          'retry': '42', 'method': 'tls', 'rule': 'an invite'}
tap = Tap()


def script_po():
    loader = importlib.machinery.SourceFileLoader('po', os.path.join(ROOT, 'script', 'po'))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('po', loader))
    loader.exec_module(module)
    return module


def filled(template, **other):
    return re.sub(r'\{(\w+)\}', lambda m: dict(VALUES, **other)[m[1]], template)


def verdict(code, cause, remedy=''):
    return {'verdict_id': '0123456789abcdef', 'code': code, 'cause': filled(cause),
            'evidence': 'dialled 10.0.0.5 port 7501', 'remedy': remedy, 'remedy_at': 'here',
            'told': False, 'method': 'tls', 'rule': VALUES['rule'], 'generation': 3,
            'certificate_name': VALUES['name'], 'fingerprint': 'AB:CD:EF', 'host': '10.0.0.5',
            'port': 7501, 'peer_id': None, 'peer_name': None, 'address': '10.0.0.5:7501',
            'local': '10.0.0.6:40000', 'dialler': True, 'retry_after': 42,
            'time': '2026-11-22T10:00:00.000Z'}


def causes(fake, rows, japanese):
    fake.answers['verdicts'] = [verdict(code, cause) for code, cause in rows]
    for lang, said in ((JAPANESE, lambda c: filled(japanese[c], rule=japanese[VALUES['rule']])),
                       ('C', filled)):
        status, out, _ = fake.ils('verdicts', lang=lang)
        tap.same(status, 0, 'ils verdicts answers, LANG=%s' % lang)
        lines = {line.split()[1]: line for line in out.splitlines()[1:]}
        for code, cause in rows:
            tap.ok(lines[code].endswith('  ' + said(cause)), '%s, LANG=%s' % (code, lang),
                   lines[code], said(cause))


def refusals(fake, rows, japanese):
    for code, cause in rows:
        fake.answers['join'] = Answer(verdict(code, cause), status=int(code != 'ILS-100'))
        said = filled(japanese[cause], rule=japanese[VALUES['rule']])
        status, out, _ = fake.ils('join', '10.0.0.5', lang=JAPANESE)
        tap.ok(out.startswith('%s %s\n' % (code, said)) and status == int(code != 'ILS-100'),
               'ils join says %s in Japanese' % code, out)
    fake.answers['join'] = Answer(verdict(*rows[1]), status=1)
    tap.same(fake.ils('join', '10.0.0.5', '--json', lang=JAPANESE)[1],
             fake.ils('join', '10.0.0.5', '--json')[1], '--json is the same in every language')


def documents_words(fake, rows):
    cause = dict(rows)
    for code, words in (('ILS-201', ('パスワードの不一致',)),
                        ('ILS-202', ('パスワードを使用',)),
                        ('ILS-301', ('自己署名', '証明書検証の失敗', 'インポート')),
                        ('ILS-302', ('ルート証明書',)),
                        ('ILS-408', ('ILSネットワーク',))):
        fake.answers['join'] = Answer(verdict(code, cause[code], 'ils status'), status=1)
        out = fake.ils('join', '10.0.0.5', lang=JAPANESE)[1]
        tap.ok(all(word in out for word in words), '%s has the words of the document' % code, out)
        tap.ok('対処: こちら側で入力: ils status\n' in out, 'and where the remedy is typed', out)
    fake.answers['auth show'] = {'tls': True, 'password': False, 'accept': ['tls']}
    out = fake.ils('auth', 'show', lang=JAPANESE)[1]
    tap.ok('TLS証明書を使用' in out and 'パスワードを使用' in out, 'the two boxes', out)


def sentences(fake):
    fake.answers['route add'] = Answer(status=1, error={
        'name': 'NOT_INITIALISED', 'text': 'this cluster has no id yet', 'next': 'ils init'})
    status, _, err = fake.ils('route', 'add', 'a', 'b', lang=JAPANESE)
    tap.same((status, err), (1, 'ils: このクラスタにはまだクラスタIDがありません\n次の操作: ils init\n'),
             'a refused command')
    fake.answers['alarms'] = [{'name': 'ILSTCPInUse', 'severity': 'critical', 'count': 1,
                               'first': None, 'last': None, 'active': True,
                               'text': 'TCP port 7501 is in use by nc'}]
    out = fake.ils('alarms', lang=JAPANESE)[1]
    tap.ok('TCPポート 7501 は nc が使用中です' in out, 'an alarm', out)
    fake.answers['status'] = {'health': 'degraded', 'next': 'ils status', 'next_at': 'there',
                              'cause': 'not joined: 10.0.0.5 port 1 is not a hub (ILS-403)'}
    status, out, _ = fake.ils('status', lang=JAPANESE)
    tap.ok(out.startswith('異常あり: 未参加: 10.0.0.5 ポート 1 はハブではありません (ILS-403)\n'
                          '次の操作（相手側）: ils status\n'), 'the cause of a degraded status', out)
    line = '00000001.000 |10:00:00.000 |AppInfo |IlsD Ils::processConnectReq Initiating non-TLS'
    fake.answers['trace last'] = [{'line': line, 'record': {}}]
    tap.same(fake.ils('trace', lang=JAPANESE)[1], line + '\n', 'a trace line is as it is')


def columns(fake):
    def width(text):
        return sum(2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in text)
    fake.answers['verdicts'] = [dict(verdict('ILS-301', 'x'), host=host)
                                for host in ('東京.example.jp', 'a', 'ハブ')]
    for lang in (JAPANESE, 'C'):
        out = fake.ils('verdicts', lang=lang)[1].splitlines()
        at = {width(line[:line.index('10.0.0.5:7501')]) for line in out[1:]}
        at |= {width(out[0][:re.search(r'Peer|ピア', out[0]).start()])}
        tap.ok(len(at) == 1, 'columns stand under each other, LANG=%s' % lang, *out)


def remedies(fake):
    """Under the newest refusal of its kind: what is typed, and at which end."""
    here = dict(verdict('ILS-301', 'x', 'ils trust import --verdict 02'), address='10.0.0.5:40002')
    fake.answers['verdicts'] = [
        here, verdict('ILS-100', 'joined'),
        dict(here, remedy='ils trust import --verdict 01', address='10.0.0.5:40001'),
        dict(here, remedy_at='there', remedy='ils trust import --verdict 00')]
    lines = fake.ils('verdicts')[1].splitlines()
    tap.same([n for n, line in enumerate(lines) if line.startswith('  ')], [2, 6],
             'a remedy under the newest of a kind only')
    tap.same((lines[2], lines[6]),
             ('  remedy: type at this end: ils trust import --verdict 02',
              '  remedy: type at the other end: ils trust import --verdict 00'), 'and its end')
    found = json.loads(fake.ils('verdicts', '--json')[1])
    tap.ok(not any('below' in v for v in found), '--json has no more than before')


def labels(fake):
    """Values under each other, however wide the labels are."""
    def width(text):
        return sum(2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in text)
    cert = {'subject': '<s>', 'names': ['<n>'], 'fingerprint': '<f>', 'issuer': '<i>'}
    fake.answers['cert show'] = {'in_use': cert, 'next': None}
    fake.answers['invite'] = {'token': 'ILS1-A', 'id': '<id>', 'expires': '<e>',
                              'addresses': ['<a>'], 'fingerprint': '<f>'}
    fake.answers['status'] = {'health': 'healthy', 'initialised': True, 'cluster_id': '<c>',
                              'version': '<v>', 'join': {'wanted': True, 'hub': '<h>'},
                              'certificate': {'subject': '<s>'}}
    fake.answers['trust show'] = {'subject': '<s>', 'fingerprint': '<f>', 'kind': '<k>',
                                  'verdict_id': '<v>', 'added': '<a>', 'names': ['<n>', '<m>'],
                                  'next': '<t>', 'address': '<p>'}
    for lang in (JAPANESE, 'C'):
        for words, n in ((('cert', 'show'), 4), (('invite',), 4), (('status',), 4),
                         (('trust', 'show', '00'), 9)):
            out = fake.ils(*words, lang=lang)[1]
            at = [width(line[:line.index('<')]) for line in out.splitlines() if '<' in line]
            tap.ok(len(at) == n and len(set(at)) == 1, '%s: values under each other, LANG=%s' %
                   (' '.join(words), lang), out)


def main():
    po = script_po()
    japanese = po.catalog(ROOT)
    rows = [(places[0].split()[1], text) for text, places in po.texts(ROOT).items()
            if places[0].startswith('src/core/code.def')]
    tap.ok(len(rows) > 40, 'there are rows')
    with Fake() as fake:
        causes(fake, rows, japanese)
        refusals(fake, rows, japanese)
        documents_words(fake, rows)
        sentences(fake)
        columns(fake)
        remedies(fake)
        labels(fake)
    tap.done()


main()

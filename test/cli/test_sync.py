#!/usr/bin/env python3
"""`ils sync`, `ils exchange` and the hubs of `ils status` as people read them, in both languages,
with answers that a test wants."""
from fake import Answer, Fake
from harness import Tap

JAPANESE = 'ja_JP.UTF-8'
AT = '2026-11-22T10:48:12.345Z'
WELL = {'known': True, 'usn': 7, 'newest': 7, 'lag_s': 0, 'digest_equal': True, 'error': None,
        'status': 'Up to date', 'since': None, 'exact': True, 'as_of': AT}
LATE = dict(WELL, usn=5, lag_s=65, digest_equal=None, status='Behind', error='over the quota',
            since=AT, exact=False)
SYNC = {'cluster': 'tokyo', 'local': True, 'health': 'healthy', 'cause': None, 'behind': 0,
        'unknown': 0, 'minutes': 10, 'exchange': True, 'clusters': [
            dict(WELL, name='tokyo', local=True, theirs=None),
            dict(WELL, name='osaka', local=False, theirs=dict(WELL, exact=False))]}
STATUS = {'health': 'degraded', 'next': 'systemctl start ilsd', 'next_at': 'there',
          'or': 'ils role hub', 'or_at': 'here', 'initialised': True, 'cluster_id': 'tokyo',
          'fqdn': 'tokyo.example.com', 'role': 'Hub', 'join': {}, 'draining': False,
          'mesh': {'linked': 1, 'hubs': 2, 'missing': []}}

tap = Tap()


def cells(text, name):
    """The cells of the row of that cluster."""
    return next(([cell.strip() for cell in line.split('  ') if cell.strip()]
                 for line in text.splitlines() if line.startswith(name)), [])


def sync(fake):
    fake.answers['sync'] = SYNC
    status, out, _ = fake.ils('sync')
    tap.same((status, out.splitlines()[0]), (0, 'every plan is up to date'), 'nothing is behind',
             out)
    tap.same(cells(out, 'osaka'), ['osaka', '7', '7', '-', 'equal', 'Up to date', '-', '7', '-',
                                   'equal', 'Up to date', '2026-11-22T10:48:12'], 'a row', out)
    bad = dict(SYNC, health='degraded', cause='osaka is behind with tokyo by 65 s', behind=1,
               exchange=False, clusters=[SYNC['clusters'][0],
                                         dict(LATE, name='osaka', theirs=LATE)])
    fake.answers['sync'] = Answer(bad, status=1)
    status, out, _ = fake.ils('sync', 'osaka')
    tap.same((status, out.splitlines()[0]), (1, 'degraded: osaka is behind with tokyo by 65 s'),
             'something is behind', out)
    tap.same(fake.asked[-1]['args'], {'cluster': 'osaka'}, 'of whom it is asked')
    tap.same(cells(out, 'osaka')[1:6], ['5', '7', '65 s', '-', 'Behind'], 'its row', out)
    tap.ok('  last error: over the quota\n' in out and 'ils exchange on' in out,
           'the last error, and that nothing is exchanged', out)
    out = fake.ils('sync', lang=JAPANESE)[1]
    tap.ok('65 秒遅れています' in out and '割り当てを超えています' in out and '遅れ' in
           cells(out, 'osaka'), 'in Japanese', out)
    tap.same(fake.ils('sync', 'every')[1], 'every 10 minutes\n', 'how often')
    fake.answers['sync every'] = fake.answers['exchange'] = {'text': 'OK'}
    fake.ils('sync', 'every', '5')
    tap.same(fake.asked[-1]['args'], {'minutes': 5}, 'another number')
    fake.ils('exchange', 'off')
    tap.same(fake.asked[-1]['args'], {'on': False}, 'exchange off')
    status, _, err = fake.ils('exchange', 'maybe')
    tap.ok(status == 64 and 'on or off' in err, 'neither on nor off', err)


def hubs(fake):
    cause = 'hub mesh 1 of 2: nagoya cannot be reached (ILS-406)'
    fake.answers['status'] = Answer(dict(STATUS, cause=cause), status=1)
    status, out, _ = fake.ils('status')
    tap.same((status, out.splitlines()[:3]),
             (1, ['degraded: ' + cause, 'next, at the other end: systemctl start ilsd',
                  'or: ils role hub']), 'the mesh, and both ways out', out)
    tap.ok('ハブのメッシュ 1/2：nagoya' in fake.ils('status', lang=JAPANESE)[1], 'in Japanese')
    tap.ok('1 of 2 other hubs' in out, 'how many hubs', out)
    fake.answers['status'] = dict(STATUS, health='healthy', next=None, **{'or': None}, cause=None,
                                  draining=True)
    out = fake.ils('status')[1]
    tap.ok('draining' in out and 'exchange' not in out, 'a hub that drains')
    fake.answers['status']['exchange'] = False
    tap.ok('ils exchange on' in fake.ils('status')[1], 'a cluster that exchanges nothing')


def main():
    with Fake() as fake:
        tap.run(sync, fake)
        tap.run(hubs, fake)
    tap.done()


main()

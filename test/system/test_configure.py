#!/usr/bin/env python3
"""The form *ILS Configuration* as one change: what is told of it beforehand comes true, and of a
form with a mistake anywhere nothing is done."""
from harness import Network, Tap, wait_until

tap = Tap()
ONE, TWO = '11' * 32, '22' * 32
PASSWORD = {'use_tls': False, 'use_password': True}


def asked(cluster, **form):
    """The result of a form that is taken."""
    answer = cluster.ask('configure', **form)
    if not answer['ok']:
        raise RuntimeError('%s: %r' % (form, answer['error']))
    return answer['result']


def fields(result):
    return [row['field'] for row in result['changes']]


def effects(result):
    return {row['name']: [e['effect'] for e in row['effects']] for row in result['clusters']}


def settings(cluster):
    """All that a form may change, as others read it."""
    status = cluster.ask('status')['result']
    hub = status['join'] or {}
    return (status['role'], hub.get('hub'), hub.get('hub_port'), status['route_string'],
            cluster.ask('sync')['result']['minutes'], status['exchange'], status['draining'],
            cluster.ask('auth show')['result'], cluster.ask('password list')['result'])


GOOD = dict(role='spoke', host='hub.example.com', port=4444, exchange=False,
            route_string='a.example', minutes=7, use_tls=True, use_password=True, stretched=ONE,
            generation=2, accept=['tls+password'])
WRONG = (('role', 'king'), ('role', 7), ('host', 'no host'), ('host', ''),
         ('host', 'ILS1-' + 9 * 'AAAAAAAA-' + 'A'), ('port', 65536), ('exchange', 'on'),
         ('route_string', '..'), ('minutes', 0), ('minutes', 1441), ('use_tls', 'yes'),
         ('use_password', 1), ('stretched', 'ab'), ('generation', 0), ('accept', ['smoke']),
         ('accept', 'tls'))


def mistakes(c):
    was, wrote = settings(c), len(c.ask('audit')['result'])
    for field, value in WRONG:
        error = c.ask('configure', **dict(GOOD, **{field: value})).get('error', {})
        said = 'password' if field == 'stretched' else field
        tap.same((error.get('where'), settings(c) == was), (said, True),
                 'of a form with %s %r nothing is done' % (field, value), error)
    missing = {k: v for k, v in GOOD.items() if k not in ('stretched', 'generation')}
    tap.same(c.ask('configure', **missing)['error']['where'], 'password', 'a password is missing')
    none = dict(missing, use_tls=False, use_password=False)
    tap.same(c.ask('configure', **none)['error']['where'], 'use_tls', 'neither box is ticked')
    tap.same(c.ask('configure', role='standalone', host='x')['error']['where'], 'host',
             'a standalone cluster registers with nobody')
    tap.same(c.ask('configure', colour='red')['error']['where'], 'colour', 'an unknown field')
    tap.same(settings(c), was, 'nothing of all that was done')
    tap.same(len(c.ask('audit')['result']), wrote, 'nor is it in the audit')
    told = asked(c, dry_run=True, **GOOD)
    tap.same(settings(c), was, 'a form without a mistake, and dry_run: nothing is done')
    done = asked(c, **GOOD)
    tap.ok(settings(c) != was, 'the control: without dry_run it is')
    tap.same((done['changes'], done['registers']), (told['changes'], told['registers']),
             'what it did is what was told')
    tap.same(fields(done), ['role', 'host', 'port', 'exchange', 'route_string', 'minutes',
                            'use_password', 'password', 'accept'], 'in the order of the form')
    tap.same(done['registers'], 'hub.example.com:4444', 'it registers there')
    tap.same((fields(asked(c, **GOOD)), settings(c)[:2]), ([], ('Spoke', 'hub.example.com')),
             'the same once more changes nothing')
    line = c.ask('audit', max=1)['result'][0]['what']
    tap.ok(line.startswith('configure role=spoke host=hub.example.com') and ONE not in line,
           'it is in the audit as one, without the password', line)
    after = settings(c)
    c.restart()
    tap.same(settings(c), after, 'all of it is there after a restart')
    asked(c, role='standalone', exchange=True)
    c.must('password', 'drop', '2')


def join(hub, spoke):
    asked(hub, role='hub', stretched=ONE, **PASSWORD)
    told = asked(spoke, role='spoke', host='127.0.0.1', port=hub.port, stretched=ONE, **PASSWORD)
    tap.same(told['registers'], '127.0.0.1:%d' % hub.port, 'a spoke by one form')
    tap.ok(wait_until(lambda: spoke.up_to_date(hub.name) and hub.up_to_date(spoke.name)),
           'both tables read Up to date')


def disturbed(hub, spoke):
    tap.same(fields(asked(hub, role=None, port=None, host=None, minutes=None, accept=None)), [],
             'what is null stays as it is')
    told = asked(hub, use_tls=True, dry_run=True)
    tap.same(effects(told), {spoke.name: ['cut']}, 'another method: the spoke would be cut')
    row = told['clusters'][0]
    tap.same((row['outcome'], row['code_here'], told['cut_off']), ('cut off', 'ILS-301', 1),
             'and why it could not come back')
    told = asked(hub, use_tls=True, accept=['+password'], dry_run=True)
    tap.same((effects(told), told['stay']), ({spoke.name: []}, 1),
             'it stays where its method goes on being accepted')
    told = asked(spoke, use_tls=True, accept=['+password'], dry_run=True)
    tap.same(effects(told), {hub.name: ['again']}, 'at the spoke: its link is set up again')
    told = asked(spoke, stretched=TWO, dry_run=True)
    tap.same((effects(told), told['unknown'], told['changes'][0]),
             ({hub.name: ['password']}, 1,
              {'field': 'password', 'from': 'held', 'to': 'new', 'generation': 1}),
             'another password: the link stays until it is set up again')
    tap.same(asked(hub, exchange=False, dry_run=True)['withholds']['entries'], 0,
             'what the exchange withholds when it is off')
    tap.same(asked(hub, exchange=True, dry_run=True)['withholds'], None, 'and on: nothing')
    tap.same(asked(spoke, minutes=12, dry_run=True)['clusters'], [], 'an interval disturbs nobody')
    tap.same(effects(asked(spoke, role='standalone', dry_run=True)), {hub.name: ['cut']},
             'standalone: the link would end')
    error = hub.ask('configure', role='spoke', host='127.0.0.9')['error']
    tap.same((error['name'], error['where']), ('LAST_HUB', 'role'), 'the last hub of a spoke stays')
    tap.ok(spoke.up_to_date(hub.name), 'nobody was disturbed by asking')


def comes_true(hub, spoke):
    """Hub and hub; one of them becomes a spoke again by a form."""
    told = asked(spoke, role='hub')
    tap.same(fields(told), ['role'], 'a spoke becomes a hub')
    wait_until(lambda: hub.cluster(spoke.name)['role'] == 'Hub' and
               spoke.ask('status')['result']['mesh']['linked'] == 1)
    told = asked(spoke, role='spoke', minutes=3, dry_run=True)
    tap.same((told['draining'], effects(told)), (True, {}), 'and a spoke again: it would drain')
    asked(spoke, role='spoke', minutes=3)
    tap.ok(wait_until(lambda: settings(spoke)[0] == 'Spoke'), 'it is one when it has drained')
    told = asked(hub, use_tls=True)
    tap.same(effects(told), {spoke.name: ['cut']}, 'the hub takes away what the spoke dials by')
    tap.ok(wait_until(lambda: spoke.ask('status')['result']['health'] == 'degraded'),
           'it came true: the spoke is cut off')
    asked(hub, use_tls=False)
    spoke.must('connect', hub.name)
    tap.ok(wait_until(lambda: spoke.up_to_date(hub.name)), 'and back, when that is taken back')
    told = asked(spoke, role='standalone')
    tap.same((told['clusters'][0]['outcome'], settings(spoke)[:2]), (None, ('Standalone', None)),
             'standalone: it registers with nobody')


def typed(hub, spoke):
    """By a person at a terminal."""
    out = hub.must('configure', '--tls', 'on', '--dry-run')
    tap.ok('use_tls' in out and 'not accepted any more' in out and
           'ils trust bundle export' in out, 'ils configure shows what it would do', out)
    status, out = hub.ils('configure', '--sync-every', '0', '--exchange', 'off')
    tap.ok(status == 1 and 'minutes' in hub.error, 'and what is wrong with it', hub.error)
    was = settings(hub)
    out = hub.must('configure', '--sync-every', '9', '--new-password', '--stdin', '--yes',
                   stdin='another\n')
    tap.ok(out.endswith('OK\n') and settings(hub)[4] == 9, 'and does it', out)
    tap.same(hub.json('configure', '--sync-every', '9')['changes'], [], 'the same changes nothing')
    tap.same(settings(hub)[0], was[0], 'what was not said stays')
    asked(hub, stretched=ONE, minutes=10)


with Network() as net:
    one, two = net.cluster('tokyo'), net.cluster('osaka')
    for each in (one, two):
        error = each.ask('configure', role='hub')['error']
        tap.same((error['name'], error['where']), ('NOT_INITIALISED', 'role'), 'before ils init')
        each.must('init', '--cluster-id', each.name, '--fqdn', each.name + '.example.com')
    tap.run(mistakes, one)
    tap.run(join, one, two)
    tap.run(disturbed, one, two)
    tap.run(typed, one, two)
    tap.run(comes_true, one, two)
tap.done()

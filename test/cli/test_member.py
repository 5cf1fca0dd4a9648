#!/usr/bin/env python3
"""Membership as typed: what is asked of ilsd, what is asked of the operator first, and what is said
of the answer."""
import json

from fake import Answer, Fake
from harness import Tap

KEY, PEER = '5a' * 32, '0123456789abcdef' * 2
tap = Tap()


def identity(**more):
    return dict({'cluster_id': 'osaka', 'fqdn': 'ils.osaka.example.com', 'peer_id': PEER,
                 'key': KEY, 'boot': 7, 'role': 'Spoke', 'network_id': None, 'writing': 'yes',
                 'usn': 41, 'entries': 12, 'theirs_epoch': None, 'theirs_usn': None}, **more)


def hub(**more):
    return dict({'cluster_id': 'nara', 'peer_id': PEER, 'why': 'hub', 'address': '10.0.0.9',
                 'port': 7501, 'linked': True, 'visited': True, 'draining': False,
                 'last_code': None, 'attempts': 0, 'since_s': None, 'next_attempt_s': None,
                 'next': None, 'next_at': 'here'}, **more)


def commands(fake):
    return [r['command'] for r in fake.asked]


def role(fake):
    fake.answers['role'] = {'role': 'Spoke', 'draining': False, 'text': 'OK'}
    status, out, _ = fake.ils('role', 'spoke', '--hub', '[2001:db8::1]:7502')
    tap.same((status, out), (0, 'OK\n'), 'role spoke')
    tap.same(fake.asked[-1]['args'],
             {'role': 'spoke', 'host': '2001:db8::1', 'port': 7502, 'wait': True}, 'and its hub')
    fake.ils('role', 'spoke', '--hub', 'tokyo.example.com', '--no-wait')
    tap.same(fake.asked[-1]['args'],
             {'role': 'spoke', 'host': 'tokyo.example.com', 'wait': False}, '--no-wait')
    asked = len(fake.asked)
    status, _, err = fake.ils('role', 'spoke', '--hub', 'tokyo:0')
    tap.ok(status == 64 and '1 to 65535' in err and 'next: ils help role' in err and
           len(fake.asked) == asked, 'a port that is none', err)
    fake.answers['role'] = Answer({'role': 'Spoke', 'draining': False, 'text': 'OK'},
                                  before=[{'draining': ['kyoto', 'nara']}, {'draining': ['nara']},
                                          {'draining': []}])
    status, out, err = fake.ils('role', 'spoke')
    tap.same((out, err), ('OK\n', 'waiting until these have gone to another hub: kyoto, nara\n'
                                  'waiting until these have gone to another hub: nara\n'),
             'who has not gone yet')
    out, err = fake.ils('role', 'spoke', '--json')[1:]
    tap.same((json.loads(out)['role'], err), ('Spoke', ''), 'with --json that is not said')
    fake.answers['role'] = {'role': 'Hub', 'draining': True, 'text': 'OK'}
    tap.same(fake.ils('role', 'spoke', '--no-wait')[1],
             'OK: `ils status` shows when it is a spoke\n', 'and where nobody waits')
    tap.ok('スポーク' in fake.ils('role', 'spoke', '--no-wait', lang='ja_JP.UTF-8')[1], 'in Japanese')


def leave(fake):
    fake.answers['identity'] = identity()
    text = 'left; its own entries (12) stay here, and the others have them again when it joins'
    fake.answers['leave'] = {'entries': 12, 'text': text}
    status, said = fake.typed('leave', answer='n\n')
    tap.ok(status == 1 and 'The entries of osaka (12) stay here' in said and
           'nothing was changed' in said and 'leave' not in commands(fake), 'leave asks', said)
    status, said = fake.typed('leave', answer='y\n')
    tap.ok(status == 0 and 'OK: ' + text in said, 'and does it', said)
    status, said = fake.typed('leave', '--yes', answer='')
    tap.ok(status == 0 and 'leave the network?' not in said, '--yes', said)
    tap.same(fake.ils('leave')[:2], (0, 'OK: %s\n' % text), 'nobody is asked without a terminal')
    fake.answers['status'] = {'cluster_id': 'osaka', 'peer_id': PEER}
    status, said = fake.typed('disconnect', 'OSAKA', answer='y\n')
    tap.ok(status == 0 and 'leave the network?' in said and commands(fake)[-1] == 'leave',
           'to disconnect oneself is to leave', said)
    tap.ok('自身のエントリ (12 件) はここに残り' in fake.ils('leave', lang='ja_JP.UTF-8')[1], 'in Japanese')


def gone(fake):
    status, said = fake.typed('ban', 'nara', answer='\n')
    tap.ok(status == 1 and 'ban nara?' in said and 'ban' not in commands(fake),
           'ban asks', said)
    tap.same(fake.typed('ban', 'nara', '--yes', answer='')[0], 0, 'ban --yes')
    tap.same(fake.asked[-1]['args'], {'cluster': 'nara'}, 'and whom')
    tap.same(fake.ils('forget', 'nara')[:2], (0, 'OK\n'), 'forget does not ask')
    tap.same(fake.asked[-1]['args'], {'cluster': 'nara'}, 'whom')
    text = ('forgotten; hub kyoto lists it as well, and it was heard of lately: if it lives it '
            'comes back, unless it is banned')
    fake.answers['forget'] = {'text': text, 'listed_by': 'kyoto'}
    tap.same(fake.ils('forget', 'nara')[:2], (0, 'OK: %s\n' % text), 'what else there is to say')
    tap.ok('ハブ kyoto にも' in fake.ils('forget', 'nara', lang='ja_JP.UTF-8')[1], 'in Japanese',
           fake.ils('forget', 'nara', lang='ja_JP.UTF-8')[1])
    fake.answers['ended'] = []
    tap.same(fake.ils('ended')[1], 'none\n', 'ended: nobody')
    row = {'cluster_id': None, 'peer_id': PEER, 'how': 'banned', 'by': None,
           'by_peer_id': 'ff' * 16,
           'epoch': 3, 'usn': 9}
    fake.answers['ended'] = [row, dict(row, cluster_id='nara', how='left', by='nara')]
    lines = fake.ils('ended')[1].splitlines()
    tap.ok(lines[1].split() == ['-', PEER, 'banned', 'ff' * 16, '3', '9'] and
           lines[2].strip() == 'let in again by: ils unban ' + PEER and
           lines[3].split() == ['nara', PEER, 'left', 'nara', '3', '9'], 'ended', *lines)
    tap.ok('追放' in fake.ils('ended', lang='ja_JP.UTF-8')[1], 'in Japanese')
    tap.same(json.loads(fake.ils('ended', '--json')[1])[0], row, 'with --json as ilsd says it')


def who(fake):
    fake.answers['identity'] = identity(writing='clone')
    status, out, _ = fake.ils('identity')
    tap.ok(status == 0 and KEY in out and PEER in out and 'osaka (ils.osaka.example.com)' in out and
           'another copy of this cluster is running' in out, 'identity', out)
    fake.answers['identity new'] = identity(cluster_id='kobe', former_peer_id='00', text='OK',
                                            notes=['its certificate is new, too: whoever goes by '
                                                   'certificates has to import it anew (ils cert '
                                                   'export), or to invite it'])
    status, _, err = fake.ils('identity', 'new')
    tap.ok(status == 64 and '--cluster-id' in err, 'identity new wants an id', err)
    status, said = fake.typed('identity', 'new', '--cluster-id', 'kobe', answer='n\n')
    tap.ok(status == 1 and 'identity new' not in commands(fake), 'identity new asks', said)
    status, out, _ = fake.ils('identity', 'new', '--cluster-id', 'kobe', '--fqdn',
                              'ils.kobe.example.com')
    tap.ok(status == 0 and 'kobe' in out and 'note: its certificate is new' in out,
           'identity new', out)
    tap.same(fake.asked[-1]['args'], {'cluster_id': 'kobe', 'fqdn': 'ils.kobe.example.com'},
             'its arguments')
    tap.ok('証明書も新しくなりました' in
           fake.ils('identity', 'new', '--cluster-id', 'kobe', lang='ja_JP.UTF-8')[1],
           'in Japanese')
    fake.ils('describe', '--cluster-id', 'kobe')
    tap.same(fake.asked[-1]['args'], {'cluster_id': 'kobe'}, 'describe --cluster-id')
    fake.answers['network'] = {'network_id': '5a' * 16, 'role': 'Hub'}
    tap.same(fake.ils('network')[1], '5a' * 16 + '\n', 'network')
    fake.answers['network'] = {'network_id': None, 'role': 'Standalone'}
    tap.ok('no network' in fake.ils('network')[1], 'network: none')
    tap.same(fake.ils('network', 'adopt')[:2], (0, 'OK\n'), 'network adopt')


def copies(fake):
    fake.answers['identity'] = identity(writing='rolled back', theirs_epoch=2, theirs_usn=57)
    for command, question in (('rebuild', 'take theirs?'), ('restore', 'keep what is here?')):
        status, said = fake.typed(command, answer='n\n')
        tap.ok(status == 1 and 'here: 12 entries, at usn 41' in said and
               'the neighbours: at usn 57 of epoch 2' in said and question in said and
               command not in commands(fake), '%s says what each side holds, and asks' % command,
               said)
        status, said = fake.typed(command, '--yes', answer='')
        tap.ok(status == 0 and 'at usn 57' in said and question not in said, '--yes', said)
        tap.same(fake.ils(command)[0], 0, 'nobody is asked without a terminal')
    fake.answers['identity'] = identity()
    fake.answers['rebuild'] = Answer(status=1, error={
        'name': 'NOT_ROLLED_BACK', 'text': 'nobody holds a newer catalog of this cluster',
        'next': 'ils sync'})
    status, said = fake.typed('rebuild', answer='')
    tap.ok(status == 1 and '[y/N]' not in said and 'nobody holds' in said,
           'where nobody holds a newer one nobody is asked', said)


def hubs(fake):
    fake.answers['hubs'] = []
    tap.same(fake.ils('hubs')[:2], (0, 'none\n'), 'hubs: none')
    fake.answers['hubs'] = Answer([
        hub(), hub(cluster_id='kobe', why='alternate', linked=False, address='2001:db8::1'),
        hub(cluster_id='uji', why='home', linked=False, visited=False, last_code='ILS-301',
            attempts=4, since_s=33, next_attempt_s=2, next='ils trust import --verdict ab',
            next_at='there')], status=1)
    status, out, _ = fake.ils('hubs')
    lines = out.splitlines()
    tap.ok(status == 1 and '10.0.0.9:7501' in lines[1] and ' linked ' in lines[1] and
           '[2001:db8::1]:7501' in lines[2] and ' visited ' in lines[2] and
           'not for 33 s: ILS-301' in lines[3] and 'registered with' in lines[3] and
           lines[4] == 'uji: type at the other end: ils trust import --verdict ab', 'hubs', out)
    out = fake.ils('hubs', lang='ja_JP.UTF-8')[1]
    tap.ok('33 秒間未接続: ILS-301' in out and '訪問済み' in out, 'in Japanese', out)
    tap.same(json.loads(fake.ils('hubs', '--json')[1])[2]['next_at'], 'there', 'with --json')


def main():
    with Fake() as fake:
        for part in (role, leave, gone, who, copies, hubs):
            tap.run(part, fake)
            fake.asked.clear()
    tap.done()


main()

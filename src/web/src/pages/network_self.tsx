/* network_self: who this cluster is, in which network, whether it may write, and what is done where
 * it may not. */
import { useEffect } from 'preact/hooks';
import { status, verdicts } from '../live';
import { Remedy } from '../remedy';
import { Button, Notice, Refused, Section, Working } from '../ui/bits';
import { useAsk, useDo } from '../ui/use';
import { ask } from '../api';
import { said } from '../said';
import { number, words } from '../words';
import { adopt, copy, decide, identity, leave, mayChange, type Act } from '../acts';

const t = words(
    {
        title: 'This cluster',
        cluster: 'Cluster ID',
        peer: 'Peer ID',
        key: 'Key',
        boot: 'Boot number',
        network: 'Network',
        'no-network': 'none yet',
        writes: 'Writes',
        yes: 'yes',
        waits: 'not yet: a neighbour’s list is awaited after the start',
        clone: 'no: another copy of this cluster is running',
        back: 'no: the neighbours hold a newer plan of it',
        'clone-cure': 'Either stop the other copy, or give this one an identity of its own.',
        'back-cure':
            'An older copy of the data directory was put back. Here: USN {usn}, {entries} ' +
            'entries; the neighbours hold USN {theirs} of epoch {epoch}. Choose whose plan holds.',
        verify: 'Verify the store',
        sound: 'The store is sound.',
        unsound: 'The store is damaged.',
        audited: '{segments} segments with {entries} entries were read.',
        verifying: 'The store is being audited…',
    },
    {
        title: 'このクラスタ',
        cluster: 'クラスタ ID',
        peer: 'ピア ID',
        key: '鍵',
        boot: '起動番号',
        network: 'ネットワーク',
        'no-network': '未所属',
        writes: '書き込み',
        yes: '可',
        waits: '未: 起動後、隣接クラスタの一覧を待っています',
        clone: '不可: このクラスタの別の複製が動いています',
        back: '不可: 隣接クラスタがより新しいプランを持っています',
        'clone-cure': 'もう一方の複製を停止するか、こちらに固有の ID を与えてください。',
        'back-cure':
            '古いデータディレクトリが復元されました。ここ: USN {usn}、{entries} エントリ。' +
            '隣接クラスタ: エポック {epoch} の USN {theirs}。どちらのプランを有効にするか選んでください。',
        verify: 'ストアを検査',
        sound: 'ストアに問題はありません。',
        unsound: 'ストアが破損しています。',
        audited: 'セグメント {segments} 個、エントリ {entries} 件を検査しました。',
        verifying: 'ストアを検査しています…',
    },
);

interface Identity {
    cluster_id: string;
    fqdn: string;
    peer_id: string;
    key: string;
    boot: number;
    network_id: string | null;
    writing: string;
    usn: number;
    entries: number;
    theirs_epoch: number | null;
    theirs_usn: number | null;
}

function writingWords(writing: string): string {
    if (writing === 'yes' || writing === 'waits' || writing === 'clone') return t(writing);
    return writing === 'rolled back' ? t('back') : writing;
}

function Facts(props: { me: Identity }) {
    const me = props.me;
    return (
        <dl class="facts">
            <dt>{t('cluster')}</dt>
            <dd>
                {me.cluster_id} ({me.fqdn})
            </dd>
            <dt>{t('network')}</dt>
            <dd>{me.network_id ? <code>{me.network_id}</code> : t('no-network')}</dd>
            <dt>{t('peer')}</dt>
            <dd>
                <code>{me.peer_id}</code>
            </dd>
            <dt>{t('key')}</dt>
            <dd>
                <code>{me.key}</code>
            </dd>
            <dt>{t('boot')}</dt>
            <dd>{number(me.boot)}</dd>
            <dt>{t('writes')}</dt>
            <dd>{writingWords(me.writing)}</dd>
        </dl>
    );
}

function Acts(props: { acts: Act[]; begin: (act: Act) => void }) {
    return (
        <>
            {props.acts.map(act => (
                <Button
                    key={act.command + act.what}
                    kind={act.danger ? 'danger' : 'plain'}
                    opens
                    onPress={() => props.begin(act)}
                >
                    {act.what}
                </Button>
            ))}
        </>
    );
}

/* Why nothing is written here, and the two ways out of it. */
function Cure(props: { me: Identity; begin: (act: Act) => void }) {
    const { me, begin } = props;
    if (me.writing !== 'clone' && me.writing !== 'rolled back') return null;
    const cloned = me.writing === 'clone';
    const text = cloned
        ? t('clone-cure')
        : t('back-cure', {
              usn: number(me.usn),
              entries: number(me.entries),
              theirs: number(me.theirs_usn),
              epoch: number(me.theirs_epoch),
          });
    return (
        <Notice tone="bad" title={writingWords(me.writing)}>
            <p>{text}</p>
            {mayChange() && (
                <div class="actions">
                    <Acts
                        acts={cloned ? [identity()] : [decide('rebuild'), decide('keep')]}
                        begin={begin}
                    />
                </div>
            )}
        </Notice>
    );
}

interface Audit {
    sound: boolean;
    entries: number;
    segments: number;
    findings: { what: string; next: string }[];
}

function Verified(props: { audit: Audit }) {
    const { sound, entries, segments, findings } = props.audit;
    const counts = { entries: number(entries), segments: number(segments) };
    return (
        <Notice tone={sound ? 'good' : 'bad'} live title={sound ? t('sound') : t('unsound')}>
            <p>{t('audited', counts)}</p>
            {findings.map(f => (
                <p key={f.what}>
                    {said(f.what)} {f.next && <Remedy text={f.next} at="here" />}
                </p>
            ))}
        </Notice>
    );
}

export function Self(props: { turn: number; begin: (act: Act) => void }) {
    const asked = useAsk<Identity>('identity');
    const { again } = asked;
    const verify = useDo<Audit>();
    const s = status.value;
    useEffect(() => again(), [props.turn, s?.health, s?.peer_id, s?.network_id, again]);
    const me = asked.data;
    const foreign = verdicts.value.some(v => v.code === 'ILS-408');
    const joined = me?.network_id !== null && s?.role !== 'Standalone';
    return (
        <Section title={t('title')}>
            <Refused refusal={asked.refusal} />
            {me && <Cure me={me} begin={props.begin} />}
            {me && <Facts me={me} />}
            <div class="actions">
                {mayChange() && me && (
                    <Acts
                        acts={[
                            ...(joined ? [leave()] : []),
                            ...(foreign ? [adopt()] : []),
                            identity(),
                            copy('backup'),
                            copy('restore'),
                        ]}
                        begin={props.begin}
                    />
                )}
                <Button
                    disabled={verify.busy}
                    onPress={() => void verify.run(() => ask<Audit>('verify'))}
                >
                    {t('verify')}
                </Button>
            </div>
            {verify.busy && <Working text={t('verifying')} />}
            {verify.done && <Verified audit={verify.done} />}
            <Refused refusal={verify.refusal} />
        </Section>
    );
}

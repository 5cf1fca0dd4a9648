/* plan_held: plans that are not served as they came (too much of them would go, or there are too
 * many entries), until somebody releases them; and how full everything is. */
import { useState } from 'preact/hooks';
import { ask, session } from '../api';
import { status } from '../live';
import { said } from '../said';
import { Button, Chip, Field, Input, Refused, Section, Working } from '../ui/bits';
import { Act } from '../ui/act';
import { Table, type Column } from '../ui/table';
import { useAgain, useAsk, useDo } from '../ui/use';
import { language, number, when, words } from '../words';
import type { Shown } from './index';

const t = words(
    {
        held: 'Held plans',
        none: 'No plan is held back.',
        cluster: 'Cluster',
        own: 'this cluster',
        why: 'Why',
        shrunk: 'it shrank',
        quota: 'too many entries',
        illegal: 'entries that are not allowed',
        served: 'Served',
        newest: 'Newest',
        since: 'Since',
        text: 'What it means',
        action: 'Action',
        release: 'Release',
        'release-title': 'Serve the newest plan of {name}?',
        'release-text': '{newest} entries instead of {served}.',
        'own-title': 'Is the plan meant to have shrunk?',
        'own-text': 'The other clusters are told that it is meant so, and serve it.',
        'own-go': 'It is meant so',
        limits: 'Limits',
        name: 'Limit',
        used: 'Used',
        max: 'At most',
        alarm: 'Alarm at',
        full: 'Full',
        set: 'At most so many learned entries',
        save: 'Save',
    },
    {
        held: '保留中のプラン',
        none: '保留中のプランはありません。',
        cluster: 'クラスタ',
        own: 'このクラスタ',
        why: '理由',
        shrunk: '縮小',
        quota: '件数超過',
        illegal: '許可されないエントリ',
        served: '使用中',
        newest: '最新',
        since: '開始',
        text: '説明',
        action: '操作',
        release: '解除',
        'release-title': '{name} の最新のプランを使用しますか?',
        'release-text': '{served} 件に代えて {newest} 件を使用します。',
        'own-title': 'プランの縮小は意図したものですか?',
        'own-text': '意図したものであることを他のクラスタに通知し、使用させます。',
        'own-go': '意図した縮小',
        limits: '上限',
        name: '項目',
        used: '使用',
        max: '上限',
        alarm: '警告',
        full: '使用率',
        set: '学習エントリ数の上限',
        save: '保存',
    },
);

/* The limits, as ilsd names them. */
const LIMITS: Record<string, string> = {
    learned: '学習エントリ',
    'learned bytes': '学習エントリのバイト数',
    'clusters and catalogs': 'クラスタとカタログ',
    'catalogs of this hub': 'このハブのカタログ',
    streams: 'ストリーム',
    'lines of the own plan': '自クラスタのプランの行',
    'links being made': '接続処理中のリンク',
    'trust store': 'トラストストア',
    'refused certificates': '拒否された証明書',
    invites: '招待',
    alarms: 'アラーム',
    'clusters that were ended': '終了したクラスタ',
    blocks: 'ブロック',
};

function nameOf(limit: string): string {
    return (language.value === 'ja' && LIMITS[limit]) || limit;
}

interface HeldPlan {
    cluster: string;
    peer_id: string;
    local: boolean;
    why: 'shrunk' | 'quota' | 'illegal';
    served: number;
    newest: number;
    illegal: number;
    since: string | null;
    text: string;
    next: string;
}

interface Limit {
    name: string;
    used: number;
    max: number;
    alarm_at: number | null;
    settable: boolean;
}

function Release(props: { of: HeldPlan; done: () => void }) {
    const h = props.of;
    if (h.local)
        return (
            <Act
                label={t('own-go')}
                title={t('own-title')}
                work={() => ask('plan confirm-shrink')}
                done={props.done}
            >
                <p>{t('own-text')}</p>
            </Act>
        );
    if (h.why !== 'shrunk') return null;
    return (
        <Act
            label={t('release')}
            of={h.cluster}
            title={t('release-title', { name: h.cluster })}
            danger
            work={() => ask('held release', { cluster: h.peer_id })}
            done={props.done}
        >
            <p>{t('release-text', { served: number(h.served), newest: number(h.newest) })}</p>
            <p>{said(h.text)}</p>
        </Act>
    );
}

function HeldPlans() {
    const asked = useAsk<HeldPlan[]>('held');
    useAgain(asked.again, status.value?.held);
    const admin = session.value?.role === 'admin';
    const columns: Column<HeldPlan>[] = [
        {
            title: t('cluster'),
            by: h => h.cluster,
            cell: h => <strong>{h.local ? t('own') : h.cluster}</strong>,
        },
        { title: t('why'), by: h => h.why, cell: h => <Chip tone="warn">{t(h.why)}</Chip> },
        { title: t('served'), by: h => h.served, cell: h => number(h.served), right: true },
        { title: t('newest'), by: h => h.newest, cell: h => number(h.newest), right: true },
        { title: t('since'), by: h => h.since, cell: h => when(h.since) },
        { title: t('text'), cell: h => said(h.text) },
    ];
    if (admin)
        columns.push({
            title: t('action'),
            cell: h => <Release of={h} done={asked.again} />,
        });
    return (
        <Section title={t('held')}>
            <Refused refusal={asked.refusal} />
            {asked.data === undefined && asked.busy && <Working />}
            {asked.data && (
                <Table
                    caption={t('held')}
                    columns={columns}
                    rows={asked.data}
                    none={t('none')}
                    keyOf={h => `${h.peer_id} ${h.why} ${h.text}`}
                />
            )}
        </Section>
    );
}

function SetLearned(props: { now: number; done: () => void }) {
    const [max, setMax] = useState(String(props.now));
    const doing = useDo<boolean>();
    async function save(event: Event) {
        event.preventDefault();
        const good = await doing.run(() =>
            ask('limits set', { name: 'learned', max: Number(max) }).then(() => true),
        );
        if (good) props.done();
    }
    return (
        <form onSubmit={e => void save(e)}>
            <Field label={t('set')} for="limit-learned">
                <Input id="limit-learned" type="number" value={max} onChange={setMax} required />
            </Field>
            <Refused refusal={doing.refusal} />
            <div class="actions">
                <Button submit disabled={doing.busy || Number(max) === props.now}>
                    {t('save')}
                </Button>
            </div>
        </form>
    );
}

function Limits() {
    const asked = useAsk<Limit[]>('limits');
    const admin = session.value?.role === 'admin';
    const columns: Column<Limit>[] = [
        { title: t('name'), by: l => l.name, cell: l => nameOf(l.name) },
        { title: t('used'), by: l => l.used, cell: l => number(l.used), right: true },
        { title: t('max'), by: l => l.max, cell: l => number(l.max), right: true },
        { title: t('alarm'), by: l => l.alarm_at, cell: l => number(l.alarm_at), right: true },
        {
            title: t('full'),
            by: l => l.used / Math.max(1, l.max),
            cell: l => (
                <meter
                    min={0}
                    max={l.max}
                    high={l.alarm_at ?? l.max}
                    optimum={0}
                    value={l.used}
                    aria-label={nameOf(l.name)}
                />
            ),
        },
    ];
    const learned = asked.data?.find(l => l.name === 'learned');
    return (
        <Section title={t('limits')}>
            <Refused refusal={asked.refusal} />
            {asked.data && (
                <Table
                    caption={t('limits')}
                    columns={columns}
                    rows={asked.data}
                    keyOf={l => l.name}
                />
            )}
            {admin && learned && (
                <SetLearned key={learned.max} now={learned.max} done={asked.again} />
            )}
        </Section>
    );
}

export function Held(_: Shown) {
    return (
        <>
            <HeldPlans />
            <Limits />
        </>
    );
}

/* config_preview: what Save would change and whom it would disturb, before it is done. */
import { Remedy } from '../remedy';
import { said } from '../said';
import { Chip, Notice, Refused, type Tone } from '../ui/bits';
import { Dialog } from '../ui/dialog';
import { Table, type Column } from '../ui/table';
import type { Refusal } from '../api';
import { number, words } from '../words';
import type { Change, Disturbed, Preview } from './config_form';

const t = words(
    {
        title: 'Save this?',
        save: 'Save',
        changes: 'What changes',
        setting: 'Setting',
        from: 'From',
        to: 'To',
        role: 'Role',
        host: 'Registration Server',
        port: 'Port',
        exchange: 'Exchange Global Dial Plan Replication Data with Remote Clusters',
        route_string: 'Advertised Route String',
        minutes: 'Synchronize Clusters Every (minutes)',
        use_tls: 'Use TLS Certificates',
        use_password: 'Use Password',
        password: 'Password',
        accept: 'Accepted from those who dial',
        generation: 'Generation of the password',
        on: 'on',
        off: 'off',
        none: '–',
        held: 'kept',
        new: 'new',
        disturbs: 'What it disturbs, cluster by cluster',
        nobody: 'No link is disturbed.',
        cluster: 'Cluster',
        effect: 'Effect',
        after: 'Afterwards',
        stays: 'can come back',
        'cut off': 'cannot come back',
        unknown: 'not known',
        sums: '{stay} can come back, {cut} cannot, {unknown} not known.',
        registers: 'It registers with {place}.',
        draining: 'Its spokes go to other hubs first.',
        withheld:
            '{learned} learned entries are not served any more, {entries} of its own not shown.',
    },
    {
        title: 'この内容で保存しますか?',
        save: '保存',
        changes: '変更内容',
        setting: '設定',
        from: '変更前',
        to: '変更後',
        role: '役割',
        host: '登録サーバ',
        port: 'ポート',
        exchange: 'グローバルダイヤルプランの複製データをリモートクラスタと交換する',
        route_string: 'アドバタイズされたルート文字列',
        minutes: 'クラスタの同期間隔(分)',
        use_tls: 'TLS 証明書を使用',
        use_password: 'パスワードを使用',
        password: 'パスワード',
        accept: '接続してくる側に認める方式',
        generation: 'パスワードの世代',
        on: 'オン',
        off: 'オフ',
        none: '–',
        held: '保存済み',
        new: '新しい値',
        disturbs: 'クラスタごとの影響',
        nobody: '影響を受けるリンクはありません。',
        cluster: 'クラスタ',
        effect: '影響',
        after: '変更後',
        stays: '再接続できる',
        'cut off': '再接続できない',
        unknown: '不明',
        sums: '再接続できる: {stay}、できない: {cut}、不明: {unknown}。',
        registers: '{place} に登録します。',
        draining: 'スポークは先に別のハブへ移ります。',
        withheld:
            '学習した {learned} 件は提供されなくなり、自クラスタの {entries} 件は公開されなくなります。',
    },
);

const FIELDS = [
    'role',
    'host',
    'port',
    'exchange',
    'route_string',
    'minutes',
    'use_tls',
    'use_password',
    'password',
    'accept',
    'generation',
] as const;

function nameOf(field: string): string {
    const known = FIELDS.find(f => f === field);
    return known ? t(known) : field;
}

function shown(value: unknown): string {
    if (value === null || value === undefined || value === '') return t('none');
    if (value === true || value === false) return t(value ? 'on' : 'off');
    if (value === 'held' || value === 'new') return t(value);
    if (Array.isArray(value)) return value.map(String).join(', ') || t('none');
    return said(String(value));
}

const tones: Record<Disturbed['outcome'], Tone> = {
    stays: 'good',
    'cut off': 'bad',
    unknown: 'warn',
};

function Effects(props: { preview: Preview }) {
    const { clusters, stay, cut_off, unknown } = props.preview;
    const columns: Column<Disturbed>[] = [
        { title: t('cluster'), by: c => c.name, cell: c => <strong>{c.name}</strong> },
        {
            title: t('effect'),
            cell: c => c.effects.map(e => <div key={e.text}>{said(e.text)}</div>),
        },
        {
            title: t('after'),
            by: c => c.outcome,
            cell: c => (
                <>
                    <Chip tone={tones[c.outcome]}>{t(c.outcome)}</Chip>
                    {c.why && <div>{said(c.why)}</div>}
                    {c.next && <Remedy text={c.next} at={c.next_at} />}
                </>
            ),
        },
    ];
    if (clusters.length === 0) return <p>{t('nobody')}</p>;
    return (
        <>
            <h3>{t('disturbs')}</h3>
            <p>{t('sums', { stay, cut: cut_off, unknown })}</p>
            <Table
                caption={t('disturbs')}
                columns={columns}
                rows={clusters}
                each={10}
                keyOf={c => c.peer_id}
            />
        </>
    );
}

export function PreviewDialog(props: {
    preview: Preview;
    refusal: Refusal | null;
    busy: boolean;
    onGo: () => void;
    onCancel: () => void;
}) {
    const p = props.preview;
    const columns: Column<Change>[] = [
        { title: t('setting'), cell: c => nameOf(c.field) },
        { title: t('from'), cell: c => shown(c.from) },
        { title: t('to'), cell: c => shown(c.to) },
    ];
    return (
        <Dialog
            title={t('title')}
            go={t('save')}
            danger={p.cut_off > 0}
            busy={props.busy}
            onGo={props.onGo}
            onCancel={props.onCancel}
        >
            <Table caption={t('changes')} columns={columns} rows={p.changes} keyOf={c => c.field} />
            {p.registers && <p>{t('registers', { place: p.registers })}</p>}
            {p.draining && <p>{t('draining')}</p>}
            {p.withholds && (
                <Notice tone="warn">
                    {t('withheld', {
                        learned: number(p.withholds.learned),
                        entries: number(p.withholds.entries),
                    })}
                </Notice>
            )}
            <Effects preview={p} />
            <Refused refusal={props.refusal} />
        </Dialog>
    );
}

/* plan_why: where what was dialled goes, and why: the winner, who lost to it and by which rule,
 * and the rules themselves. What `ils why` says. */
import { useEffect, useState } from 'preact/hooks';
import { ask, session } from '../api';
import { clusters } from '../live';
import { Remedy } from '../remedy';
import { said } from '../said';
import { Button, Check, Chip, Field, Input, Notice, Refused, Section, Select } from '../ui/bits';
import { Table, type Column } from '../ui/table';
import { useAsk, useDo } from '../ui/use';
import { words } from '../words';
import type { Shown } from './index';

const t = words(
    {
        title: 'Where it goes, and why',
        dialled: 'Dialled',
        'dialled-hint': 'A number or user@host.',
        from: 'As seen from',
        here: 'this cluster',
        go: 'Look it up',
        found: 'Found',
        no_match: 'No match',
        no_route: 'No route',
        local: "This cluster's own",
        'local-there': 'An own entry of {name}',
        bad_input: 'Not a number or address',
        blocked: 'Blocked',
        cut: 'Not known',
        winner: 'Winner',
        targets: 'Targets',
        target: 'Target',
        reason: 'Reason',
        pattern: 'Route',
        q: 'Order',
        losers: 'Losers',
        'no-losers': 'Nobody else announces it.',
        more: 'There are more losers.',
        kind: 'Kind',
        value: 'Entry',
        cluster: 'Cluster',
        route: 'Route string',
        rule: 'Why not',
        usn: 'USN',
        stale: 'stale',
        canonical: 'Read as',
        number: 'Number',
        uri: 'URI',
        patterns: 'Routes that cover it',
        failover: 'PSTN failover',
        avoided: 'Left out',
        'cut-text': 'Not all patterns were asked: there are too many.',
        longer: 'With more digits a pattern would match.',
        rules: 'How dialled strings are read',
        strings: 'A user that could be a number is',
        phone: 'a number, if it has digits only',
        'phone-abcd': 'a number, also with A to D',
        'as-uri': 'always a URI',
        case: 'Upper and lower case differ in users of URIs',
        domains: 'A domain that no route covers is asked itself (DNS)',
        save: 'Save',
        saved: 'Saved.',
    },
    {
        title: '宛先とその理由',
        dialled: 'ダイヤル文字列',
        'dialled-hint': '番号または user@host。',
        from: '視点',
        here: 'このクラスタ',
        go: '検索',
        found: '宛先あり',
        no_match: '一致なし',
        no_route: 'ルートなし',
        local: '自クラスタのエントリ',
        'local-there': '{name} 自身のエントリ',
        bad_input: '番号でもアドレスでもありません',
        blocked: 'ブロック',
        cut: '不明',
        winner: '採用されたエントリ',
        targets: '宛先',
        target: '宛先',
        reason: '根拠',
        pattern: 'ルート',
        q: '順序',
        losers: '採用されなかったエントリ',
        'no-losers': '他のクラスタはアドバタイズしていません。',
        more: 'ほかにもあります。',
        kind: '種別',
        value: 'エントリ',
        cluster: 'クラスタ',
        route: 'ルート文字列',
        rule: '不採用の理由',
        usn: 'USN',
        stale: '古い',
        canonical: '正規化',
        number: '番号',
        uri: 'URI',
        patterns: '一致するルート',
        failover: 'PSTN フェールオーバー',
        avoided: '除外',
        'cut-text': 'パターンが多すぎるため、すべては検索していません。',
        longer: '桁を追加すると一致するパターンがあります。',
        rules: 'ダイヤル文字列の解釈',
        strings: '番号とも読めるユーザ部の扱い',
        phone: '数字だけなら番号',
        'phone-abcd': 'A～D を含んでも番号',
        'as-uri': '常に URI',
        case: 'URI のユーザ部で大文字と小文字を区別する',
        domains: 'ルートのないドメインは、そのドメイン自体に問い合わせる(DNS)',
        save: '保存',
        saved: '保存しました。',
    },
);

interface Match {
    kind: string;
    value: string;
    cluster_id: string;
    route_string: string;
    usn: number;
    local: boolean;
    stale: boolean;
    rule?: string;
}

interface Target {
    uri: string;
    q: string | number;
    reason: string;
    route_pattern: string | null;
}

const results = ['found', 'no_match', 'no_route', 'local', 'bad_input', 'blocked', 'cut'] as const;

interface Answer {
    dialed: string;
    /* as which cluster sees it; null: this one */
    from: string | null;
    result: (typeof results)[number];
    longer: boolean;
    match: Match | null;
    targets: Target[];
    why: {
        text: string;
        cut: boolean;
        cut_by: string | null;
        canonical: string | null;
        number: string | null;
        uri: string | null;
        losers: Match[];
        more_losers: boolean;
        avoided: unknown[];
        route_patterns: string[];
        failover: string | null;
        next: string | null;
    };
}

const matchColumns = (): Column<Match>[] => [
    { title: t('kind'), cell: m => m.kind },
    { title: t('value'), cell: m => <code>{m.value}</code> },
    {
        title: t('cluster'),
        cell: m => (
            <>
                <strong>{m.cluster_id}</strong> {m.stale && <Chip tone="warn">{t('stale')}</Chip>}
            </>
        ),
    },
    { title: t('route'), cell: m => m.route_string },
    { title: t('usn'), cell: m => m.usn, right: true },
];

const targetColumns = (): Column<Target>[] => [
    { title: t('target'), cell: x => <code>{x.uri}</code> },
    { title: t('q'), cell: x => x.q, right: true },
    { title: t('reason'), cell: x => x.reason },
    { title: t('pattern'), cell: x => x.route_pattern ?? '–' },
];

function Facts(props: { of: Answer }) {
    const { why } = props.of;
    const facts: [string, string | null][] = [
        [t('canonical'), why.canonical],
        [t('number'), why.number],
        [t('uri'), why.uri],
        [t('patterns'), why.route_patterns.join(', ') || null],
        [t('failover'), why.failover],
        [
            t('avoided'),
            why.avoided.map(a => (typeof a === 'string' ? a : JSON.stringify(a))).join(', ') ||
                null,
        ],
    ];
    return (
        <dl class="facts">
            {facts.map(
                ([name, value]) =>
                    value && (
                        <>
                            <dt>{name}</dt>
                            <dd>
                                <code>{value}</code>
                            </dd>
                        </>
                    ),
            )}
        </dl>
    );
}

function Result(props: { of: Answer }) {
    const a = props.of;
    const good = a.result === 'found' || a.result === 'local';
    const there = a.result === 'local' && a.from !== null;
    const what = there ? t('local-there', { name: a.match?.cluster_id ?? '' }) : t(a.result);
    return (
        <>
            <Notice
                tone={good ? 'good' : a.result === 'bad_input' ? 'bad' : 'warn'}
                live
                title={`${a.dialed}: ${what}`}
            >
                {!there && <p>{said(a.why.text)}</p>}
                {a.longer && <p>{t('longer')}</p>}
                {a.why.cut && (
                    <p>
                        {t('cut-text')} {a.why.cut_by}
                    </p>
                )}
                {a.why.next && (
                    <p>
                        <Remedy text={a.why.next} at="here" />
                    </p>
                )}
            </Notice>
            <Facts of={a} />
            {a.match && (
                <>
                    <h3>{t('winner')}</h3>
                    <Table
                        caption={t('winner')}
                        columns={matchColumns()}
                        rows={[a.match]}
                        keyOf={m => m.value}
                    />
                </>
            )}
            {a.targets.length > 0 && (
                <>
                    <h3>{t('targets')}</h3>
                    <Table
                        caption={t('targets')}
                        columns={targetColumns()}
                        rows={a.targets}
                        keyOf={x => `${x.uri} ${x.q}`}
                    />
                </>
            )}
            <h3>{t('losers')}</h3>
            <Table
                caption={t('losers')}
                columns={[...matchColumns(), { title: t('rule'), cell: m => said(m.rule) }]}
                rows={a.why.losers}
                none={t('no-losers')}
                keyOf={m => `${m.kind} ${m.value} ${m.cluster_id} ${m.route_string} ${m.usn}`}
            />
            {a.why.more_losers && <p class="hint">{t('more')}</p>}
        </>
    );
}

interface RulesForm {
    dial_strings: string;
    uri_case: boolean;
    domains: boolean;
}

function Rules() {
    const asked = useAsk<RulesForm>('lookup show');
    const [form, setForm] = useState<RulesForm | null>(null);
    const doing = useDo<boolean>();
    const admin = session.value?.role === 'admin';
    const now = form ?? asked.data;
    if (!now) return <Refused refusal={asked.refusal} />;
    async function save(event: Event) {
        event.preventDefault();
        await doing.run(() => ask('lookup set', { ...now }).then(() => true));
    }
    return (
        <Section title={t('rules')}>
            <form onSubmit={e => void save(e)}>
                <Field label={t('strings')} for="rules-strings">
                    <Select
                        id="rules-strings"
                        value={now.dial_strings}
                        disabled={!admin}
                        onChange={dial_strings => setForm({ ...now, dial_strings })}
                        options={[
                            ['phone', t('phone')],
                            ['phone-abcd', t('phone-abcd')],
                            ['uri', t('as-uri')],
                        ]}
                    />
                </Field>
                <Check
                    id="rules-case"
                    label={t('case')}
                    checked={now.uri_case}
                    disabled={!admin}
                    onChange={uri_case => setForm({ ...now, uri_case })}
                />
                <Check
                    id="rules-domains"
                    label={t('domains')}
                    checked={now.domains}
                    disabled={!admin}
                    onChange={domains => setForm({ ...now, domains })}
                />
                <Refused refusal={doing.refusal} />
                {doing.done && <Notice tone="good" live title={t('saved')} />}
                {admin && (
                    <div class="actions">
                        <Button submit disabled={doing.busy || form === null}>
                            {t('save')}
                        </Button>
                    </div>
                )}
            </form>
        </Section>
    );
}

export function Why(props: Shown) {
    const given = props.query.get('dialled') ?? '';
    const [dialled, setDialled] = useState(given);
    const [from, setFrom] = useState('');
    const doing = useDo<Answer>();
    const look = (text: string) => void doing.run(() => ask('lookup', { dialled: text, from }));
    useEffect(() => {
        setDialled(given);
        if (given !== '') look(given);
    }, [given]);
    return (
        <>
            <Section title={t('title')}>
                <form
                    onSubmit={e => {
                        e.preventDefault();
                        look(dialled);
                    }}
                >
                    <Field label={t('dialled')} for="why-dialled" hint={t('dialled-hint')}>
                        <Input
                            id="why-dialled"
                            value={dialled}
                            onChange={setDialled}
                            required
                            hinted
                        />
                    </Field>
                    <Field label={t('from')} for="why-from">
                        <Select
                            id="why-from"
                            value={from}
                            onChange={setFrom}
                            options={[
                                ['', t('here')],
                                ...clusters.value
                                    .filter(c => !c.local)
                                    .map((c): [string, string] => [c.peer_id, c.name]),
                            ]}
                        />
                    </Field>
                    <div class="actions">
                        <Button submit kind="main" disabled={doing.busy}>
                            {t('go')}
                        </Button>
                    </div>
                </form>
                <Refused refusal={doing.refusal} />
                {doing.done && <Result of={doing.done} />}
            </Section>
            <Rules />
        </>
    );
}

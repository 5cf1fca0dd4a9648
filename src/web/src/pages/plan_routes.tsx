/* plan_routes: where calls for a route string go: the routes and what becomes of each, one added
 * with what it takes from others, one removed, one tried; and what was learned under a route
 * string that no route covers. */
import { useState } from 'preact/hooks';
import { ask, session } from '../api';
import { status } from '../live';
import { Remedy } from '../remedy';
import { said } from '../said';
import { Button, Check, Chip, Field, Input, Notice, Refused, Section, Working } from '../ui/bits';
import { Act } from '../ui/act';
import { Table, type Column } from '../ui/table';
import { useAgain, useAsk, useDo } from '../ui/use';
import { number, words } from '../words';
import type { Shown } from './index';

const t = words(
    {
        routes: 'Routes',
        none: 'There is no route yet: what is learned leads nowhere.',
        pattern: 'Pattern',
        target: 'Target',
        priority: 'Priority',
        weight: 'Weight',
        state: 'State',
        good: 'decides',
        self: "left out: this cluster's own door",
        action: 'Action',
        remove: 'Remove',
        sure: 'Remove the route {pattern} to {target}?',
        'sure-text': 'Calls for what it alone covers find no way any more.',
        missing: 'Learned, without a route',
        'none-missing': 'Every route string that was learned is covered.',
        route: 'Route string',
        cluster: 'Cluster',
        entries: 'Entries',
        add: 'Add a route',
        'add-this': 'Add a route',
        'pattern-hint': 'A route string; * stands for labels: *.osaka.example.com. pstn: failover.',
        'target-hint': 'A SIP URI: sip:10.0.0.5:5060;transport=tcp',
        'priority-hint': 'The lower one is tried first. Empty: 10.',
        'weight-hint': 'The share among those of one priority. Empty: 10.',
        unresolved: 'Add it even if its host does not resolve',
        'add-go': 'Add',
        added: 'The route was added.',
        warnings: 'What does not decide because of it',
        test: 'Try a route string',
        'test-go': 'Try it',
        covered: '{name}: covered by a route',
        domain: '{name}: no route; asked as a domain',
        no_route: '{name}: no route covers it',
        patterns: 'Patterns that cover it, the most specific first',
    },
    {
        routes: 'ルート',
        none: 'ルートがまだないため、学習したエントリの宛先がありません。',
        pattern: 'パターン',
        target: '宛先',
        priority: '優先度',
        weight: '重み',
        state: '状態',
        good: '有効',
        self: '除外: このクラスタ自身の受け口',
        action: '操作',
        remove: '削除',
        sure: '{target} へのルート {pattern} を削除しますか?',
        'sure-text': 'このルートだけが対象としていた呼の宛先がなくなります。',
        missing: 'ルートのない学習済みルート文字列',
        'none-missing': '学習したルート文字列にはすべてルートがあります。',
        route: 'ルート文字列',
        cluster: 'クラスタ',
        entries: 'エントリ数',
        add: 'ルートの追加',
        'add-this': 'ルートを追加',
        'pattern-hint':
            'ルート文字列。* はラベルを表します(例 *.osaka.example.com)。pstn: フェールオーバー用。',
        'target-hint': 'SIP URI。例: sip:10.0.0.5:5060;transport=tcp',
        'priority-hint': '小さい値が先に使われます。空欄: 10。',
        'weight-hint': '同じ優先度の中での配分。空欄: 10。',
        unresolved: 'ホスト名を解決できなくても追加する',
        'add-go': '追加',
        added: 'ルートを追加しました。',
        warnings: 'この追加により使われなくなるもの',
        test: 'ルート文字列の試行',
        'test-go': '試行',
        covered: '{name}: 一致するルートがあります',
        domain: '{name}: ルートがないため、ドメインとして問い合わせます',
        no_route: '{name}: 一致するルートがありません',
        patterns: '一致するパターン(具体的な順)',
    },
);

interface Route {
    pattern: string;
    target: string;
    priority: number;
    weight: number;
    self: boolean;
}

interface Finding {
    what: string;
    key: string;
    other: string | null;
    text: string;
    next: string | null;
}

interface Missing {
    route_string: string;
    cluster_id: string;
    entries: number;
    next: string;
}

function Findings(props: { rows: Finding[] }) {
    return (
        <>
            {props.rows.map(f => (
                <p key={`${f.what} ${f.key} ${f.other}`}>
                    <code>{f.key}</code>: {said(f.text)} {f.other && <code>{f.other}</code>}{' '}
                    {f.next && <Remedy text={f.next} at="here" />}
                </p>
            ))}
        </>
    );
}

function State(props: { of: Route; findings: Finding[] }) {
    const { of } = props;
    const wrong = props.findings.filter(f => f.what === 'shadowed' && f.key === of.pattern);
    if (of.self) return <Chip tone="warn">{t('self')}</Chip>;
    if (wrong.length > 0) return <Findings rows={wrong} />;
    return <Chip tone="good">{t('good')}</Chip>;
}

function List(props: { turn: number; done: () => void }) {
    const asked = useAsk<Route[]>('route list');
    const checked = useAsk<{ findings: Finding[] }>('plan check');
    useAgain(asked.again, props.turn);
    useAgain(checked.again, props.turn);
    const admin = session.value?.role === 'admin';
    const columns: Column<Route>[] = [
        { title: t('pattern'), by: r => r.pattern, cell: r => <code>{r.pattern}</code> },
        { title: t('target'), by: r => r.target, cell: r => <code>{r.target}</code> },
        { title: t('priority'), by: r => r.priority, cell: r => r.priority, right: true },
        { title: t('weight'), by: r => r.weight, cell: r => r.weight, right: true },
        {
            title: t('state'),
            cell: r => <State of={r} findings={checked.data?.findings ?? []} />,
        },
    ];
    if (admin)
        columns.push({
            title: t('action'),
            cell: r => (
                <Act
                    label={t('remove')}
                    of={`${r.pattern} ${r.target}`}
                    title={t('sure', { pattern: r.pattern, target: r.target })}
                    danger
                    work={() => ask('route remove', { pattern: r.pattern, target: r.target })}
                    done={props.done}
                >
                    <p>{t('sure-text')}</p>
                </Act>
            ),
        });
    return (
        <Section title={t('routes')}>
            <Refused refusal={asked.refusal} />
            {asked.data === undefined && asked.busy && <Working />}
            {asked.data && (
                <Table
                    caption={t('routes')}
                    columns={columns}
                    rows={asked.data}
                    filter={asked.data.length > 10}
                    none={t('none')}
                    keyOf={r => `${r.pattern} ${r.target}`}
                />
            )}
        </Section>
    );
}

function MissingOnes(props: { onAdd: (pattern: string) => void }) {
    const rows = (status.value?.routes_missing ?? []) as Missing[];
    const columns: Column<Missing>[] = [
        { title: t('route'), by: m => m.route_string, cell: m => <code>{m.route_string}</code> },
        { title: t('cluster'), by: m => m.cluster_id, cell: m => m.cluster_id },
        { title: t('entries'), by: m => m.entries, cell: m => number(m.entries), right: true },
    ];
    if (session.value?.role === 'admin')
        columns.push({
            title: t('action'),
            cell: m => (
                <Button
                    label={`${t('add-this')}: ${m.route_string}`}
                    onPress={() => props.onAdd(m.route_string)}
                >
                    {t('add-this')}
                </Button>
            ),
        });
    return (
        <Section title={t('missing')}>
            <Table
                caption={t('missing')}
                columns={columns}
                rows={rows}
                none={t('none-missing')}
                keyOf={m => `${m.route_string} ${m.cluster_id}`}
            />
        </Section>
    );
}

function Add(props: { pattern: string; onPattern: (p: string) => void; done: () => void }) {
    const [target, setTarget] = useState('');
    const [priority, setPriority] = useState('');
    const [weight, setWeight] = useState('');
    const [unresolved, setUnresolved] = useState(false);
    const doing = useDo<{ warnings: Finding[] }>();
    const figure = (text: string) => (text === '' ? undefined : Number(text));
    async function add(event: Event) {
        event.preventDefault();
        const got = await doing.run(() =>
            ask('route add', {
                pattern: props.pattern,
                target,
                priority: figure(priority),
                weight: figure(weight),
                unresolved: unresolved || undefined,
            }),
        );
        if (got === undefined) return;
        props.onPattern('');
        setTarget('');
        props.done();
    }
    return (
        <Section title={t('add')}>
            <form onSubmit={e => void add(e)}>
                <Field label={t('pattern')} for="route-pattern" hint={t('pattern-hint')}>
                    <Input
                        id="route-pattern"
                        value={props.pattern}
                        onChange={props.onPattern}
                        required
                        hinted
                    />
                </Field>
                <Field label={t('target')} for="route-target" hint={t('target-hint')}>
                    <Input id="route-target" value={target} onChange={setTarget} required hinted />
                </Field>
                <Field label={t('priority')} for="route-priority" hint={t('priority-hint')}>
                    <Input
                        id="route-priority"
                        type="number"
                        value={priority}
                        onChange={setPriority}
                        hinted
                    />
                </Field>
                <Field label={t('weight')} for="route-weight" hint={t('weight-hint')}>
                    <Input
                        id="route-weight"
                        type="number"
                        value={weight}
                        onChange={setWeight}
                        hinted
                    />
                </Field>
                <Check
                    id="route-unresolved"
                    label={t('unresolved')}
                    checked={unresolved}
                    onChange={setUnresolved}
                />
                <Refused refusal={doing.refusal} />
                {doing.done && (
                    <Notice
                        tone={doing.done.warnings.length > 0 ? 'warn' : 'good'}
                        live
                        title={t('added')}
                    >
                        {doing.done.warnings.length > 0 && <p>{t('warnings')}</p>}
                        <Findings rows={doing.done.warnings} />
                    </Notice>
                )}
                <div class="actions">
                    <Button submit kind="main" disabled={doing.busy}>
                        {t('add-go')}
                    </Button>
                </div>
            </form>
        </Section>
    );
}

interface Tested {
    route_string: string;
    result: 'route' | 'domain' | 'no_route';
    targets: Route[];
    patterns: string[];
    next: string | null;
}

function Test() {
    const [name, setName] = useState('');
    const doing = useDo<Tested>();
    const got = doing.done;
    const columns: Column<Route>[] = [
        { title: t('pattern'), cell: r => <code>{r.pattern}</code> },
        { title: t('target'), cell: r => <code>{r.target}</code> },
        { title: t('priority'), cell: r => r.priority, right: true },
        { title: t('weight'), cell: r => r.weight, right: true },
    ];
    return (
        <Section title={t('test')}>
            <form
                onSubmit={e => {
                    e.preventDefault();
                    void doing.run(() => ask('route test', { route_string: name }));
                }}
            >
                <Field label={t('route')} for="test-route">
                    <Input id="test-route" value={name} onChange={setName} required />
                </Field>
                <div class="actions">
                    <Button submit disabled={doing.busy}>
                        {t('test-go')}
                    </Button>
                </div>
            </form>
            <Refused refusal={doing.refusal} />
            {got && (
                <Notice
                    tone={got.result === 'no_route' ? 'warn' : 'good'}
                    live
                    title={t(got.result === 'route' ? 'covered' : got.result, {
                        name: got.route_string,
                    })}
                >
                    {got.patterns.length > 0 && (
                        <p>
                            {t('patterns')}: <code>{got.patterns.join(', ')}</code>
                        </p>
                    )}
                    {got.next && (
                        <p>
                            <Remedy text={got.next} at="here" />
                        </p>
                    )}
                </Notice>
            )}
            {got && got.targets.length > 0 && (
                <Table
                    caption={t('target')}
                    columns={columns}
                    rows={got.targets}
                    keyOf={r => `${r.pattern} ${r.target}`}
                />
            )}
        </Section>
    );
}

export function Routes(props: Shown) {
    const [turn, setTurn] = useState(0);
    const [pattern, setPattern] = useState(props.query.get('pattern') ?? '');
    const done = () => setTurn(n => n + 1);
    function adding(name: string) {
        setPattern(name);
        document.getElementById('route-target')?.focus();
    }
    return (
        <>
            <MissingOnes onAdd={adding} />
            <List turn={turn} done={done} />
            {session.value?.role === 'admin' && (
                <Add pattern={pattern} onPattern={setPattern} done={done} />
            )}
            <Test />
        </>
    );
}
